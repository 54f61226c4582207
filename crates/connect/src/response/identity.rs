//! Whose account a token is for.

use serde_json::Value;

use super::lifetime::claims;
use super::sniff::{Content, sniff};
use super::tokens::{TokenReply, text_at};
use crate::provider::{AccountSource, Locator, Pointer, Provider, Values};
use crate::request::App;
use crate::send::Reply;

/// Whose account it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider's id of the account, as text.
    pub id: String,
    /// The tenant, where one login spans many.
    pub tenant: Option<String>,
    /// A name that people recognise.
    pub label: Option<String>,
}

/// The longest id or name that is believed.
const MAX_TEXT: usize = 512;

/// Where an id stands when the file does not say: OpenID Connect first, then what services use.
const USUAL_IDS: [&str; 12] = [
    "/sub",
    "/id",
    "/user_id",
    "/uid",
    "/account_id",
    "/data/id",
    "/user/id",
    "/data/user_id",
    "/response/user/id",
    "/result/id",
    "/uuid",
    "/email",
];
/// The same for a name.
const USUAL_LABELS: [&str; 10] = [
    "/email",
    "/name",
    "/login",
    "/username",
    "/display_name",
    "/data/name",
    "/data/email",
    "/user/email",
    "/user/name",
    "/data/username",
];

/// What the account call said; `None` if it did not say.
#[must_use]
pub fn from_call(provider: &Provider, app: &App<'_>, reply: &Reply) -> Option<Identity> {
    if !(200..300).contains(&reply.status) {
        return None;
    }
    match sniff(&reply.body) {
        Content::Document(document) => found(provider, app, &document),
        Content::Markup | Content::Empty | Content::Garbage => None,
    }
}

/// What the token reply, its claims or the callback said, for files that look there.
///
/// An ID token that came from the token endpoint itself needs no signature check (OpenID Connect
/// Core §3.1.3.7); that it is for this client is checked.
#[must_use]
pub fn from_claims(provider: &Provider, app: &App<'_>, reply: &TokenReply) -> Option<Identity> {
    match provider.account.as_ref()?.from {
        AccountSource::Call => None,
        AccountSource::Reply => found(provider, app, &reply.document),
        AccountSource::Callback => found(provider, app, &Value::Null),
        AccountSource::AccessToken => found(provider, app, &claims(reply.main.access.reveal())?),
        AccountSource::IdToken => {
            let claims = claims(reply.main.id_token.as_ref()?.reveal())?;
            is_for(&claims, app.client_id).then(|| found(provider, app, &claims))?
        }
    }
}

fn is_for(claims: &Value, client_id: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(client_id)),
        _ => false,
    }
}

fn found(provider: &Provider, app: &App<'_>, document: &Value) -> Option<Identity> {
    let account = provider.account.as_ref()?;
    let known = [("client_id", app.client_id)];
    let values = Values { declared: &provider.vars, vars: app.vars, known: &known };
    let id = first(&account.id, &USUAL_IDS, document, &values)?;
    let tenant = first(&account.tenant, &[], document, &values);
    let label = first(&account.label, &USUAL_LABELS, document, &values);
    Some(Identity { id, tenant, label })
}

fn first(
    listed: &[Locator],
    usual: &[&str],
    document: &Value,
    values: &Values<'_>,
) -> Option<String> {
    let is_sound = |text: &String| {
        !text.is_empty() && text.len() <= MAX_TEXT && !text.contains(char::is_control)
    };
    let at = |pointer: &Pointer| text_at(document, Some(pointer), "");
    let listed_first = listed.iter().find_map(|locator| {
        match locator {
            Locator::At(pointer) => at(pointer),
            Locator::Made(template) => template.fill(values).ok(),
        }
        .filter(is_sound)
    });
    let usual = if listed.is_empty() { usual } else { &[] };
    listed_first
        .or_else(|| usual.iter().find_map(|at| text_at(document, None, at).filter(is_sound)))
}
