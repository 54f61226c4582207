//! Everything of a request but its target, each parameter within its bounds and in the order of
//! the RFCs. A refusal here goes back to the client.

use super::claims_request::RequestedClaims;
use super::response::{ResponseMode, Target};
use crate::client::{Client, Profile};
use crate::params::{Params, is_nqchar};
use crate::pkce::Challenge;
use crate::refusal::{Code, Refusal};
use crate::scope::Scopes;
use crate::time::Seconds;

/// The bound of `state`, `nonce`, `login_hint` (security bar §2).
const MAX_TEXT: usize = 2048;
const MAX_AGE: i64 = 100 * 365 * 24 * 60 * 60;
const MAX_VALUES: usize = 16;

/// How a request reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Through the browser.
    Front,
    /// Pushed by the authenticated client (RFC 9126).
    Pushed,
}

/// What `prompt` asks for (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Show nothing.
    pub none: bool,
    /// Sign in anew.
    pub login: bool,
    /// Ask for consent anew.
    pub consent: bool,
    /// Let the person choose who they are.
    pub select_account: bool,
}

/// A request as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Where the answer goes.
    pub target: Target,
    /// What is asked for.
    pub scopes: Scopes,
    /// The resource the access token is for; empty means the issuer.
    pub audience: String,
    /// Goes into the ID token.
    pub nonce: Option<String>,
    /// Binds the code to who asked.
    pub challenge: Option<Challenge>,
    /// Which pages are wanted.
    pub prompt: Prompt,
    /// How old the login may be.
    pub max_age: Option<Seconds>,
    /// Strengths of login, best first.
    pub acr_values: Vec<String>,
    /// An ID token of the person expected; still to be verified.
    pub id_token_hint: Option<String>,
    /// What the person may have typed already.
    pub login_hint: Option<String>,
    /// Languages, best first.
    pub ui_locales: Vec<String>,
    /// Single claims.
    pub claims: RequestedClaims,
    /// `claims` as sent, to be kept with the code.
    pub claims_text: Option<String>,
    /// The key that the code is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

/// Reads the request of a client whose target is found.
pub fn parse_request(
    params: &Params,
    repeated: Option<&str>,
    client: &Client,
    target: Target,
    channel: Channel,
) -> Result<AuthorizationRequest, Refusal> {
    if let Some(name) = repeated {
        return Err(Refusal::request(format!("parameter sent twice: {name}")));
    }
    parse_kind(params, client)?;
    if client.must_push() && channel == Channel::Front {
        return Err(Refusal::request("this client's requests are pushed first"));
    }
    bounded(params, "state")?;
    let scopes = parse_scopes(params, client)?;
    let claims_text = params.get("claims").map(str::to_owned);
    Ok(AuthorizationRequest {
        target,
        audience: parse_resource(params, &scopes, client)?,
        scopes,
        nonce: bounded(params, "nonce")?,
        challenge: parse_challenge(params, client)?,
        prompt: parse_prompt(params)?,
        max_age: parse_max_age(params)?.or(client.party.default_max_age),
        acr_values: words(params, "acr_values")?,
        id_token_hint: params.get("id_token_hint").map(str::to_owned),
        login_hint: bounded(params, "login_hint")?,
        ui_locales: words(params, "ui_locales")?,
        claims: claims_text
            .as_deref()
            .map_or_else(|| Ok(RequestedClaims::default()), RequestedClaims::parse)?,
        claims_text,
        dpop_jkt: parse_jkt(params)?,
    })
}

/// The response type and mode, and the request forms that are not for this endpoint (A08, A09).
fn parse_kind(params: &Params, client: &Client) -> Result<(), Refusal> {
    match params.get("response_type") {
        Some("code") => {}
        None => return Err(Refusal::missing("response_type")),
        Some(other) => {
            return Err(Refusal::new(Code::UnsupportedResponseType, "response_type is not code")
                .on("response_type")
                .with("response_type", other.chars().take(100).collect::<String>()));
        }
    }
    if !client.may_use("authorization_code") {
        return Err(Refusal::new(
            Code::UnauthorizedClient,
            "grant type is not registered for this client",
        )
        .with("grant_type", "authorization_code"));
    }
    if params.get("response_mode").is_some_and(|mode| ResponseMode::parse(mode).is_none()) {
        return Err(
            Refusal::request("response_mode is neither query nor form_post").on("response_mode")
        );
    }
    if params.get("request").is_some() {
        return Err(Refusal::new(
            Code::RequestNotSupported,
            "request objects are taken by the pushed authorization endpoint",
        ));
    }
    if params.get("registration").is_some() {
        return Err(Refusal::new(Code::RegistrationNotSupported, "registration inside a request"));
    }
    Ok(())
}

fn parse_scopes(params: &Params, client: &Client) -> Result<Scopes, Refusal> {
    let Some(text) = params.get("scope") else {
        let usual = client.scopes.default_grant();
        return Ok(usual.filtered(|scope| !matches!(scope, "openid" | "offline_access")));
    };
    let scopes = Scopes::parse(text)
        .map_err(|reason| Refusal::new(Code::InvalidScope, reason).on("scope"))?;
    if let Some(extra) = scopes.beyond(&client.scopes) {
        return Err(Refusal::new(Code::InvalidScope, "scope is wider than allowed")
            .on("scope")
            .with("scope", extra)
            .with("allowed", client.scopes.as_str()));
    }
    Ok(scopes)
}

/// One resource per request (RFC 8707 §2, A25). Without one, a login is for UserInfo, that is for
/// the issuer, and anything else for the client's registered audience.
fn parse_resource(params: &Params, scopes: &Scopes, client: &Client) -> Result<String, Refusal> {
    let own = client.audience.as_deref();
    let Some(resource) = params.get("resource") else {
        let own = own.filter(|_| !scopes.contains("openid"));
        return Ok(own.unwrap_or_default().to_owned());
    };
    if own != Some(resource) && !client.party.resources.iter().any(|known| known == resource) {
        return Err(Refusal::new(
            Code::InvalidTarget,
            "resource is not one the client may ask for",
        )
        .on("resource")
        .with("resource", resource.chars().take(200).collect::<String>()));
    }
    Ok(resource.to_owned())
}

/// PKCE is optional only for confidential clients of the `oidc-compat` profile, whose nonce and
/// secret stand in for it (RFC 9700 §2.1.1).
fn parse_challenge(params: &Params, client: &Client) -> Result<Option<Challenge>, Refusal> {
    let challenge = Challenge::parse(params)?;
    let optional = client.profile == Profile::OidcCompat && client.is_confidential();
    if challenge.is_none() && !optional {
        return Err(Refusal::missing("code_challenge"));
    }
    Ok(challenge)
}

fn parse_prompt(params: &Params) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::default();
    for word in words(params, "prompt")? {
        match word.as_str() {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(Refusal::request("prompt has an unknown word").on("prompt")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        return Err(Refusal::request("prompt none stands with another word").on("prompt"));
    }
    Ok(prompt)
}

/// `max_age=0` asks for a new login (OpenID Connect Core §3.1.2.1, A18).
fn parse_max_age(params: &Params) -> Result<Option<Seconds>, Refusal> {
    let Some(text) = params.get("max_age") else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(seconds) if digits && seconds <= MAX_AGE => Ok(Some(Seconds(seconds))),
        _ => Err(Refusal::request("max_age is not a number of seconds").on("max_age")),
    }
}

fn parse_jkt(params: &Params) -> Result<Option<String>, Refusal> {
    let Some(jkt) = params.get("dpop_jkt") else { return Ok(None) };
    let sound = crate::jose::base64url::decode(jkt).is_some_and(|bytes| bytes.len() == 32);
    if !sound {
        return Err(Refusal::request("dpop_jkt is not a SHA-256 thumbprint").on("dpop_jkt"));
    }
    Ok(Some(jkt.to_owned()))
}

fn bounded(params: &Params, name: &'static str) -> Result<Option<String>, Refusal> {
    match params.get(name) {
        Some(text) if text.len() > MAX_TEXT => {
            Err(Refusal::request(format!("{name} is longer than 2048 bytes")).on(name))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn words(params: &Params, name: &'static str) -> Result<Vec<String>, Refusal> {
    let Some(text) = bounded(params, name)? else { return Ok(Vec::new()) };
    let words: Vec<_> =
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if words.len() > MAX_VALUES || !words.iter().all(|word| is_nqchar(word)) {
        return Err(Refusal::request(format!("{name} is not a short list of words")).on(name));
    }
    Ok(words)
}
