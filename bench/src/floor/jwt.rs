//! J: a form in, one signed `at+jwt` out, everything through serde and no client authentication.
//! This is what a straightforward token endpoint costs when it checks nothing.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::Outcome;

pub(super) enum Algorithm {
    Es256,
    EdDsa,
}

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

struct Issuer {
    key: Key,
    random: SystemRandom,
}

#[derive(Deserialize)]
struct TokenForm {
    grant_type: String,
    scope: String,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    scope: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
}

#[derive(Serialize)]
struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
}

pub(super) fn router(algorithm: &Algorithm) -> Outcome<Router> {
    let key = match algorithm {
        Algorithm::Es256 => Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
        Algorithm::EdDsa => Key::EdDsa(Ed25519KeyPair::generate()?),
    };
    let issuer = Arc::new(Issuer { key, random: SystemRandom::new() });
    Ok(Router::new().route("/", post(issue)).with_state(issuer))
}

async fn issue(
    State(issuer): State<Arc<Issuer>>,
    Form(form): Form<TokenForm>,
) -> Result<Json<TokenAnswer>, StatusCode> {
    if form.grant_type != "client_credentials" {
        return Err(StatusCode::BAD_REQUEST);
    }
    let access_token =
        issuer.token(&form.scope).map_err(|_error| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(TokenAnswer { access_token, token_type: "Bearer", expires_in: 900, scope: form.scope }))
}

impl Issuer {
    fn token(&self, scope: &str) -> Outcome<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut jti = [0; 16];
        self.random.fill(&mut jti)?;
        let alg = match self.key {
            Key::Es256(_) => "ES256",
            Key::EdDsa(_) => "EdDSA",
        };
        let header = Header { alg, typ: "at+jwt", kid: "0190a0b1c2d3e4f5" };
        let claims = Claims {
            iss: "http://127.0.0.1:8484",
            sub: "kh_client_0000000000000000000001",
            aud: "http://127.0.0.1:8484",
            client_id: "kh_client_0000000000000000000001",
            scope,
            iat: now,
            exp: now + 900,
            jti: URL_SAFE_NO_PAD.encode(jti),
        };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?);
        let signed = format!("{header}.{claims}");
        Ok(format!("{signed}.{}", self.signature(signed.as_bytes())?))
    }

    fn signature(&self, message: &[u8]) -> Outcome<String> {
        Ok(match &self.key {
            Key::Es256(key) => URL_SAFE_NO_PAD.encode(key.sign(&self.random, message)?),
            Key::EdDsa(key) => URL_SAFE_NO_PAD.encode(key.sign(message)),
        })
    }
}
