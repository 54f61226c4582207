//! Access tokens of an issuer, checked where they are used (RFC 9068 §4). Nothing in a token chooses
//! how it is checked: algorithms come from an allow list, keys from the issuer's own set.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::client::plain_http;
use crate::error::{Error, Kind};

/// What a checked token says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Claims {
    /// Who issued it.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// Whom it speaks for.
    #[serde(rename = "sub", default)]
    pub subject: String,
    /// Where it is good.
    #[serde(rename = "aud")]
    pub audience: Audience,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "exp")]
    pub expires_at: i64,
    /// When it was issued.
    #[serde(rename = "iat", default)]
    pub issued_at: Option<i64>,
    /// When it begins.
    #[serde(rename = "nbf", default)]
    pub begins_at: Option<i64>,
    /// The client it was issued to.
    #[serde(default)]
    pub client_id: String,
    /// What it opens, space-separated.
    #[serde(default)]
    pub scope: String,
    /// Everything else.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// One audience or several.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(own) => own == wanted,
            Self::Several(all) => all.iter().any(|own| own == wanted),
        }
    }
}

/// Why a token was not accepted.
#[derive(Debug)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token does not count, for this reason.
    Refused(&'static str),
    /// The issuer's keys cannot be had.
    Keys(Error),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(out, "token refused: {reason}"),
            Self::Keys(error) => write!(out, "the issuer's keys cannot be fetched: {error}"),
        }
    }
}

impl std::error::Error for VerifyError {}

/// Signatures a token may have.
const ALGORITHMS: [(&str, &str); 4] =
    [("ES256", "EC"), ("EdDSA", "OKP"), ("PS256", "RSA"), ("RS256", "RSA")];

/// How often an unknown `kid` may make us fetch the key set.
const REFETCH: Duration = Duration::from_secs(30);

/// How much clocks may differ, in seconds.
const SKEW: i64 = 30;

/// Checks tokens; it keeps the issuer's keys and may be shared.
///
/// ```no_run
/// # async fn run(token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = keyhaven_sdk::verify::Verifier::new("https://auth.example.com", "https://api.example.com")
///     .scopes(["accounts.read"]);
/// let claims = verifier.check(token).await?;
/// println!("{} for {}", claims.subject, claims.client_id);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    scopes: Vec<String>,
    jwks_url: String,
    keys: tokio::sync::Mutex<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    known: Vec<Jwk>,
    fetched: Option<Instant>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kid: Option<String>,
    kty: String,
    alg: Option<String>,
    r#use: Option<String>,
    crv: String,
    x: String,
    y: String,
    n: String,
    e: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

impl Verifier {
    /// Of tokens of this issuer for this audience.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::verify::Verifier;
    /// let verifier = Verifier::new("https://auth.example.com", "https://api.example.com");
    /// ```
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        let issuer = issuer.into();
        let jwks_url = format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'));
        let (audience, scopes, keys) = (audience.into(), Vec::new(), Default::default());
        Self { issuer, audience, scopes, jwks_url, keys }
    }

    /// Scopes that must all be held.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::verify::Verifier;
    /// let verifier = Verifier::new("https://auth.example.com", "https://api.example.com").scopes(["read"]);
    /// ```
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// A key set elsewhere.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::verify::Verifier;
    /// let verifier = Verifier::new("https://auth.example.com", "https://api.example.com")
    ///     .jwks_url("https://auth.example.com/keys");
    /// ```
    #[must_use]
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.jwks_url = url.into();
        self
    }

    /// The claims of a token.
    ///
    /// # Errors
    ///
    /// Why it does not count, or that the keys cannot be had.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::verify::Verifier;
    /// # async fn example(verifier: &Verifier, token: &str) {
    /// match verifier.check(token).await {
    ///     Ok(claims) => println!("{} may {}", claims.subject, claims.scope),
    ///     Err(refused) => println!("{refused}"),
    /// }
    /// # }
    /// ```
    pub async fn check(&self, token: &str) -> Result<Claims, VerifyError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.check_at(token, i64::try_from(now).unwrap_or(i64::MAX)).await
    }

    async fn check_at(&self, token: &str, now: i64) -> Result<Claims, VerifyError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(NO_JWT)?;
        let (header, claims) = signed.split_once('.').ok_or(NO_JWT)?;
        let header: Header = parse(header)?;
        let known = ALGORITHMS.iter().find(|(name, _)| *name == header.alg);
        let (_, kty) = known.ok_or(VerifyError::Refused("its algorithm is not allowed"))?;
        let typ = header.typ.to_ascii_lowercase();
        if typ.strip_prefix("application/").unwrap_or(&typ) != "at+jwt" {
            return Err(VerifyError::Refused("it is no access token"));
        }
        if header.crit.is_some() {
            return Err(VerifyError::Refused("it has critical headers"));
        }
        let key = self.key(header.kid.as_deref(), &header.alg, kty).await?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NO_JWT)?;
        key.verify(&header.alg, signed.as_bytes(), &signature)
            .ok_or(VerifyError::Refused("its signature is wrong"))?;
        self.judge(parse(claims)?, now)
    }

    fn judge(&self, claims: Claims, now: i64) -> Result<Claims, VerifyError> {
        let begun = [claims.begins_at, claims.issued_at].into_iter().flatten();
        let held: Vec<&str> = claims.scope.split(' ').collect();
        let fault = if claims.issuer != self.issuer {
            "it is of another issuer"
        } else if !claims.audience.has(&self.audience) {
            "it is for somebody else"
        } else if claims.expires_at.saturating_add(SKEW) <= now {
            "it has ended"
        } else if begun.max().is_some_and(|at| at.saturating_sub(SKEW) > now) {
            "it has not begun"
        } else if !self.scopes.iter().all(|scope| held.contains(&scope.as_str())) {
            "it lacks a scope"
        } else {
            return Ok(claims);
        };
        Err(VerifyError::Refused(fault))
    }

    /// The issuer's key; a `kid` that is not known makes one fetch in 30 seconds.
    async fn key(&self, kid: Option<&str>, alg: &str, kty: &str) -> Result<Jwk, VerifyError> {
        let mut keys = self.keys.lock().await;
        if let Some(key) = keys.fitting(kid, alg, kty) {
            return Ok(key);
        }
        if keys.fetched.is_none_or(|at| at.elapsed() >= REFETCH) {
            keys.fetched = Some(Instant::now());
            keys.known = self.fetch().await.map_err(VerifyError::Keys)?;
        }
        keys.fitting(kid, alg, kty).ok_or(VerifyError::Refused("no key of the issuer fits it"))
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, Error> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Jwk>,
        }
        let failed = |error: reqwest::Error| {
            Error::local(Kind::Connection, "the key set cannot be fetched").because(error)
        };
        let request = plain_http()?.get(&self.jwks_url).timeout(REFETCH);
        let response = request.send().await.and_then(reqwest::Response::error_for_status);
        let body = response.map_err(failed)?.bytes().await.map_err(failed)?;
        let set: Set = serde_json::from_slice(&body).map_err(Error::client)?;
        Ok(set.keys)
    }
}

const NO_JWT: VerifyError = VerifyError::Refused("it is no JWT");

fn parse<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, VerifyError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_JWT)?;
    serde_json::from_slice(&bytes).map_err(|_| NO_JWT)
}

impl Keys {
    fn fitting(&self, kid: Option<&str>, alg: &str, kty: &str) -> Option<Jwk> {
        let fits = |key: &&Jwk| {
            key.kid.as_deref() == kid
                && key.kty == kty
                && key.alg.as_deref().is_none_or(|own| own == alg)
                && key.r#use.as_deref().is_none_or(|own| own == "sig")
        };
        self.known.iter().find(fits).cloned()
    }
}

impl Jwk {
    /// `Some` if the signature is this key's.
    fn verify(&self, alg: &str, signed: &[u8], made: &[u8]) -> Option<()> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let unparsed = |algorithm: &'static dyn signature::VerificationAlgorithm, key: Vec<u8>| {
            signature::UnparsedPublicKey::new(algorithm, key).verify(signed, made).ok()
        };
        match (alg, self.crv.as_str()) {
            ("ES256", "P-256") => {
                let point = [vec![4], bytes(&self.x)?, bytes(&self.y)?].concat();
                unparsed(&signature::ECDSA_P256_SHA256_FIXED, point)
            }
            ("EdDSA", "Ed25519") => unparsed(&signature::ED25519, bytes(&self.x)?),
            ("PS256" | "RS256", _) => {
                let (n, e) = (bytes(&self.n)?, bytes(&self.e)?);
                let key = signature::RsaPublicKeyComponents { n: &n, e: &e };
                let algorithm = if alg == "PS256" {
                    &signature::RSA_PSS_2048_8192_SHA256
                } else {
                    &signature::RSA_PKCS1_2048_8192_SHA256
                };
                key.verify(algorithm, signed, made).ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn signer() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
    }

    fn sign(key: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let made = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(made))
    }

    /// A verifier that knows the key already and fetches nothing.
    fn knowing(key: &EcdsaKeyPair) -> Verifier {
        let point = key.public_key().as_ref();
        let encode = |half: &[u8]| URL_SAFE_NO_PAD.encode(half);
        let known = vec![Jwk {
            kid: Some("k1".to_owned()),
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: encode(&point[1..33]),
            y: encode(&point[33..]),
            ..Jwk::default()
        }];
        let mut verifier = Verifier::new("https://auth.example", "api").scopes(["read"]);
        *verifier.keys.get_mut() = Keys { known, fetched: Some(Instant::now()) };
        verifier
    }

    #[tokio::test]
    async fn each_fault_of_a_token_is_refused_for_its_reason() {
        let key = signer();
        let verifier = knowing(&key);
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"});
        let good = json!({"iss": "https://auth.example", "aud": "api", "sub": "u", "iat": NOW,
            "exp": NOW + 60, "scope": "read write"});
        let token = sign(&key, &header, &good);
        assert_eq!(verifier.check_at(&token, NOW).await.unwrap().subject, "u");
        let with = |base: &Value, name: &str, value: Value| {
            let mut changed = base.clone();
            changed[name] = value;
            changed
        };
        let cases = [
            (header.clone(), with(&good, "iss", json!("https://other")), "it is of another issuer"),
            (header.clone(), with(&good, "aud", json!(["x"])), "it is for somebody else"),
            (header.clone(), with(&good, "exp", json!(NOW - 30)), "it has ended"),
            (header.clone(), with(&good, "iat", json!(NOW + 31)), "it has not begun"),
            (header.clone(), with(&good, "scope", json!("write")), "it lacks a scope"),
            (with(&header, "typ", json!("JWT")), good.clone(), "it is no access token"),
            (with(&header, "alg", json!("none")), good.clone(), "its algorithm is not allowed"),
            (with(&header, "alg", json!("RS256")), good.clone(), "no key of the issuer fits it"),
            (with(&header, "kid", json!("k2")), good.clone(), "no key of the issuer fits it"),
            (with(&header, "crit", json!(["x"])), good.clone(), "it has critical headers"),
        ];
        for (header, claims, reason) in cases {
            let refused = verifier.check_at(&sign(&key, &header, &claims), NOW).await;
            assert!(
                matches!(refused, Err(VerifyError::Refused(told)) if told == reason),
                "{reason}"
            );
        }
        let forged = sign(&signer(), &header, &good);
        let refused = verifier.check_at(&forged, NOW).await.unwrap_err();
        assert_eq!(refused.to_string(), "token refused: its signature is wrong");
    }
}
