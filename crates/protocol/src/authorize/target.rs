//! Where an answer may go: the client, then its redirect URI, by byte equality (RFC 9700 §4.1).
//! Everything refused here stays on our own page (A01, A03, A05, A07).

use super::response::{ResponseMode, Target};
use crate::client::{Client, Standing};
use crate::params::Params;
use crate::redirect_uri::matches;
use crate::refusal::{Code, Refusal};
use crate::relying_party::RelyingParty;

const MAX_STATE: usize = 2048;

/// The place the request's answer goes to. `repeated` names a parameter that was sent twice.
pub fn find_target(
    params: &Params,
    repeated: Option<&str>,
    client: Option<&Client>,
) -> Result<Target, Refusal> {
    if let Some(name @ ("client_id" | "redirect_uri")) = repeated {
        return Err(Refusal::request(format!("parameter sent twice: {name}")));
    }
    let sent = params.get("client_id").ok_or_else(|| Refusal::missing("client_id"))?;
    let Some(client) = client.filter(|client| client.public_id == sent) else {
        return Err(Refusal::new(Code::UnauthorizedClient, "unknown client")
            .on("client_id")
            .with("client_id", printable(sent)));
    };
    match client.standing {
        Standing::Active => {}
        Standing::Disabled => {
            return Err(Refusal::new(Code::UnauthorizedClient, "client is disabled"));
        }
        Standing::OrganizationDisabled => {
            return Err(Refusal::new(
                Code::UnauthorizedClient,
                "the client's organization is disabled",
            ));
        }
    }
    let (redirect_uri, was_sent) = find_redirect_uri(params, &client.party)?;
    let state =
        params.get("state").filter(|state| repeated != Some("state") && state.len() <= MAX_STATE);
    let response_mode = match params.get("response_mode") {
        Some(word) if repeated != Some("response_mode") => {
            ResponseMode::parse(word).unwrap_or_default()
        }
        _ => ResponseMode::default(),
    };
    Ok(Target { redirect_uri, was_sent, response_mode, state: state.map(str::to_owned) })
}

/// A client with a single redirect URI may leave it out, except for OpenID Connect, which requires
/// it (OpenID Connect Core §3.1.2.1).
fn find_redirect_uri(params: &Params, party: &RelyingParty) -> Result<(String, bool), Refusal> {
    let openid = params.get("scope").is_some_and(|scope| scope.split(' ').any(|s| s == "openid"));
    match (params.get("redirect_uri"), party.redirect_uris.as_slice()) {
        (Some(sent), registered) => {
            if registered.iter().any(|registered| matches(registered, sent)) {
                return Ok((sent.to_owned(), true));
            }
            Err(Refusal::request("redirect_uri is not a registered one")
                .on("redirect_uri")
                .with("redirect_uri", printable(sent))
                .with("registered", registered.join(" ")))
        }
        (None, [only]) if !openid => Ok((only.clone(), false)),
        (None, _) => Err(Refusal::missing("redirect_uri")),
    }
}

/// What `explain` shows of a value an attacker chose.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
