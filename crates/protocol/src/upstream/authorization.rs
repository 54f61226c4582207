//! The authorization request we send a browser with (OpenID Connect Core §3.1.2.1): code flow with
//! PKCE, state and nonce, always; and the token request that follows (§3.1.3.1).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::Serializer;
use zeroize::Zeroizing;

use super::metadata::{Metadata, SecretIn};
use crate::jose::base64url;
use crate::secret::Secret;

/// What one sign-in asks a provider.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who we are there.
    pub client_id: &'a str,
    /// The one path of this provider's answers.
    pub redirect_uri: &'a str,
    /// What is asked for.
    pub scopes: &'a str,
    /// Ties the answer to this browser's sign-in.
    pub state: &'a Secret,
    /// Ties the ID token to it.
    pub nonce: &'a Secret,
    /// Ties the code to it (RFC 7636).
    pub verifier: &'a Secret,
    /// Whether the provider must ask for credentials again.
    pub prompt: Option<&'a str>,
}

/// A PKCE verifier or another value nobody guesses, of 32 random bytes.
#[must_use]
pub fn random_text(bytes: &[u8; 32]) -> Secret {
    Secret::new(base64url::encode(bytes))
}

impl Request<'_> {
    /// Where the browser goes.
    #[must_use]
    pub fn url(&self, metadata: &Metadata) -> String {
        let challenge = digest::digest(&digest::SHA256, self.verifier.reveal().as_bytes());
        let endpoint = &metadata.authorization_endpoint;
        let mark = if endpoint.contains('?') { '&' } else { '?' };
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("scope", self.scopes)
            .append_pair("state", self.state.reveal())
            .append_pair("code_challenge", &base64url::encode(challenge.as_ref()))
            .append_pair("code_challenge_method", "S256");
        if metadata.jwks_uri.is_some() {
            query.append_pair("nonce", self.nonce.reveal());
        }
        if let Some(prompt) = self.prompt {
            query.append_pair("prompt", prompt);
        }
        format!("{endpoint}{mark}{}", query.finish())
    }
}

/// The redemption of a code.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// Who we are there.
    pub client_id: &'a str,
    /// Our secret; none for a public client.
    pub client_secret: Option<&'a Secret>,
    /// As in the request.
    pub redirect_uri: &'a str,
    /// The code of the answer.
    pub code: &'a str,
    /// The verifier of the request.
    pub verifier: &'a Secret,
}

/// What is posted to the token endpoint.
#[derive(Debug)]
pub struct TokenRequest {
    /// The form.
    pub form: Zeroizing<Vec<u8>>,
    /// The `Authorization` header, where the secret goes there.
    pub authorization: Option<Secret>,
}

impl Redemption<'_> {
    /// The form and header for a provider that wants the secret in `place`.
    #[must_use]
    pub fn request(&self, place: SecretIn) -> TokenRequest {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", self.code)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("code_verifier", self.verifier.reveal());
        let mut authorization = None;
        match (self.client_secret, place) {
            (Some(secret), SecretIn::Header) => {
                authorization = Some(basic(self.client_id, secret));
            }
            (Some(secret), SecretIn::Form) => {
                form.append_pair("client_id", self.client_id)
                    .append_pair("client_secret", secret.reveal());
            }
            (None, _) => {
                form.append_pair("client_id", self.client_id);
            }
        }
        TokenRequest { form: Zeroizing::new(form.finish().into_bytes()), authorization }
    }
}

/// HTTP Basic with both halves form-encoded (RFC 6749 §2.3.1).
fn basic(id: &str, secret: &Secret) -> Secret {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encode(id), encode(secret.reveal())));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(state: &'a Secret, nonce: &'a Secret, verifier: &'a Secret) -> Request<'a> {
        Request {
            client_id: "us & them",
            redirect_uri: "https://auth.test/login/upstream/x/callback",
            scopes: "openid email",
            state,
            nonce,
            verifier,
            prompt: Some("login"),
        }
    }

    #[test]
    fn a_request_has_state_nonce_and_pkce() {
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let (state, nonce) = (Secret::from("s"), Secret::from("n"));
        let mut metadata = Metadata::github();
        metadata.authorization_endpoint = "https://idp.test/a?t=1".into();
        metadata.jwks_uri = Some("https://idp.test/jwks".into());
        assert_eq!(
            request(&state, &nonce, &verifier).url(&metadata),
            "https://idp.test/a?t=1&response_type=code&client_id=us+%26+them&redirect_uri=https%3A%2F%2F\
             auth.test%2Flogin%2Fupstream%2Fx%2Fcallback&scope=openid+email&state=s&code_challenge=\
             E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&nonce=n&prompt=login"
        );
    }

    #[test]
    fn a_secret_goes_where_the_provider_wants_it_and_to_one_place() {
        let (secret, verifier) = (Secret::from("s:e/c"), Secret::from("v"));
        let redemption = Redemption {
            client_id: "id",
            client_secret: Some(&secret),
            redirect_uri: "https://a.test/cb",
            code: "c&c",
            verifier: &verifier,
        };
        let common = "grant_type=authorization_code&code=c%26c&redirect_uri=https%3A%2F%2Fa.test%2Fcb&code_verifier=v";
        let header = redemption.request(SecretIn::Header);
        assert_eq!(header.form.as_slice(), common.as_bytes());
        let expected = format!("Basic {}", STANDARD.encode("id:s%3Ae%2Fc"));
        assert_eq!(header.authorization.unwrap().reveal(), expected);
        let form = redemption.request(SecretIn::Form);
        let expected = format!("{common}&client_id=id&client_secret=s%3Ae%2Fc");
        assert_eq!(form.form.as_slice(), expected.as_bytes());
        assert!(form.authorization.is_none());
        let public = Redemption { client_secret: None, ..redemption }.request(SecretIn::Header);
        assert_eq!(public.form.as_slice(), format!("{common}&client_id=id").as_bytes());
    }
}
