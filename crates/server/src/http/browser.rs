//! Who is at our pages: the cookies a browser holds, and the person signed in with them. Only
//! `__Host-sid` signs anybody in here (V3.3); whether a form was ours is in `same_origin.rs`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::sessions::SignedIn;

use super::{cookies, page, refusal};
use crate::app::{Origin, Shared};
use crate::operations::sessions::recognise_session;
use crate::operations::sign_in::{Opened, Visitor};
use crate::operations::{Failure, known_device};

/// What a browser brought along. Nothing in it is believed yet.
#[derive(Clone, Debug)]
pub struct Browser {
    /// The login cookie's value.
    pub sid: Option<Secret>,
    /// What its pending sign-ins are bound to.
    pub browser: Option<Secret>,
    /// What its authorization requests are bound to.
    pub requests: Option<Secret>,
    /// What makes it a known device.
    pub device: Option<Secret>,
    /// What it calls itself.
    pub agent: String,
    /// Where it comes from.
    pub origin: Origin,
}

impl Browser {
    /// The cookies and the origin of a request.
    pub fn of(parts: &mut Parts, app: &crate::app::App) -> Self {
        let headers = &parts.headers;
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            sid: cookies::find(headers, cookies::SESSION),
            browser: cookies::find(headers, cookies::BROWSER),
            requests: cookies::find(headers, cookies::REQUESTS),
            device: cookies::find(headers, cookies::DEVICE),
            agent: agent.unwrap_or_default().to_owned(),
            origin: Origin::of(parts, app),
        }
    }

    /// As operations see it. `browser` is the cookie that pending sign-ins are bound to; `session`
    /// the one that is signed in now.
    #[must_use]
    pub fn visitor<'a>(&'a self, browser: &'a Secret, session: Option<&SignedIn>) -> Visitor<'a> {
        Visitor {
            browser,
            device: self.device.as_ref(),
            agent: &self.agent,
            session: session.map(|signed_in| signed_in.session.id),
            origin: &self.origin,
        }
    }

    /// The person signed in, or `None`. Storage that fails is never "nobody".
    pub async fn signed_in(&self, app: &Shared) -> Result<Option<Arc<SignedIn>>, Failure> {
        let Some(sid) = &self.sid else { return Ok(None) };
        match recognise_session(app, sid.reveal()).await {
            Ok(signed_in) => Ok(Some(signed_in)),
            Err(Failure::Refused(refused)) => {
                tracing::debug!(reason = refused.refusal.reason.as_ref(), "not signed in");
                Ok(None)
            }
            Err(storage) => Err(storage),
        }
    }
}

impl FromRequestParts<Shared> for Browser {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, app))
    }
}

/// The person signed in at our pages. Whoever is not is sent to `/login`, and comes back to the
/// path they asked for.
#[derive(Clone, Debug)]
pub struct SignedInUser {
    /// The session and its person.
    pub signed_in: Arc<SignedIn>,
    /// The browser.
    pub browser: Browser,
}

impl SignedInUser {
    /// The person whose browser this is; whoever is not signed in comes back to the account page.
    pub async fn of(app: &Shared, browser: Browser) -> Result<Self, NotSignedIn> {
        match browser.signed_in(app).await {
            Ok(Some(signed_in)) => Ok(Self { signed_in, browser }),
            Ok(None) | Err(Failure::Refused(_)) => Err(NotSignedIn::Nobody { asked: None }),
            Err(Failure::Storage(error)) => Err(NotSignedIn::Unknown(error)),
        }
    }
}

impl FromRequestParts<Shared> for SignedInUser {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, NotSignedIn> {
        let browser = Browser::of(parts, app);
        match browser.signed_in(app).await {
            Ok(Some(signed_in)) => Ok(Self { signed_in, browser }),
            Ok(None) => Err(NotSignedIn::Nobody {
                asked: parts.uri.path_and_query().map(|asked| asked.as_str().to_owned()),
            }),
            Err(Failure::Storage(error)) => Err(NotSignedIn::Unknown(error)),
            Err(Failure::Refused(_)) => Err(NotSignedIn::Nobody { asked: None }),
        }
    }
}

/// Why nobody is signed in.
#[derive(Debug)]
pub enum NotSignedIn {
    /// There is no session, or one that does not count.
    Nobody {
        /// The path that was asked for.
        asked: Option<String>,
    },
    /// Storage cannot say.
    Unknown(keyhaven_store::Error),
}

impl IntoResponse for NotSignedIn {
    fn into_response(self) -> Response {
        match self {
            Self::Nobody { asked } => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("continue", asked.as_deref().unwrap_or("/account"));
                page::see_other(&format!("/login?{}", query.finish()))
            }
            Self::Unknown(error) => refusal::unavailable(&error),
        }
    }
}

/// Gives the browser its new session and makes it a known device.
pub fn keep_session(headers: &mut HeaderMap, opened: &Opened, life: Seconds) {
    headers.append(header::SET_COOKIE, cookies::set(cookies::SESSION, &opened.token, Some(life)));
    let known = Some(known_device::KNOWN_FOR);
    headers.append(header::SET_COOKIE, cookies::set(cookies::DEVICE, &opened.device, known));
    headers.append(header::SET_COOKIE, cookies::clear(cookies::BROWSER));
}

/// Binds pending sign-ins to this browser from now on.
pub fn keep_browser(headers: &mut HeaderMap, browser: &Secret) {
    headers.append(header::SET_COOKIE, cookies::set(cookies::BROWSER, browser, None));
}

/// Binds authorization requests to this browser from now on.
pub fn keep_requests(headers: &mut HeaderMap, bound: &Secret) {
    headers.append(header::SET_COOKIE, cookies::set(cookies::REQUESTS, bound, None));
}

/// Makes the browser forget its session.
pub fn drop_session(headers: &mut HeaderMap) {
    headers.append(header::SET_COOKIE, cookies::clear(cookies::SESSION));
}
