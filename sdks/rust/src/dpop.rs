//! Tokens that are bound to a key, so that nobody who steals one can use it (RFC 9449).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::error::{Answer, Error};
use crate::jose::{SigningKey, new_id, now, text};

const DPOP: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const WANTED: &str = "use_dpop_nonce";

/// Proves a key. Give the same one to the token source and to the client.
///
/// ```no_run
/// # fn run() -> Result<(), keyhaven_sdk::Error> {
/// use std::sync::Arc;
/// use keyhaven_sdk::{Client, ClientCredentials, Dpop, SigningKey};
/// let proofs = Arc::new(Dpop::new(SigningKey::generate()?));
/// let server = "http://localhost:8484";
/// let tokens = ClientCredentials::new(server, "kh_client_…", "kh_secret_…").dpop(proofs.clone());
/// let client =
///     Client::builder().server_url(server).token_source(tokens.build()).dpop(proofs).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Dpop {
    key: SigningKey,
    jwk: Value,
    /// The last nonce of each server.
    nonces: Mutex<HashMap<String, String>>,
}

impl Dpop {
    /// Proves this key.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Dpop;
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::SigningKey;
    /// # fn example() -> Result<(), Error> {
    /// let proofs = Dpop::new(SigningKey::generate()?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let jwk = key.jwk();
        Self { key, jwk, nonces: Mutex::default() }
    }

    /// Sends with a proof, and once more when the server wants its nonce in the proof.
    pub(crate) async fn exchange<F>(
        &self,
        request: reqwest::Request,
        send: impl Fn(reqwest::Request) -> F,
    ) -> Result<Answer, Error>
    where
        F: Future<Output = Result<Answer, Error>>,
    {
        let again = request.try_clone();
        let server = request.url().origin().ascii_serialization();
        let answer = send(self.proven(request, &server)?).await?;
        self.remember(&server, &answer);
        match again {
            Some(again) if wants_nonce(&answer) => {
                let answer = send(self.proven(again, &server)?).await?;
                self.remember(&server, &answer);
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    /// The request with a proof that is for it and no other (RFC 9449 §4.2).
    fn proven(
        &self,
        mut request: reqwest::Request,
        server: &str,
    ) -> Result<reqwest::Request, Error> {
        let address = format!("{server}{}", request.url().path());
        let mut claims = json!({
            "jti": new_id()?, "htm": request.method().as_str(), "htu": address, "iat": now(),
        });
        let authorization = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        if let Some(token) = authorization.and_then(|it| it.strip_prefix("DPoP ")) {
            claims["ath"] = json!(text(digest(&SHA256, token.as_bytes())));
        }
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(nonce) = nonces.get(server) {
            claims["nonce"] = json!(nonce);
        }
        drop(nonces);
        let proof = self.key.sign(json!({"typ": "dpop+jwt", "jwk": self.jwk}), &claims)?;
        let proof = HeaderValue::from_str(&proof).map_err(Error::invalid)?;
        request.headers_mut().insert(DPOP, proof);
        Ok(request)
    }

    fn remember(&self, server: &str, answer: &Answer) {
        if let Some(nonce) = answer.headers.get(NONCE).and_then(|nonce| nonce.to_str().ok()) {
            let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
            nonces.insert(server.to_owned(), nonce.to_owned());
        }
    }
}

/// Whether a refusal asks for the nonce it carries (RFC 9449 §8, §9).
fn wants_nonce(answer: &Answer) -> bool {
    if !matches!(answer.status, 400 | 401) || !answer.headers.contains_key(NONCE) {
        return false;
    }
    let challenge = answer.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    challenge.is_some_and(|challenge| challenge.contains(WANTED))
        || String::from_utf8_lossy(&answer.body).contains(&format!("\"{WANTED}\""))
}
