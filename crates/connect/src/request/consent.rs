//! The URL where the user consents (RFC 6749 §4.1.1, RFC 7636 §4.3).

use super::{App, Misconfigured, finished};
use crate::provider::{Authorize, Pkce, Provider, RedirectForm, Template, Values, percent_encoded};

/// What one flow asks for.
#[derive(Clone, Copy)]
pub struct Consent<'a> {
    /// Where the answer goes.
    pub redirect_uri: &'a str,
    /// As [`scopes_of`] lists them.
    pub scopes: &'a [String],
    /// Random, at most 160 characters.
    pub state: &'a str,
    /// The PKCE challenge under `pkce`, if it is not off.
    pub challenge: Option<&'a str>,
    /// The provider's way, or the connector's own.
    pub pkce: Pkce,
    /// Random, for providers that want one.
    pub nonce: Option<&'a str>,
    /// Further parameters, which replace the provider's but not the standard's.
    pub extra: &'a [(String, String)],
}

/// Names that no further parameter may have, whatever they are called on the wire.
const RESERVED: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
];

/// What is asked for: `asked`, or the provider's default if that is empty, and what is always
/// needed.
#[must_use]
pub fn scopes_of(provider: &Provider, asked: &[String]) -> Vec<String> {
    let Some(authorize) = &provider.authorize else { return asked.to_vec() };
    let rules = &authorize.scope;
    let mut scopes: Vec<String> = Vec::new();
    let asked = if asked.is_empty() { &rules.default } else { asked };
    for scope in asked.iter().chain(&rules.required) {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

/// The URL to send the user to.
pub fn authorization_url(
    provider: &Provider,
    app: &App<'_>,
    consent: &Consent<'_>,
) -> Result<String, Misconfigured> {
    let authorize = provider
        .authorize
        .as_ref()
        .ok_or_else(|| Misconfigured::new("the provider asks no user"))?;
    let known = [("client_id", app.client_id)];
    let values = finished::values(provider, app, &known)?;
    let query = query(authorize, app, consent, &values)?;
    let url = place(authorize, &values)?;
    let joint =
        if url.rsplit('#').next().is_some_and(|tail| tail.contains('?')) { '&' } else { '?' };
    let end = authorize.fragment.as_ref().map_or(String::new(), |text| format!("#{text}"));
    Ok(format!("{url}{joint}{query}{end}"))
}

/// The page itself. No secret goes there, so its host is only held to be https.
fn place(authorize: &Authorize, values: &Values<'_>) -> Result<String, Misconfigured> {
    let text = authorize.url.fill_url(values).map_err(|name| Misconfigured::unsaid(&name))?;
    let url =
        url::Url::parse(&text).map_err(|_| Misconfigured::new("the finished URL is no URL"))?;
    let http_was_meant = url.scheme() == "http" && authorize.url.text().starts_with("http://");
    if url.scheme() == "https" || http_was_meant {
        Ok(text)
    } else {
        Err(Misconfigured::new("the finished URL is not https"))
    }
}

/// `name=value&…`, percent-encoded.
struct Query<'a> {
    authorize: &'a Authorize,
    pairs: Vec<(String, String)>,
}

impl Query<'_> {
    /// A standard parameter under its wire name; empty ones vanish.
    fn standard(&mut self, name: &str, value: &str) {
        self.spelled(name, percent_encoded(value));
    }

    fn spelled(&mut self, name: &str, value: String) {
        let wire = self.authorize.rename.get(name).map_or(name, String::as_str);
        if !wire.is_empty() && !value.is_empty() {
            self.pairs.push((wire.to_owned(), value));
        }
    }

    /// Whether a further parameter would change a standard one.
    fn is_reserved(&self, name: &str) -> bool {
        RESERVED.contains(&name)
            || self.authorize.scope.param == name
            || self.authorize.rename.values().any(|wire| wire == name)
    }
}

fn query(
    authorize: &Authorize,
    app: &App<'_>,
    consent: &Consent<'_>,
    values: &Values<'_>,
) -> Result<String, Misconfigured> {
    let mut query = Query { authorize, pairs: Vec::new() };
    query.standard("response_type", authorize.response_type.as_deref().unwrap_or("code"));
    query.standard("client_id", app.client_id);
    query.standard("redirect_uri", &redirect(authorize, app, consent)?);
    if !authorize.scope.param.is_empty() {
        let param = authorize.scope.param.clone();
        let wire = if param == "scope" { "scope" } else { param.as_str() };
        query.spelled(wire, scope(authorize, consent, values)?);
    }
    query.standard("state", consent.state);
    if let Some(challenge) = consent.challenge.filter(|_| consent.pkce != Pkce::Off) {
        query.standard("code_challenge", challenge);
        let method = if consent.pkce == Pkce::Plain { "plain" } else { "S256" };
        query.standard("code_challenge_method", method);
    }
    if let Some(nonce) = consent.nonce.filter(|_| authorize.nonce) {
        query.standard("nonce", nonce);
    }
    let mut further: Vec<(String, String)> =
        finished::said(&authorize.params, values).map(|(n, v)| (n.to_owned(), v)).collect();
    for (name, value) in consent.extra {
        if query.is_reserved(name) {
            return Err(Misconfigured::new(format!("`{name}` is not for extra parameters")));
        }
        further.retain(|(present, _)| present != name);
        further.push((name.clone(), value.clone()));
    }
    for (name, value) in further.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.pairs.push((percent_encoded(&name), percent_encoded(&value)));
    }
    let joined: Vec<_> =
        query.pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(joined.join("&"))
}

fn redirect(
    authorize: &Authorize,
    app: &App<'_>,
    consent: &Consent<'_>,
) -> Result<String, Misconfigured> {
    match authorize.redirect {
        RedirectForm::Url => Ok(consent.redirect_uri.to_owned()),
        RedirectForm::Omit => Ok(String::new()),
        RedirectForm::Name => app
            .vars
            .get("redirect_name")
            .cloned()
            .ok_or_else(|| Misconfigured::unsaid("redirect_name")),
    }
}

/// Scopes joined by the provider's separator. A `+` between them is sent as it is.
fn scope(
    authorize: &Authorize,
    consent: &Consent<'_>,
    values: &Values<'_>,
) -> Result<String, Misconfigured> {
    let made = |template: &Template| template.fill(values).map_err(|n| Misconfigured::unsaid(&n));
    if let Some(template) = &authorize.scope.template {
        let mut scopes = vec![made(template)?];
        scopes.extend(authorize.scope.required.iter().cloned());
        return Ok(percent_encoded(&scopes.join(&authorize.scope.sep)));
    }
    let sep = &authorize.scope.sep;
    let spelled: Vec<_> = consent.scopes.iter().map(|scope| percent_encoded(scope)).collect();
    let sep = if sep == "+" { sep.clone() } else { percent_encoded(sep) };
    Ok(spelled.join(&sep))
}
