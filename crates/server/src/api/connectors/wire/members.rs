//! What makes the members of a connector acceptable.

use std::collections::BTreeMap;

use keyhaven_connect::provider::{Grant, Kind as ProviderKind, Provider, VarSource};
use keyhaven_protocol::connection::{Method, Sharing};
use keyhaven_protocol::id::ProjectId;
use keyhaven_protocol::secret::Secret;

use crate::api::body::Members;

/// The longest secret, which may be a private key.
const MAX_SECRET: usize = 16_384;
pub(super) const MAX_TEXT: usize = 2_048;
const MAX_SCOPES: usize = 200;

/// Variables that are ours and no provider's.
const OURS: [&str; 5] = ["redirect_uri", "redirect_name", "pkce", "key_id", "key_alg"];

pub(super) fn method(asked: Option<&str>, provider: &Provider) -> Result<Method, &'static str> {
    let usual = match provider.kind {
        ProviderKind::Oauth2 if provider.asks_a_user() => Method::Oauth,
        ProviderKind::Oauth2 if knows_only_logins(provider) => Method::Password,
        ProviderKind::Oauth2 => Method::ClientCredentials,
        ProviderKind::ApiKey => Method::ApiKey,
        ProviderKind::Basic => Method::Basic,
    };
    let method = match asked {
        None => usual,
        Some(word) => Method::parse(word)
            .ok_or("is oauth, client_credentials, api_key, basic, jwt_bearer or password")?,
    };
    if method.asks_a_person() && !provider.asks_a_user() {
        return Err("the provider asks no user");
    }
    if !method.is_typed() && provider.token.is_none() {
        return Err("the provider has no token endpoint");
    }
    if method == Method::Password && !provider.grants.contains_key(&Grant::Password) {
        return Err("the provider takes no logins");
    }
    Ok(method)
}

fn knows_only_logins(provider: &Provider) -> bool {
    let grants = &provider.grants;
    grants.contains_key(&Grant::Password) && !grants.contains_key(&Grant::ClientCredentials)
}

pub(super) fn sharing(asked: Option<&str>) -> Result<Sharing, &'static str> {
    let word = asked.unwrap_or("private");
    Sharing::parse(word).ok_or("is private, project or organization")
}

pub(super) fn project(asked: Option<&str>) -> Result<Option<ProjectId>, &'static str> {
    match asked {
        None => Ok(None),
        Some(text) => ProjectId::parse(text).map(Some).ok_or("is not a project's id"),
    }
}

pub(super) fn check_scopes(scopes: &[String], members: &mut Members) {
    if scopes.len() > MAX_SCOPES {
        members.wrong("/scopes", "has at most 200 items");
    }
    for (at, scope) in scopes.iter().enumerate() {
        let is_word =
            |scope: &str| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic());
        if scope.len() > 512 || !is_word(scope) {
            members.wrong(format!("/scopes/{at}"), "is 1 to 512 visible ASCII characters");
        }
    }
}

/// What is required is asked for: otherwise no grant could ever have it.
pub(super) fn check_required(
    required: &[String],
    scopes: &[String],
    provider: &Provider,
    members: &mut Members,
) {
    let asked = keyhaven_connect::request::scopes_of(provider, scopes);
    for (at, scope) in required.iter().enumerate() {
        if !asked.contains(scope) {
            members.wrong(format!("/required_scopes/{at}"), "is not one of the scopes");
        }
    }
}

/// Every value fits its pattern, and none that is needed is missing: they decide where secrets go.
pub(super) fn check_vars(
    vars: &BTreeMap<String, String>,
    provider: &Provider,
    members: &mut Members,
) {
    for (name, value) in vars {
        if OURS.contains(&name.as_str()) {
            if value.is_empty() || value.len() > MAX_TEXT || value.contains(char::is_control) {
                members.wrong(format!("/vars/{name}"), "is 1 to 2048 characters");
            }
        } else if let Err(rule) = provider.vet_var(name, value) {
            members.wrong(format!("/vars/{name}"), rule);
        }
    }
    for (name, var) in &provider.vars {
        let needed = var.from == VarSource::Connector && !var.optional && var.default.is_none();
        if needed && !vars.contains_key(name) {
            members.wrong(format!("/vars/{name}"), "is required");
        }
    }
}

pub(super) fn check_params(params: &BTreeMap<String, String>, members: &mut Members) {
    const RESERVED: [&str; 8] = [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
        "nonce",
    ];
    for (name, value) in params {
        if RESERVED.contains(&name.as_str()) {
            members.wrong(format!("/params/{name}"), "is not for extra parameters");
        }
        if name.len() > 128 || value.len() > MAX_TEXT {
            members.wrong(format!("/params/{name}"), "is too long");
        }
    }
}

pub(super) fn read_secret(secret: Option<String>, members: &mut Members) -> Option<Secret> {
    let secret = secret.map(Secret::new)?;
    if secret.reveal().is_empty() || secret.reveal().len() > MAX_SECRET {
        members.wrong("/client_secret", "has 1 to 16384 characters");
        return None;
    }
    Some(secret)
}
