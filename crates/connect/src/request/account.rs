//! Calls with the access token: whose account it is, and what an API call carries.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use keyhaven_protocol::secret::Secret;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::compose::{add_headers, agreed_headers, sensitive};
use super::{App, Misconfigured, finished};
use crate::provider::{Kind, Locator, Method, Provider, Values};
use crate::send::Outgoing;

/// The call that says whose account a token is for, if the provider has one.
pub fn account(
    provider: &Provider,
    app: &App<'_>,
    access: &Secret,
) -> Option<Result<Outgoing, Misconfigured>> {
    let url = provider.account.as_ref()?.url.as_ref()?;
    let known = [("client_id", app.client_id), ("access_token", access.reveal())];
    Some(finished::values(provider, app, &known).and_then(|values| {
        let url = finished::url(provider, url, &values)?;
        build(provider, &values, url, access)
    }))
}

fn build(
    provider: &Provider,
    values: &Values<'_>,
    url: Url,
    access: &Secret,
) -> Result<Outgoing, Misconfigured> {
    let account = provider.account.as_ref().ok_or_else(|| Misconfigured::new("no account call"))?;
    let mut headers = agreed_headers();
    add_headers(&provider.api.headers, values, &mut headers)?;
    add_headers(&account.headers, values, &mut headers)?;
    let in_url = account.url.iter().any(|url| url.names().any(|name| name == "access_token"));
    if let (Some(scheme), false) = (&account.scheme, in_url) {
        headers.insert(AUTHORIZATION, sensitive(&format!("{scheme} {}", access.reveal()))?);
    } else if !in_url {
        add_token(provider, access, &mut headers)?;
    }
    let body = account.json.as_ref().map(|json| json.clone().into_bytes()).unwrap_or_default();
    if !body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let method = match account.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Delete => http::Method::DELETE,
    };
    Ok(Outgoing { method, url, headers, body: Zeroizing::new(body) })
}

/// Every header a call to the provider's API needs with this token.
pub fn api_headers(
    provider: &Provider,
    app: &App<'_>,
    access: &Secret,
) -> Result<HeaderMap, Misconfigured> {
    let known = [("client_id", app.client_id), ("access_token", access.reveal())];
    let values = finished::values(provider, app, &known)?;
    let mut headers = HeaderMap::new();
    add_headers(&provider.api.headers, &values, &mut headers)?;
    add_token(provider, access, &mut headers)?;
    Ok(headers)
}

fn add_token(
    provider: &Provider,
    access: &Secret,
    headers: &mut HeaderMap,
) -> Result<(), Misconfigured> {
    let api = &provider.api;
    if let Some(name) = &api.header {
        let name = HeaderName::try_from(name.as_str())
            .map_err(|_| Misconfigured::new("a header's name is no header name"))?;
        let text = match &api.scheme {
            Some(scheme) => format!("{scheme} {}", access.reveal()),
            None => access.reveal().to_owned(),
        };
        headers.insert(name, sensitive(&Zeroizing::new(text))?);
        return Ok(());
    }
    let text = match provider.kind {
        Kind::Basic => {
            use base64::Engine as _;
            // `user:password` as the user gave them.
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(access.reveal()))
        }
        Kind::Oauth2 | Kind::ApiKey => format!("{} {}", api.scheme(), access.reveal()),
    };
    headers.insert(AUTHORIZATION, sensitive(&Zeroizing::new(text))?);
    Ok(())
}

/// A URL that was learnt before, if it leads to one of the provider's own hosts today.
pub fn own_url(provider: &Provider, app: &App<'_>, text: &str) -> Result<Url, Misconfigured> {
    let known = [("client_id", app.client_id)];
    finished::learnt(provider, text, &finished::values(provider, app, &known)?)
}

/// Where the API is: said by the token reply `document`, or made of variables. What a reply says is
/// believed only if it leads to one of the provider's own hosts.
pub fn api_base(
    provider: &Provider,
    app: &App<'_>,
    document: &Value,
) -> Result<Option<Url>, Misconfigured> {
    let known = [("client_id", app.client_id)];
    let values = finished::values(provider, app, &known)?;
    for locator in &provider.api.base {
        match locator {
            Locator::Made(template) => match finished::url(provider, template, &values) {
                Ok(url) => return Ok(Some(url)),
                Err(error) if template.names().next().is_none() => return Err(error),
                // A variable that is not known yet.
                Err(_) => {}
            },
            Locator::At(pointer) => {
                if let Some(text) = document.pointer(pointer.as_str()).and_then(Value::as_str) {
                    return finished::learnt(provider, text, &values).map(Some);
                }
            }
        }
    }
    Ok(None)
}
