//! ID tokens (OpenID Connect Core §2, §3.1.3.6, §12.2): made for the client that asked, and read
//! back when they come as a hint. They carry what was asked for and nothing else.

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use crate::access_token::Signer;
use crate::authorize::{RequestedClaims, acr_of};
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::claims::ClaimSet;
use crate::jose::compact::parse_compact;
use crate::jose::signing_key::KeyError;
use crate::jose::verifying_key::KeySet;
use crate::json::Object;
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};

/// The longest life of an ID token (security bar §1).
pub const LIFETIME: Seconds = Seconds(600);

/// What an ID token says.
#[derive(Clone, Debug)]
pub struct IdToken<'a> {
    /// Us.
    pub issuer: &'a str,
    /// The person, as this client knows them.
    pub subject: &'a str,
    /// The client.
    pub client_id: &'a str,
    /// Now.
    pub issued_at: Timestamp,
    /// The request's `nonce`; none in the answer to a refresh (OpenID Connect Core §12.2).
    pub nonce: Option<&'a str>,
    /// When the person proved who they are; only where the client asked for it.
    pub auth_time: Option<Timestamp>,
    /// How strong that proof was; only where asked for.
    pub acr: Option<&'a str>,
    /// Of what it consisted; only where asked for.
    pub amr: Option<&'a [String]>,
    /// The session, for a client that hears of logouts (Back-Channel Logout §2.1).
    pub sid: Option<&'a str>,
    /// The access token beside it.
    pub access_token: &'a str,
    /// Claims about the person that were asked for here; none of those above is one.
    pub claims: Map<String, Value>,
}

/// How the person had signed in, as far as an ID token may tell.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// When.
    pub authenticated_at: Timestamp,
    /// How.
    pub amr: &'a [String],
    /// Whether the request bounded the login's age.
    pub max_age: Option<Seconds>,
    /// Whether the request named strengths.
    pub acr_asked: bool,
}

impl<'a> IdToken<'a> {
    /// Adds what was asked for about the login.
    #[must_use]
    pub fn with_proof(mut self, proof: Proof<'a>, asked: &RequestedClaims) -> Self {
        if proof.max_age.is_some() || asked.of_id_token("auth_time").is_some() {
            self.auth_time = Some(proof.authenticated_at);
        }
        if proof.acr_asked || asked.of_id_token("acr").is_some() {
            self.acr = Some(acr_of(proof.amr));
        }
        if asked.of_id_token("amr").is_some() {
            self.amr = Some(proof.amr);
        }
        self
    }

    /// Signs it.
    pub fn sign(&self, signer: &Signer) -> Result<Secret, KeyError> {
        signer.sign_id_token(&self.to_json(signer.key().algorithm()))
    }

    /// Written by hand: this runs for every code redeemed.
    fn to_json(&self, algorithm: Algorithm) -> Vec<u8> {
        let mut out = Object::new();
        out.text("iss", self.issuer)
            .text("sub", self.subject)
            .text("aud", self.client_id)
            .number("exp", self.issued_at.plus(LIFETIME).0)
            .number("iat", self.issued_at.0)
            .text("at_hash", &at_hash(self.access_token, algorithm))
            .maybe_text("nonce", self.nonce)
            .maybe_number("auth_time", self.auth_time.map(|at| at.0))
            .maybe_text("acr", self.acr);
        if let Some(amr) = self.amr {
            out.raw("amr", Value::from(amr).to_string().as_bytes());
        }
        out.maybe_text("sid", self.sid).members(&self.claims);
        out.finish()
    }
}

/// The left half of the access token's hash (OpenID Connect Core §3.1.3.6): by the hash of the
/// signature's algorithm, which for Ed25519 is SHA-512 (RFC 8032 §5.1).
fn at_hash(access_token: &str, algorithm: Algorithm) -> String {
    let hash = match algorithm {
        Algorithm::EdDsa => &digest::SHA512,
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => &digest::SHA256,
    };
    let hash = digest::digest(hash, access_token.as_bytes());
    base64url::encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}

/// What an ID token of ours says when it comes back as a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The client it was made for.
    pub client_id: String,
    /// The person, as that client knows them.
    pub subject: String,
    /// The session, if it was named.
    pub sid: Option<String>,
}

/// Reads an `id_token_hint`. It may have expired: it says who, and opens nothing
/// (RP-Initiated Logout §2).
pub fn read_hint(text: &str, keys: &KeySet, issuer: &str) -> Result<Hint, &'static str> {
    let jws = parse_compact(text)?;
    if jws.header.typ.is_some() && !jws.header.typ_is("JWT") {
        return Err("the hint is not an ID token");
    }
    let kid = jws.header.kid.as_deref().ok_or("kid is missing")?;
    keys.find(kid, jws.header.algorithm)?.verify(jws.signing_input, &jws.signature)?;
    let claims = ClaimSet::parse(&jws.payload)?;
    if claims.text("iss", "iss is missing or not a string")? != issuer {
        return Err("iss is not this issuer");
    }
    // A logout token would name its client and its person as well.
    if claims.contains("events") || !claims.contains("at_hash") {
        return Err("the hint is not an ID token");
    }
    Ok(Hint {
        client_id: claims.text("aud", "aud is missing or not a single string")?.to_owned(),
        subject: claims.text("sub", "sub is missing or not a string")?.to_owned(),
        sid: claims.optional_text("sid", "sid is not a string")?.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::jose::forge;
    use crate::jose::jwk_set::JwkSet;
    use crate::jose::signing_key::SigningKey;
    use crate::person::is_personal;

    const ISSUER: &str = "https://issuer.test";

    fn a_token<'a>() -> IdToken<'a> {
        IdToken {
            issuer: ISSUER,
            subject: "sam",
            client_id: "kh_client_a",
            issued_at: Timestamp(1_000),
            nonce: None,
            auth_time: None,
            acr: None,
            amr: None,
            sid: None,
            // OpenID Connect Core Appendix A.3.
            access_token: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
            claims: Map::new(),
        }
    }

    fn keys() -> KeySet {
        let keys = Algorithm::ALL.map(|algorithm| forge::key(algorithm).jwk().clone());
        KeySet::prepare(&JwkSet::new(keys.to_vec())).unwrap()
    }

    fn signed(token: &IdToken<'_>) -> String {
        let key = SigningKey::from_pkcs8(
            Algorithm::Es256,
            &forge::key(Algorithm::Es256).to_pkcs8().unwrap(),
        );
        token.sign(&Signer::new(Arc::new(key.unwrap()))).unwrap().reveal().to_owned()
    }

    fn read(token: &IdToken<'_>) -> Value {
        serde_json::from_slice(&token.to_json(Algorithm::Es256)).unwrap()
    }

    #[test]
    fn what_was_not_asked_for_is_not_there() {
        let amr = ["pwd".to_owned()];
        let proof =
            Proof { authenticated_at: Timestamp(990), amr: &amr, max_age: None, acr_asked: false };
        let token = a_token().with_proof(proof, &RequestedClaims::default());
        let expected = json!({
            "iss": ISSUER, "sub": "sam", "aud": "kh_client_a", "exp": 1_600, "iat": 1_000,
            "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
        });
        assert_eq!(read(&token), expected);
    }

    #[test]
    fn what_was_asked_for_is_there() {
        let amr = ["pwd".to_owned(), "otp".to_owned(), "mfa".to_owned()];
        let proof = Proof {
            authenticated_at: Timestamp(990),
            amr: &amr,
            max_age: Some(Seconds(100)),
            acr_asked: true,
        };
        let asked = RequestedClaims::parse(r#"{"id_token":{"amr":null}}"#).unwrap();
        let token = IdToken { nonce: Some("n"), sid: Some("s"), ..a_token() };
        let claims = json!({"email": "sam@a.test", "email_verified": true});
        let token = IdToken { claims: claims.as_object().unwrap().clone(), ..token };
        let json = read(&token.with_proof(proof, &asked));
        assert_eq!(json["nonce"], "n");
        assert_eq!(json["sid"], "s");
        assert_eq!(json["auth_time"], 990);
        assert_eq!(json["acr"], "urn:keyhaven:acr:multi-factor");
        assert_eq!(json["amr"], json!(["pwd", "otp", "mfa"]));
        assert_eq!(json["email"], "sam@a.test");
        assert_eq!(json["email_verified"], true);
        // Claims about the person are added unlooked at, and no name may stand twice.
        for name in json.as_object().unwrap().keys() {
            assert_eq!(is_personal(name), name.starts_with("email"), "{name}");
        }
    }

    #[test]
    fn a_hint_reads_back_even_when_it_has_expired() {
        let text = signed(&IdToken { sid: Some("s"), ..a_token() });
        let hint = read_hint(&text, &keys(), ISSUER).unwrap();
        assert_eq!(hint.subject, "sam");
        assert_eq!(hint.client_id, "kh_client_a");
        assert_eq!(hint.sid.as_deref(), Some("s"));
        assert_eq!(read_hint(&text, &keys(), "https://e.test"), Err("iss is not this issuer"));
    }

    #[test]
    fn another_kind_of_token_is_no_hint() {
        let key = forge::key(Algorithm::Es256);
        let header = |typ: &str| json!({"alg": "ES256", "kid": key.kid(), "typ": typ}).to_string();
        let claims = json!({"iss": ISSUER, "aud": "a", "sub": "b", "events": {}, "at_hash": "x"});
        let logout = forge::signed(&header("logout+jwt"), &claims.to_string(), key);
        assert_eq!(read_hint(&logout, &keys(), ISSUER), Err("the hint is not an ID token"));
        let plain = forge::signed(&header("JWT"), &claims.to_string(), key);
        assert_eq!(read_hint(&plain, &keys(), ISSUER), Err("the hint is not an ID token"));
        assert_eq!(
            read_hint("a.b.c", &keys(), ISSUER),
            Err("JWS header is not canonical base64url")
        );
    }
}
