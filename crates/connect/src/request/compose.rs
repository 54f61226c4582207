//! Calls to a token endpoint: exchange (RFC 6749 §4.1.3), refresh (§6), upgrade, and grants without
//! a user (§4.3, §4.4, RFC 7523 §2.1).

use std::collections::BTreeMap;

use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use keyhaven_protocol::secret::Secret;
use serde_json::{Map, Value};
use url::{Position, Url};
use zeroize::Zeroizing;

use super::assertion::{self, Signer};
use super::client::{self, Proof};
use super::{App, Code, Misconfigured, Renewal, Stamp, finished};
use crate::provider::{Body, Call, Grant, Method, Provider, Redirect, RefreshKind, Values};
use crate::send::Outgoing;

/// Who we say we are. Reddit and GitHub answer nobody who does not.
const AGENT: &str = concat!("keyhaven/", env!("CARGO_PKG_VERSION"));

/// Parameters by their wire names, in the order in which they are sent.
pub(super) struct Params {
    list: Vec<(String, Zeroizing<String>)>,
    rename: BTreeMap<String, String>,
}

impl Params {
    pub(super) fn new(rename: &BTreeMap<String, String>) -> Self {
        Self { list: Vec::new(), rename: rename.clone() }
    }

    /// Adds a standard parameter under the name the provider has for it. Empty values vanish.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let wire = self.rename.get(name).map_or(name, String::as_str).to_owned();
        if !wire.is_empty() && !value.is_empty() {
            self.list.push((wire, Zeroizing::new(value.to_owned())));
        }
    }

    /// Adds a parameter of the provider's own, in place of one of that name.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.list.retain(|(present, _)| present != name);
        self.list.push((name.to_owned(), Zeroizing::new(value)));
    }

    fn encoded(&self) -> Zeroizing<String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.list.iter().map(|(name, value)| (name, value.as_str())));
        Zeroizing::new(form.finish())
    }

    fn json(self) -> Vec<u8> {
        let member =
            |(name, value): (String, Zeroizing<String>)| (name, Value::from(value.as_str()));
        Value::Object(self.list.into_iter().map(member).collect::<Map<_, _>>()).to_string().into()
    }
}

/// The call that turns a code into a token.
pub fn exchange(
    provider: &Provider,
    app: &App<'_>,
    code: &Code<'_>,
    stamp: &Stamp,
    prelude: Option<&Secret>,
) -> Result<Outgoing, Misconfigured> {
    let call = provider.token.as_ref().ok_or_else(|| Misconfigured::new("no token endpoint"))?;
    let mut params = Params::new(&call.rename);
    params.add("grant_type", call.grant.as_deref().unwrap_or("authorization_code"));
    params.add("code", code.code.reveal());
    if call.redirect != Redirect::Omit {
        params.add("redirect_uri", code.redirect_uri);
    }
    params.add("code_verifier", code.verifier.map_or("", Secret::reveal));
    let scope = code.scopes.join(" ");
    let known = known(app, &[("state", code.state), ("scope", &scope)], prelude);
    if call.send_scope {
        params.add("scope", &scope);
    }
    finish(provider, app, call, params, &Facts { known: &known, spent: Some(code.code), stamp })
}

/// The call that renews a token.
pub fn refresh(
    provider: &Provider,
    app: &App<'_>,
    renewal: &Renewal<'_>,
    stamp: &Stamp,
    prelude: Option<&Secret>,
) -> Result<Outgoing, Misconfigured> {
    let rules = &provider.refresh;
    if matches!(rules.kind, RefreshKind::None | RefreshKind::Remint) {
        return Err(Misconfigured::new("the provider renews nothing"));
    }
    let call = refresh_call(provider)?;
    let mut params = Params::new(&call.rename);
    params.add("grant_type", call.grant.as_deref().unwrap_or("refresh_token"));
    params.add(call.token_param.as_deref().unwrap_or("refresh_token"), renewal.token.reveal());
    if call.redirect == Redirect::Send {
        params.add("redirect_uri", renewal.redirect_uri);
    }
    let scope = renewal.scopes.join(" ");
    if call.send_scope {
        params.add("scope", &scope);
    }
    let known = known(app, &[("scope", &scope)], prelude);
    let facts = Facts { known: &known, spent: Some(renewal.token), stamp };
    finish(provider, app, &call, params, &facts)
}

/// The exchange's call with what refreshing changes.
fn refresh_call(provider: &Provider) -> Result<Call, Misconfigured> {
    let token = provider.token.as_ref().ok_or_else(|| Misconfigured::new("no token endpoint"))?;
    let rules = &provider.refresh;
    let mut call = token.clone();
    call.url = rules.url.clone().unwrap_or(call.url);
    call.method = rules.method.unwrap_or(call.method);
    call.body = rules.body.unwrap_or(call.body);
    call.auth = rules.auth.unwrap_or(call.auth);
    call.grant.clone_from(&rules.grant);
    call.token_param.clone_from(&rules.token_param);
    call.redirect = rules.redirect;
    call.send_scope = rules.send_scope;
    if let Some(params) = &rules.params {
        call.params.clone_from(params);
    }
    Ok(call)
}

/// The host that token calls go to, by which failures of one service are told from another's.
pub fn token_host(provider: &Provider, app: &App<'_>) -> Result<String, Misconfigured> {
    let call = refresh_call(provider)?;
    let known = known(app, &[], None);
    let values = finished::values(provider, app, &known)?;
    let url = finished::url(provider, &call.url, &values)?;
    // Another port is another server, where an operator lets us go to one.
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    Ok(authority.to_owned())
}

/// The call that turns a fresh short-lived token into a long-lived one, if the provider has one.
pub fn upgrade(
    provider: &Provider,
    app: &App<'_>,
    token: &Secret,
    stamp: &Stamp,
) -> Option<Result<Outgoing, Misconfigured>> {
    let call = provider.upgrade.as_ref()?;
    let mut params = Params::new(&call.rename);
    params.add("grant_type", call.grant.as_deref().unwrap_or_default());
    params.add(call.token_param.as_deref().unwrap_or("access_token"), token.reveal());
    let known = known(app, &[], None);
    let facts = Facts { known: &known, spent: Some(token), stamp };
    Some(finish(provider, app, call, params, &facts))
}

/// The call that asks for a token without a user.
pub fn remint(
    provider: &Provider,
    app: &App<'_>,
    grant: Grant,
    scopes: &[String],
    stamp: &Stamp,
) -> Result<Outgoing, Misconfigured> {
    let call = provider.token.as_ref().ok_or_else(|| Misconfigured::new("no token endpoint"))?;
    let rules = provider
        .grants
        .get(&grant)
        .ok_or_else(|| Misconfigured::new("the provider's file does not list this grant"))?;
    let mut call = call.clone();
    call.auth = rules.auth.unwrap_or(call.auth);
    // Parameters of the code exchange are none of this grant's.
    call.params.clone_from(&rules.params);
    let scope = scopes.join(" ");
    let known = known(app, &[("scope", &scope)], None);
    let mut params = Params::new(&call.rename);
    params.add("grant_type", grant.wire());
    if let (Grant::Password, Some((user, password))) = (grant, app.login) {
        params.add("username", user);
        params.add("password", password.reveal());
    }
    if grant == Grant::JwtBearer {
        let values = finished::values(provider, app, &known)?;
        let audience = audience(&finished::url(provider, &call.url, &values)?);
        let assertion = rules.assertion.clone().unwrap_or_default();
        let signer = Signer::key(app)?;
        let jwt = assertion::signed(&assertion, &signer, app, &audience, &values, stamp)?;
        params.add("assertion", &jwt);
    }
    if rules.send_scope {
        params.add("scope", &scope);
    }
    finish(provider, app, &call, params, &Facts { known: &known, spent: None, stamp })
}

/// The call that must come before each token call, if the provider wants one.
pub fn prelude(provider: &Provider, app: &App<'_>) -> Option<Result<Outgoing, Misconfigured>> {
    let rules = provider.prelude.as_ref()?;
    let known = known(app, &[], None);
    Some(finished::values(provider, app, &known).and_then(|values| {
        let mut params = Params::new(&BTreeMap::new());
        finished::said(&rules.params, &values).for_each(|(name, value)| params.set(name, value));
        let url = finished::url(provider, &rules.url, &values)?;
        Ok(message(url, Method::Post, Body::Json, params, agreed_headers()))
    }))
}

/// What templates of a call may name beside variables.
fn known<'a>(
    app: &App<'a>,
    more: &[(&'static str, &'a str)],
    prelude: Option<&'a Secret>,
) -> Vec<(&'static str, &'a str)> {
    let mut known = vec![("client_id", app.client_id)];
    known.extend(app.secret.map(|secret| ("client_secret", secret.reveal())));
    known.extend(app.login.map(|(user, _)| ("username", user)));
    known.extend(app.login.map(|(_, password)| ("password", password.reveal())));
    known.extend(prelude.map(|token| ("prelude", token.reveal())));
    known.extend_from_slice(more);
    known
}

/// What the end of every call needs.
struct Facts<'a> {
    known: &'a [(&'a str, &'a str)],
    spent: Option<&'a Secret>,
    stamp: &'a Stamp,
}

/// Adds the client's proof and the provider's own parameters and headers.
fn finish(
    provider: &Provider,
    app: &App<'_>,
    call: &Call,
    mut params: Params,
    facts: &Facts<'_>,
) -> Result<Outgoing, Misconfigured> {
    let values = finished::values(provider, app, facts.known)?;
    let mut url = finished::url(provider, &call.url, &values)?;
    let proof = Proof {
        auth: call.auth,
        assertion: call.assertion.as_ref(),
        audience: audience(&url),
        spent: facts.spent,
        stamp: facts.stamp,
    };
    let authorization = client::prove(app, &proof, &values, &mut params)?;
    finished::said(&call.params, &values).for_each(|(name, value)| params.set(name, value));
    for (name, value) in finished::said(&call.query, &values) {
        url.query_pairs_mut().append_pair(name, &value);
    }
    let mut headers = agreed_headers();
    add_headers(&call.headers, &values, &mut headers)?;
    if let Some(text) = authorization {
        headers.insert(AUTHORIZATION, sensitive(&text)?);
    }
    Ok(message(url, call.method, call.body, params, headers))
}

/// The audience of a signed proof: the endpoint without its query.
fn audience(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.into()
}

/// What every call says.
pub(super) fn agreed_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers
}

/// The provider's own headers, in place of ours.
pub(super) fn add_headers(
    templates: &BTreeMap<String, crate::provider::Template>,
    values: &Values<'_>,
    headers: &mut HeaderMap,
) -> Result<(), Misconfigured> {
    for (name, value) in finished::said(templates, values) {
        let name = HeaderName::try_from(name)
            .map_err(|_| Misconfigured::new("a header's name is no header name"))?;
        headers.insert(name, sensitive(&value)?);
    }
    Ok(())
}

/// A header value that may hold a secret.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, Misconfigured> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Misconfigured::new("a header's value holds a control character"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Puts the parameters where they go.
pub(super) fn message(
    mut url: Url,
    method: Method,
    body: Body,
    params: Params,
    mut headers: HeaderMap,
) -> Outgoing {
    let method = match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Delete => http::Method::DELETE,
    };
    let mut typed = |name| headers.insert(CONTENT_TYPE, HeaderValue::from_static(name));
    let bytes = match body {
        _ if params.list.is_empty() => Vec::new(),
        Body::Form => {
            typed("application/x-www-form-urlencoded");
            params.encoded().as_bytes().to_vec()
        }
        Body::Json => {
            typed("application/json");
            params.json()
        }
        Body::Query => {
            let encoded = params.encoded();
            let query = match url.query().filter(|query| !query.is_empty()) {
                Some(query) => Zeroizing::new(format!("{query}&{}", *encoded)),
                None => encoded,
            };
            url.set_query(Some(&query));
            Vec::new()
        }
    };
    Outgoing { method, url, headers, body: Zeroizing::new(bytes) }
}
