//! Asking a provider with a connector's credentials, and its answer in the store's words. A secret
//! that has a successor is tried second: the successor goes first, falls back when the provider
//! does not know it, and is promoted by its first success.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_connect::provider::{Grant, Pkce, Provider, RefreshKind, Span};
use keyhaven_connect::request::{App as Registered, Code, Ended, Renewal, Stamp, token_host};
use keyhaven_connect::response::TokenReply;
use keyhaven_connect::talk;
use keyhaven_connect::verdict::{Acted, Class as Judged, Verdict};
use keyhaven_protocol::connection::failure::Class;
use keyhaven_protocol::connection::timing::Pace;
use keyhaven_protocol::connection::{Method, Renewal as How};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::connections::Upstream;
use keyhaven_store::connectors::{Kept, NewSecret};
use keyhaven_store::{Error, Outcome};
use serde::{Deserialize, Serialize};

use super::provider_of::Found;
use crate::app::{App, Origin};

/// Algorithms a private key is tried under, when the connector does not name one.
const ALGORITHMS: [&str; 4] = ["ES256", "EdDSA", "RS256", "PS256"];

/// What a connection keeps beside its tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Beside {
    /// What the provider file names.
    pub kept: BTreeMap<String, String>,
    /// Variables learnt from callback and replies.
    pub vars: BTreeMap<String, String>,
    /// The redirect URI of its flow, for providers that want it again.
    pub redirect_uri: String,
}

/// A connector at hand.
pub struct Asking<'a> {
    /// This node.
    pub app: &'a App,
    /// The connector.
    pub kept: &'a Kept,
    /// Its provider.
    pub provider: &'a Found,
    /// The connector's and the connection's variables.
    pub vars: BTreeMap<String, String>,
}

/// What is asked.
pub enum Question<'a> {
    /// Tokens for a code.
    Exchange(Code<'a>),
    /// Another access token for this token.
    Refresh(Renewal<'a>),
    /// A token on the connector's own authority.
    Remint(&'a [String]),
    /// A token for a login.
    Login(&'a Login, &'a [String]),
}

/// A user's login, kept as what renews the token.
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// A login as it is kept.
#[must_use]
pub fn sealed_login(username: &str, password: &str) -> Secret {
    Secret::new(format!("{}\n{password}", username.replace('\n', " ")))
}

impl Login {
    /// Reads what [`sealed_login`] made.
    #[must_use]
    pub fn of(kept: &Secret) -> Option<Self> {
        let (username, password) = kept.reveal().split_once('\n')?;
        Some(Self { username: username.to_owned(), password: Secret::from(password) })
    }
}

/// The answer, and when the question was sent by our clock.
pub struct Answer {
    /// What came.
    pub reply: TokenReply,
    /// When the question was sent.
    pub sent_at: Timestamp,
    /// The secret that worked.
    pub secret: Option<Secret>,
}

impl Beside {
    /// Reads a connection's `extra`.
    #[must_use]
    pub fn of(extra: &str) -> Self {
        serde_json::from_str(extra).unwrap_or_default()
    }

    /// As it is stored.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

impl<'a> Asking<'a> {
    /// The connector with its own variables, and a connection's.
    #[must_use]
    pub fn new(app: &'a App, kept: &'a Kept, provider: &'a Found, learnt: &Beside) -> Self {
        let mut vars: BTreeMap<String, String> =
            serde_json::from_str(&kept.connector.vars).unwrap_or_default();
        vars.extend(learnt.vars.clone());
        Self { app, kept, provider, vars }
    }

    /// Asks. Once, but for a successor of the secret that the provider does not know yet.
    pub async fn ask(&self, question: Question<'_>) -> Result<Result<Answer, Verdict>, Error> {
        let secrets = self.app.store.open_app_secrets(self.kept)?;
        if let Some(next) = secrets.next {
            match self.ask_as(&question, Some(&next)).await {
                Err(verdict) if verdict.class == Judged::Client => {}
                Err(verdict) => return Ok(Err(verdict)),
                Ok(answer) => {
                    self.promote().await?;
                    return Ok(Ok(Answer { secret: Some(next), ..answer }));
                }
            }
        }
        let answer = self.ask_as(&question, secrets.current.as_ref()).await;
        Ok(answer.map(|answer| Answer { secret: secrets.current, ..answer }))
    }

    async fn ask_as(
        &self,
        question: &Question<'_>,
        secret: Option<&Secret>,
    ) -> Result<Answer, Verdict> {
        let key = secret.and_then(|secret| self.signing_key(secret));
        let mut registered = self.registered(secret, key.as_ref());
        if let Question::Login(login, _) = question {
            registered.login = Some((&login.username, &login.password));
        }
        let stamp = self.stamp();
        let (client, provider) = (&self.app.vault.client, &**self.provider);
        let reply = match question {
            Question::Exchange(code) => {
                Box::pin(talk::exchange(client, provider, &registered, code, &stamp)).await
            }
            Question::Refresh(renewal) => {
                Box::pin(talk::refresh(client, provider, &registered, renewal, &stamp)).await
            }
            Question::Remint(scopes) | Question::Login(_, scopes) => {
                let asked = (self.grant(), *scopes);
                Box::pin(talk::remint(client, provider, &registered, asked, &stamp)).await
            }
        }?;
        Ok(Answer { reply, sent_at: stamp.now, secret: None })
    }

    /// Tells the provider that a grant ended. `None` when it has no way to be told.
    pub async fn say_farewell(
        &self,
        access: Option<&Secret>,
        refresh: Option<&Secret>,
        account: Option<&str>,
    ) -> Result<Option<Result<(), Verdict>>, Error> {
        let secrets = self.app.store.open_app_secrets(self.kept)?;
        let secret = secrets.current.as_ref().or(secrets.next.as_ref());
        let key = secret.and_then(|secret| self.signing_key(secret));
        let registered = self.registered(secret, key.as_ref());
        let ended = Ended { access, refresh, account_id: account };
        let client = &self.app.vault.client;
        let stamp = self.stamp();
        Ok(Box::pin(talk::revoke(client, self.provider, &registered, &ended, &stamp)).await)
    }

    /// The app as the provider knows it.
    #[must_use]
    pub fn registered<'b>(
        &'b self,
        secret: Option<&'b Secret>,
        key: Option<&'b SigningKey>,
    ) -> Registered<'b> {
        Registered {
            client_id: self.kept.connector.client_id.as_deref().unwrap_or_default(),
            secret,
            key,
            key_id: self.vars.get("key_id").map(String::as_str),
            login: None,
            vars: &self.vars,
        }
    }

    /// PKCE as the provider wants it; a connector may switch it off or on where that is allowed.
    #[must_use]
    pub fn pkce(&self) -> Pkce {
        match (self.provider.pkce(), self.vars.get("pkce").map(String::as_str)) {
            (Pkce::S256, Some("off")) => Pkce::Off,
            (Pkce::Off, Some("S256")) => Pkce::S256,
            (pkce, _) => pkce,
        }
    }

    /// The host that token calls go to, for its breaker.
    #[must_use]
    pub fn host(&self) -> String {
        token_host(self.provider, &self.registered(None, None)).unwrap_or_default()
    }

    fn grant(&self) -> Grant {
        let wanted = match self.kept.connector.method {
            Method::JwtBearer => Grant::JwtBearer,
            Method::Password => Grant::Password,
            _ => Grant::ClientCredentials,
        };
        let listed = &self.provider.grants;
        let account = Grant::AccountCredentials;
        if !listed.contains_key(&wanted) && listed.contains_key(&account) {
            account
        } else {
            wanted
        }
    }

    fn stamp(&self) -> Stamp {
        let now = self.app.clock.now();
        Stamp { now, jti: self.app.id().simple() + &self.app.id().simple() }
    }

    /// The connector's secret as a private key (PKCS#8 in PEM), where it is one.
    fn signing_key(&self, secret: &Secret) -> Option<SigningKey> {
        let body = secret.reveal().trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?;
        let body = body.strip_suffix("-----END PRIVATE KEY-----")?;
        let text = zeroize::Zeroizing::new(body.split_whitespace().collect::<String>());
        let der = zeroize::Zeroizing::new(STANDARD.decode(text.as_bytes()).ok()?);
        let named = self.vars.get("key_alg");
        let fits = |name: &&str| named.is_none_or(|named| named == name);
        let names = ALGORITHMS.iter().copied().filter(fits);
        names
            .filter_map(Algorithm::parse)
            .find_map(|algorithm| SigningKey::from_pkcs8(algorithm, &der).ok())
    }

    async fn promote(&self) -> Result<(), Error> {
        let origin = Origin::of_job("secret");
        let act = self.app.act("system", &origin);
        let promoted = self.app.store.promote_secret(self.kept, self.app.dice.bytes(), act).await?;
        if promoted == Outcome::Done {
            tracing::info!(connector = %self.kept.connector.id, "the next secret works");
        }
        Ok(())
    }
}

/// The secret an administrator sends: the first or another app's replaces, a further one comes next.
#[must_use]
pub fn arriving<'a>(kept: &Kept, is_another_app: Other, secret: &'a Secret) -> NewSecret<'a> {
    match (is_another_app, &kept.connector.secret) {
        (Other::No, Some(_)) if kept.connector.fault.is_none() => NewSecret::Next(secret),
        _ => NewSecret::Replacing(secret),
    }
}

/// Whether the client id changes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// The same app.
    No,
    /// Another one.
    Yes,
}

/// The provider's pace for a connection that holds `method`.
#[must_use]
pub fn pace(provider: &Provider, method: Method) -> Pace {
    let span = |span: Option<Span>| span.map(|Span(seconds)| seconds);
    let rules = &provider.refresh;
    let renewal = match (method, rules.kind) {
        (Method::ApiKey | Method::Basic, _) => How::Never,
        (Method::ClientCredentials | Method::JwtBearer | Method::Password, _)
        | (_, RefreshKind::Remint) => How::Remint,
        (_, RefreshKind::None) => How::Never,
        (_, RefreshKind::Static) => How::Static,
        (_, RefreshKind::Rotating) => How::Rotating,
        (_, RefreshKind::Exchange) => How::Exchange,
    };
    Pace {
        renewal,
        reuse_grace: rules.reuse_grace.0,
        idle: span(rules.idle),
        absolute: span(rules.absolute),
        max_lead: span(rules.max_lead),
        min_interval: span(rules.min_interval),
        kills_access: rules.kills_access,
    }
}

/// What a provider's verdict is to a connection.
#[must_use]
pub fn class(verdict: &Verdict) -> Class {
    match (verdict.class, verdict.acted) {
        (Judged::GrantDead, _) => Class::GrantDead,
        (Judged::GrantBlocked, _) => Class::GrantBlocked,
        (Judged::Scopes, _) => Class::ConnectorScopes,
        (Judged::Client, _) => Class::Connector,
        (Judged::Transient | Judged::Unclear, Acted::Perhaps) => Class::Unanswered,
        (Judged::Transient, Acted::No) => Class::Transient,
        (Judged::Unclear, Acted::No) => Class::Unknown,
    }
}

/// What the provider said about its answer.
#[must_use]
pub fn upstream(verdict: &Verdict) -> Upstream {
    Upstream { status: verdict.status, request: verdict.request.clone() }
}
