//! A dry run of a connector: what an administrator would otherwise learn from the first user who
//! fails. Nothing is stored and nobody's grant is touched; the token endpoint is asked with a code
//! that was never issued, so a provider that takes the credentials answers "invalid grant".

use keyhaven_connect::request::Code;
use keyhaven_connect::talk;
use keyhaven_connect::verdict::{Class, Verdict};
use keyhaven_protocol::connection::Method;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Error;
use keyhaven_store::connectors::Kept;
use url::Url;

use super::refresh_connection::scopes_of;
use super::start_connection::{consent_url, redirect_uri_of};
use crate::app::App;
use crate::vault::hosts::NoSlot;
use crate::vault::provider_of::Found;
use crate::vault::upstream::{Asking, Beside, Question};

/// One thing that was looked at.
#[derive(Debug)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it went.
    pub found: Finding,
    /// What to know or to do.
    pub detail: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is right.
    Passed,
    /// It is wrong.
    Failed,
    /// It cannot be told now.
    Unknown,
    /// It does not apply.
    Skipped,
}

impl Check {
    fn of(name: &'static str, found: Finding, detail: impl Into<String>) -> Self {
        Self { name, found, detail: detail.into() }
    }
}

/// Looks at everything a connector needs.
pub async fn test_connector(app: &App, kept: &Kept, provider: &Found) -> Result<Vec<Check>, Error> {
    let beside = Beside::default();
    let asking = Asking::new(app, kept, provider, &beside);
    let mut checks = vec![credentials(app, kept)?, redirect_uri(app, kept)];
    checks.push(consent_page(&asking).await);
    checks.push(token_endpoint(&asking).await?);
    Ok(checks)
}

fn credentials(app: &App, kept: &Kept) -> Result<Check, Error> {
    const NAME: &str = "credentials";
    let connector = &kept.connector;
    if connector.method.is_typed() {
        return Ok(Check::of(NAME, Finding::Skipped, "Its connections bring their own."));
    }
    if connector.client_id.is_none() {
        return Ok(Check::of(NAME, Finding::Failed, "The connector has no client id."));
    }
    let secrets = app.store.open_app_secrets(kept)?;
    Ok(match secrets.current.or(secrets.next) {
        Some(_) => Check::of(NAME, Finding::Passed, "A client id and a secret are there."),
        None => Check::of(NAME, Finding::Unknown, "There is a client id and no secret."),
    })
}

fn redirect_uri(app: &App, kept: &Kept) -> Check {
    const NAME: &str = "redirect_uri";
    let uri = redirect_uri_of(app, &kept.connector);
    if !kept.connector.method.asks_a_person() {
        return Check::of(NAME, Finding::Skipped, "No user is sent anywhere.");
    }
    let is_sound = Url::parse(&uri).is_ok_and(|url| {
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        url.scheme() == "https" || local
    });
    match is_sound {
        true => Check::of(NAME, Finding::Passed, format!("Register {uri} with the provider.")),
        false => Check::of(NAME, Finding::Failed, format!("{uri} is neither https nor local.")),
    }
}

async fn consent_page(asking: &Asking<'_>) -> Check {
    const NAME: &str = "authorization_endpoint";
    if !asking.kept.connector.method.asks_a_person() || !asking.provider.asks_a_user() {
        return Check::of(NAME, Finding::Skipped, "No user is asked.");
    }
    let url = match consent_url(asking) {
        Ok(url) => url,
        Err(why) => return Check::of(NAME, Finding::Failed, format!("{why}.")),
    };
    let Ok(url) = Url::parse(&url) else {
        return Check::of(NAME, Finding::Failed, "Its URL cannot be read.");
    };
    match talk::look_at_consent(&asking.app.vault.client, url).await {
        Ok(status @ 400..=499) => Check::of(
            NAME,
            Finding::Failed,
            format!("It answers {status}: it may not know the client id or the redirect URI."),
        ),
        Ok(status @ 500..) => {
            Check::of(NAME, Finding::Unknown, format!("It answers {status} now. Try again."))
        }
        Ok(status) => Check::of(NAME, Finding::Passed, format!("It answers {status}.")),
        Err(failure) => Check::of(NAME, Finding::Failed, format!("{failure}.")),
    }
}

async fn token_endpoint(asking: &Asking<'_>) -> Result<Check, Error> {
    const NAME: &str = "token_endpoint";
    let method = asking.kept.connector.method;
    if method.is_typed() || method == Method::Password || asking.provider.token.is_none() {
        return Ok(Check::of(NAME, Finding::Skipped, "No token is asked for."));
    }
    let host = asking.host();
    let slot = match asking.app.vault.hosts.try_enter(&host, asking.app.clock.tick()) {
        Ok(slot) => slot,
        Err(NoSlot::Paused(_) | NoSlot::Full) => {
            return Ok(Check::of(NAME, Finding::Unknown, "The provider is left alone now."));
        }
    };
    let scopes = scopes_of(&asking.kept.connector.scopes);
    let code = Secret::new(format!("keyhaven-dry-run-{}", asking.app.id().simple()));
    let question = match method {
        Method::ClientCredentials | Method::JwtBearer => Question::Remint(&scopes),
        _ => Question::Exchange(Code {
            code: &code,
            redirect_uri: &redirect_uri_of(asking.app, &asking.kept.connector),
            verifier: Some(&code),
            state: "",
            scopes: &scopes,
        }),
    };
    let asked = asking.ask(question).await?;
    drop(slot);
    Ok(match asked {
        Ok(_) => Check::of(NAME, Finding::Passed, "It gives a token for these credentials."),
        Err(verdict) => judged(NAME, &verdict),
    })
}

/// A provider that knows the app says that it does not know the code.
fn judged(name: &'static str, verdict: &Verdict) -> Check {
    let code = verdict.code.as_deref().unwrap_or("no error code");
    match verdict.class {
        Class::GrantDead | Class::GrantBlocked => {
            Check::of(name, Finding::Passed, "It takes the credentials.")
        }
        Class::Client => {
            Check::of(name, Finding::Failed, format!("It refuses the credentials: {code}."))
        }
        Class::Scopes => {
            Check::of(name, Finding::Failed, format!("It refuses the scopes: {code}."))
        }
        Class::Transient => {
            Check::of(name, Finding::Unknown, format!("It does not answer now: {code}."))
        }
        Class::Unclear => {
            Check::of(name, Finding::Unknown, format!("Its refusal does not say why: {code}."))
        }
    }
}
