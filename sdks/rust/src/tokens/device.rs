//! Signing in on another device (RFC 8628).

use std::time::Duration;

use serde::Deserialize;

use super::Token;
use super::endpoint::ClientCredentials;
use crate::error::Error;
use crate::secret::Secret;

/// What the person has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DevicePrompt {
    /// What to type.
    pub user_code: String,
    /// Where to type it.
    pub verification_uri: String,
    /// Where nothing needs to be typed, for a QR code.
    pub verification_uri_complete: Option<String>,
    /// How long the code counts.
    pub expires_in: Duration,
}

/// Signs somebody in on another device. Keep the token fresh with `RefreshToken`.
///
/// ```no_run
/// # async fn example() -> Result<(), keyhaven_sdk::Error> {
/// use keyhaven_sdk::{ClientCredentials, tokens::DeviceCode};
/// let client = ClientCredentials::new("https://auth.example.com", "kh_client_…", "").scope("read");
/// let prompt = |it: keyhaven_sdk::tokens::DevicePrompt| {
///     println!("Type {} at {}", it.user_code, it.verification_uri);
/// };
/// let token = DeviceCode::new(client).sign_in(prompt).await?;
/// # drop(token);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DeviceCode {
    client: ClientCredentials,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Begun {
    device_code: Secret,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<f64>,
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SLOWER: Duration = Duration::from_secs(5);

impl DeviceCode {
    /// Signs in at this client.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, DeviceCode};
    /// # async fn example(client: ClientCredentials) -> Result<(), Error> {
    /// let device = DeviceCode::new(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(client: ClientCredentials) -> Self {
        Self { client, url: None }
    }

    /// A device endpoint elsewhere; `/oauth2/device_authorization` below the server otherwise.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, DeviceCode};
    /// # async fn example(client: ClientCredentials) -> Result<(), Error> {
    /// let device = DeviceCode::new(client).device_url("https://auth.example.com/device");
    /// # Ok(())
    /// # }
    /// ```
    pub fn device_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Gives `prompt` what to show, and waits until the person has answered. Dropping the future ends
    /// the waiting.
    ///
    /// # Errors
    ///
    /// When the person refuses, the code ends, or the endpoint cannot be reached.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # use keyhaven_sdk::tokens::{ClientCredentials, DeviceCode};
    /// # async fn example(client: ClientCredentials) -> Result<(), Error> {
    /// let token = DeviceCode::new(client).sign_in(|prompt| println!("{prompt:?}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_in(self, prompt: impl FnOnce(DevicePrompt) + Send) -> Result<Token, Error> {
        let below =
            || format!("{}/oauth2/device_authorization", self.client.issuer.trim_end_matches('/'));
        let url = self.url.clone().unwrap_or_else(below);
        let scope = self.client.scope.clone().map(|scope| ("scope", scope));
        let answer = self.client.post(&url, scope.into_iter().collect(), None).await?;
        let begun = match serde_json::from_slice::<Begun>(&answer.body) {
            Ok(begun) if answer.status == 200 => begun,
            _ => return Err(Error::of_token_endpoint(answer).at("device", 1)),
        };
        prompt(DevicePrompt {
            user_code: begun.user_code,
            verification_uri: begun.verification_uri,
            verification_uri_complete: begun.verification_uri_complete,
            expires_in: Duration::from_secs(begun.expires_in),
        });
        let interval = begun.interval.and_then(|told| Duration::try_from_secs_f64(told).ok());
        self.poll(begun.device_code, interval.unwrap_or(SLOWER)).await
    }

    async fn poll(&self, code: Secret, mut interval: Duration) -> Result<Token, Error> {
        loop {
            tokio::time::sleep(interval).await;
            let form =
                vec![("grant_type", GRANT.to_owned()), ("device_code", code.reveal().to_owned())];
            let error = match self.client.ask_once(form).await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            };
            match error.oauth().map(|told| told.error.as_str()) {
                Some("authorization_pending") => {}
                Some("slow_down") => interval += SLOWER,
                _ => return Err(error),
            }
        }
    }
}
