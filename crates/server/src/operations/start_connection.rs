//! The beginning of a flow: where to send a user, and what must be remembered until they are back.
//! Nothing depends on their return.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_connect::provider::Pkce;
use keyhaven_connect::request::{Consent, authorization_url, scopes_of};
use keyhaven_protocol::connection::callback::{State, make_state, make_verifier};
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_store::Error;
use keyhaven_store::connections::Held;
use keyhaven_store::connectors::{Connector, Kept};
use keyhaven_store::flows::NewFlow;

use super::refresh_connection;
use crate::app::App;
use crate::vault::provider_of::Found;
use crate::vault::upstream::{Asking, Beside};

/// What a flow is to be for.
pub struct Start<'a> {
    /// Under which connector.
    pub kept: &'a Kept,
    /// Its provider.
    pub provider: &'a Found,
    /// The connection to renew.
    pub renews: Option<&'a Held>,
    /// The user it is for; `None` for a team or a program.
    pub owner: Option<UserId>,
    /// Who starts it, as the audit names it.
    pub starter: &'a str,
    /// Where the user goes in the end: a base URL that was allowed.
    pub base: &'a str,
    /// Scopes beyond the connector's.
    pub scopes: &'a [String],
    /// The invitation it follows.
    pub session: Option<Digest>,
}

/// A flow that has begun.
pub struct Started {
    /// Where to send the user.
    pub authorization_url: String,
    /// The `state` in it.
    pub state: String,
    /// What the browser that starts it must bring back.
    pub browser: FlowCookie,
}

/// The cookie that binds a flow to the browser that started it. Parallel flows have one each.
pub struct FlowCookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// Why no flow begins.
#[derive(Debug)]
pub enum NoStart {
    /// The connector asks no user.
    NotOauth,
    /// The connector has no client id.
    NoCredentials,
    /// The connector and its provider file do not fit; the text is for the operator.
    Misconfigured(String),
    /// Storage failed.
    Storage(Error),
}

impl From<Error> for NoStart {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

/// Begins a flow.
pub async fn start_connection(app: &App, start: &Start<'_>) -> Result<Started, NoStart> {
    let connector = &start.kept.connector;
    if !connector.method.asks_a_person() || !start.provider.asks_a_user() {
        return Err(NoStart::NotOauth);
    }
    if connector.client_id.is_none() {
        return Err(NoStart::NoCredentials);
    }
    let learnt = start.renews.map(|held| Beside::of(&held.connection.extra)).unwrap_or_default();
    let asking = Asking::new(app, start.kept, start.provider, &learnt);
    let scopes = scopes_of(start.provider, &asked(start));
    let state = make_state(&app.dice.bytes(), connector.id.0);
    let verifier = make_verifier(&app.dice.bytes());
    let cookie = cookie(app, &state);
    let redirect_uri = redirect_uri_of(app, connector);
    let url = consent(&asking, &scopes, &state, &verifier, &redirect_uri)?;
    let new = NewFlow {
        hash: state.digest,
        organization: connector.organization,
        connector: connector.id,
        connection: start.renews.map(|held| held.connection.id),
        owner: start.owner,
        starter: start.starter,
        browser: Some(cookie.value.digest()),
        verifier: &verifier,
        redirect_uri: &redirect_uri,
        base: start.base,
        scopes: &scopes.join(" "),
        session: start.session,
    };
    app.store.begin_flow(&new, app.dice.bytes(), app.clock.now()).await?;
    app.vault.numbers.flow_began(refresh_connection::about(start.kept));
    Ok(Started { authorization_url: url, state: state.outer, browser: cookie })
}

/// The connector's scopes, those the connection has already, and what this flow wants more.
fn asked(start: &Start<'_>) -> Vec<String> {
    let mut scopes = refresh_connection::scopes_of(&start.kept.connector.scopes);
    let granted = start.renews.map(|held| refresh_connection::scopes_of(&held.connection.scopes));
    for scope in granted.unwrap_or_default().iter().chain(start.scopes) {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

fn consent(
    asking: &Asking<'_>,
    scopes: &[String],
    state: &State,
    verifier: &Secret,
    redirect_uri: &str,
) -> Result<String, NoStart> {
    let pkce = asking.pkce();
    let challenge = match pkce {
        Pkce::Off => None,
        Pkce::Plain => Some(verifier.reveal().to_owned()),
        Pkce::S256 | Pkce::Required => Some(URL_SAFE_NO_PAD.encode(verifier.digest().0)),
    };
    let params: BTreeMap<String, String> =
        serde_json::from_str(&asking.kept.connector.params).unwrap_or_default();
    let consent = Consent {
        redirect_uri,
        scopes,
        state: &state.outer,
        challenge: challenge.as_deref(),
        pkce,
        nonce: Some(&state.outer[..43.min(state.outer.len())]),
        extra: &params.into_iter().collect::<Vec<_>>(),
    };
    authorization_url(asking.provider, &asking.registered(None, None), &consent)
        .map_err(|error| NoStart::Misconfigured(error.to_string()))
}

/// The URL a user would be sent to, for a look at it: nothing is remembered of it.
pub fn consent_url(asking: &Asking<'_>) -> Result<String, String> {
    let connector = &asking.kept.connector;
    let scopes = scopes_of(asking.provider, &refresh_connection::scopes_of(&connector.scopes));
    let state = make_state(&asking.app.dice.bytes(), connector.id.0);
    let verifier = make_verifier(&asking.app.dice.bytes());
    let redirect_uri = redirect_uri_of(asking.app, connector);
    consent(asking, &scopes, &state, &verifier, &redirect_uri).map_err(|why| match why {
        NoStart::Misconfigured(why) => why,
        NoStart::NotOauth | NoStart::NoCredentials | NoStart::Storage(_) => {
            "the consent page's URL cannot be made".to_owned()
        }
    })
}

/// Where the provider sends the user back. Each connector has a path of its own, so that one
/// provider cannot answer in another's name; an app that is registered with another URI names it.
#[must_use]
pub fn redirect_uri_of(app: &App, connector: &Connector) -> String {
    let vars: BTreeMap<String, String> = serde_json::from_str(&connector.vars).unwrap_or_default();
    let own = || format!("{}/connectors/oauth/callback/{}", app.settings.issuer, connector.id);
    vars.get("redirect_uri").cloned().unwrap_or_else(own)
}

fn cookie(app: &App, state: &State) -> FlowCookie {
    let value = Secret::new(URL_SAFE_NO_PAD.encode(app.dice.bytes::<32>()));
    FlowCookie { name: cookie_name(state.digest), value }
}

/// The name of a flow's cookie.
#[must_use]
pub fn cookie_name(hash: Digest) -> String {
    let short: String = hash.0[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("__Host-kh_flow_{short}")
}
