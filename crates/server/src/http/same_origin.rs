//! Forms that only our own pages can send (V3.5): an unsafe request must come from our origin by the
//! browser's own word, and carry a token that only a page of ours could have shown to that browser.
//!
//! The token is the digest of the cookie it is bound to, the session's or that of pending sign-ins.
//! A page of another site can neither read the cookie nor the page; a neighbouring host cannot set
//! a `__Host-` cookie.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::{Digest, Secret};

use super::browser::Browser;
use super::{body, page};
use crate::app::{App, Shared};

/// The name of the form field.
pub const FIELD: &str = "form_token";

/// More than any form the listener lets through.
const WHOLE: usize = 1 << 20;

/// The token for forms of a page that is shown to the holder of `cookie`.
#[must_use]
pub fn form_token(cookie: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(mark(cookie).0)
}

fn mark(cookie: &Secret) -> Digest {
    Digest::of(&[b"keyhaven form token\0", cookie.reveal().as_bytes()].concat())
}

/// Refuses a request that another origin started. A browser says so in `Sec-Fetch-Site`, or at
/// least in `Origin`; one that says neither, or only `null`, is not believed (A12, A13).
pub fn require_same_origin(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value.as_bytes()),
            (None, _) => None,
            (Some(_), Some(_)) => Some(b"".as_slice()),
        }
    };
    let (site, origin) = (one("sec-fetch-site"), one(header::ORIGIN.as_str()));
    if let Some(site) = site
        && site != b"same-origin"
    {
        return Err(Refusal::request("the form was sent by a page of another site")
            .with("sec-fetch-site", String::from_utf8_lossy(site)));
    }
    match origin {
        Some(origin) if origin == app.settings.origin().as_bytes() => Ok(()),
        // Pages that send no referrer send no origin with their forms either: browsers write `null`
        // (Fetch §3.1). Then `Sec-Fetch-Site`, which no page can set, is what counts.
        Some(b"null") if site.is_some() => Ok(()),
        Some(origin) => Err(Refusal::request("the form was sent by a page of another origin")
            .with("origin", String::from_utf8_lossy(origin))
            .with("own", app.settings.origin())),
        None if site.is_some() => Ok(()),
        None => Err(Refusal::request("the browser does not say where the form comes from")),
    }
}

/// A form of our own pages, posted from our own origin by the browser it was shown to.
#[derive(Debug)]
pub struct Posted {
    /// Who sent it.
    pub browser: Browser,
    /// What was typed.
    pub form: Params,
}

impl FromRequest<Shared> for Posted {
    type Rejection = Forged;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Forged> {
        let (mut parts, body) = request.into_parts();
        let browser = Browser::of(&mut parts, app);
        let bytes = axum::body::to_bytes(body, WHOLE).await.unwrap_or_default();
        match judge(app, &parts.headers, &browser, &bytes) {
            Ok(form) => Ok(Self { browser, form }),
            Err(refusal) => Err(Forged(page::forged(app, refusal, &browser.origin))),
        }
    }
}

fn judge(
    app: &App,
    headers: &HeaderMap,
    browser: &Browser,
    bytes: &Bytes,
) -> Result<Params, Refusal> {
    require_same_origin(app, headers)?;
    if body::media_type(headers) != Some("application/x-www-form-urlencoded") {
        return Err(Refusal::request("the body is not a form"));
    }
    let form = Params::parse_form(bytes);
    let form = form.map_err(|error| Refusal::request(error.reason().into_owned()))?;
    let sent = form.get(FIELD).ok_or_else(|| Refusal::missing(FIELD))?;
    let sent = URL_SAFE_NO_PAD.decode(sent).ok().and_then(|bytes| bytes.try_into().ok());
    let sent = sent.map(Digest);
    let bound = [&browser.sid, &browser.browser].into_iter().flatten();
    if bound.map(mark).any(|mark| Some(mark) == sent) {
        return Ok(form);
    }
    Err(Refusal::request("the form was shown to another browser, or its sign-in is over"))
}

/// A form that was not ours.
#[derive(Debug)]
pub struct Forged(Response);

impl IntoResponse for Forged {
    fn into_response(self) -> Response {
        self.0
    }
}

/// Proof that a request without a form, such as a page's own script makes, came from our origin.
#[derive(Clone, Copy, Debug)]
pub struct SameOrigin;

impl FromRequestParts<Shared> for SameOrigin {
    type Rejection = Forged;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Forged> {
        match require_same_origin(app, &parts.headers) {
            Ok(()) => Ok(Self),
            Err(refusal) => {
                let origin = crate::app::Origin::of(parts, app);
                Err(Forged(page::forged(app, refusal, &origin)))
            }
        }
    }
}
