//! Client authentication by a signed assertion (RFC 7523 §2.2): nothing secret is sent.

use std::sync::Arc;

use serde_json::json;

use super::ClientAuthentication;
use crate::error::Error;
use crate::jose::{SigningKey, new_id, now};

/// Proves a client by a key of its own.
///
/// ```no_run
/// # fn run(pkcs8: &[u8]) -> Result<(), keyhaven_sdk::Error> {
/// use std::sync::Arc;
/// use keyhaven_sdk::{ClientCredentials, SigningKey, tokens::PrivateKeyJwt};
/// let key = Arc::new(SigningKey::from_pkcs8(pkcs8)?);
/// let tokens = ClientCredentials::new("http://localhost:8484", "kh_client_…", "")
///     .authentication(Arc::new(PrivateKeyJwt::new("kh_client_…", key).key_id("k1")))
///     .build();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PrivateKeyJwt {
    client_id: String,
    key: Arc<SigningKey>,
    key_id: Option<String>,
    audience: Option<String>,
}

impl PrivateKeyJwt {
    /// Of this client, by this key.
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # use keyhaven_sdk::tokens::PrivateKeyJwt;
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::SigningKey;
    /// # fn example() -> Result<(), Error> {
    /// let proof = PrivateKeyJwt::new("kh_client_…", Arc::new(SigningKey::generate()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(client_id: impl Into<String>, key: Arc<SigningKey>) -> Self {
        Self { client_id: client_id.into(), key, key_id: None, audience: None }
    }

    /// What the client's key set calls the key.
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # use keyhaven_sdk::tokens::PrivateKeyJwt;
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::SigningKey;
    /// # fn example() -> Result<(), Error> {
    /// let proof = PrivateKeyJwt::new("kh_client_…", Arc::new(SigningKey::generate()?)).key_id("mine");
    /// # Ok(())
    /// # }
    /// ```
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.key_id = Some(id.into());
        self
    }

    /// Another audience than the issuer.
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # use keyhaven_sdk::tokens::PrivateKeyJwt;
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::SigningKey;
    /// # fn example() -> Result<(), Error> {
    /// let proof = PrivateKeyJwt::new("kh_client_…", Arc::new(SigningKey::generate()?))
    ///     .audience("https://auth.example.com");
    /// # Ok(())
    /// # }
    /// ```
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }
}

impl ClientAuthentication for PrivateKeyJwt {
    fn prove(&self, audience: &str) -> Result<Vec<(&'static str, String)>, Error> {
        let mut header = json!({"typ": "JWT"});
        if let Some(id) = &self.key_id {
            header["kid"] = json!(id);
        }
        let now = now();
        let claims = json!({
            "iss": self.client_id, "sub": self.client_id,
            "aud": self.audience.as_deref().unwrap_or(audience),
            "jti": new_id()?, "iat": now, "exp": now + 60,
        });
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let assertion = self.key.sign(header, &claims)?;
        Ok(vec![("client_assertion_type", kind.to_owned()), ("client_assertion", assertion)])
    }
}
