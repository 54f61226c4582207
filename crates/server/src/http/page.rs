//! HTML on its way out: the status, and the headers that every page carries, in one place.
//!
//! The policy lets a page load our own stylesheet, images and scripts and nothing else; it cannot be
//! framed (A15), and its forms lead back to us, or on to the one origin that this request redirects
//! to, because browsers apply `form-action` to the redirect after a form as well.

use askama::Template;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::refusal::{Code, Refusal};

use super::refusal;
use crate::app::{App, Origin};
use crate::operations::{Failure, Refused};
use crate::pages::error::ErrorPage;
use crate::pages::parts::Alert;

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A page with its answer's status.
#[derive(Debug)]
pub struct Page {
    html: String,
    status: StatusCode,
    leads_to: Option<String>,
    wait: Option<i64>,
}

/// A view as a page that says what was asked for.
pub fn render(view: &impl Template) -> Page {
    let (status, html) = match view.render() {
        Ok(html) => (StatusCode::OK, html),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    };
    Page { html, status, leads_to: None, wait: None }
}

impl Page {
    /// 422: the form again, because something in it has to change. The same for every way in which
    /// a sign-in fails, so that the status tells nothing about accounts (A58).
    #[must_use]
    pub fn again(mut self) -> Self {
        self.status = StatusCode::UNPROCESSABLE_ENTITY;
        self
    }

    /// 429: the form again, after this many seconds.
    #[must_use]
    pub fn later(mut self, seconds: i64) -> Self {
        self.status = StatusCode::TOO_MANY_REQUESTS;
        self.wait = Some(seconds);
        self
    }

    /// Lets the forms of this page end at another origin: where this request's answer will be sent.
    /// Anything that is not plainly `scheme://host[:port]` or `scheme:` is left out.
    #[must_use]
    pub fn leading_to(mut self, origin: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[]+".contains(&byte);
        self.leads_to = Some(origin).filter(|text| text.bytes().all(plain)).map(str::to_owned);
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        guard(headers, self.leads_to.as_deref());
        headers.insert(CONTENT_TYPE, HTML);
        if let Some(seconds) = self.wait {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The headers of everything a browser shows. TLS is insisted on by the listener.
fn guard(headers: &mut HeaderMap, leads_to: Option<&str>) {
    let policy = leads_to.and_then(|to| HeaderValue::from_str(&format!("{POLICY} {to}")).ok());
    let policy = policy.unwrap_or(HeaderValue::from_static(POLICY));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    headers.insert(X_FRAME_OPTIONS, DENY);
    headers.insert(OPENER_POLICY, SAME_ORIGIN);
}

/// 303 to a page of ours: after a form, so that reloading sends nothing again (A22). A path that
/// cannot be a header leads to the front page.
#[must_use]
pub fn see_other(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    guard(headers, None);
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(LOCATION, location);
    response
}

/// What a person sees when something was refused or failed: what kind of thing, what to do next,
/// and the code under which an administrator finds the rule.
pub fn refused(app: &App, failure: Failure, origin: &Origin) -> Response {
    let (view, status, wait) = match failure {
        Failure::Storage(error) => {
            tracing::error!(%error, "storage failed");
            (ErrorPage::unavailable(&origin.request), StatusCode::SERVICE_UNAVAILABLE, Some(1))
        }
        Failure::Refused(refused) => {
            let code = refusal::note(app, &refused, origin);
            let (view, status) = match refused.refusal.code {
                Code::TooManyRequests | Code::RateLimited => {
                    (ErrorPage::too_many(code), StatusCode::TOO_MANY_REQUESTS)
                }
                Code::InvalidToken => (ErrorPage::expired(code), StatusCode::GONE),
                Code::InsufficientScope | Code::UnauthorizedClient => {
                    (ErrorPage::forbidden(code), StatusCode::FORBIDDEN)
                }
                _ => (ErrorPage::refused(code), StatusCode::BAD_REQUEST),
            };
            (view, status, refused.wait)
        }
    };
    let mut page = render(&view);
    page.status = status;
    page.wait = wait;
    page.into_response()
}

/// 403 for a form that no page of ours sent to this browser (A12, A13).
pub fn forged(app: &App, refusal: Refusal, origin: &Origin) -> Response {
    let code = refusal::note(app, &Refused { refusal, client: None, wait: None }, origin);
    let mut page = render(&ErrorPage::forbidden(code));
    page.status = StatusCode::FORBIDDEN;
    page.into_response()
}

/// What a person is told when a step of theirs was refused, beside the form they sent.
#[derive(Debug)]
pub struct Told {
    /// What kind of refusal it was.
    pub kind: Code,
    /// The field at fault, where one is.
    pub field: Option<&'static str>,
    /// What to change in it.
    advice: Option<String>,
    /// The code under which an administrator finds the rule.
    pub code: String,
    /// How long to wait before trying again, in seconds.
    pub wait: Option<i64>,
}

/// Notes a refusal for the form that is shown again. Our own failures are a page of their own.
pub fn told(app: &App, failure: Failure, origin: &Origin) -> Result<Told, Early> {
    match failure {
        Failure::Storage(_) => Err(refused(app, failure, origin).into()),
        Failure::Refused(refused) => {
            let code = refusal::note(app, &refused, origin);
            let Refusal { code: kind, field, reason, .. } = refused.refusal;
            // What names a field says what to change in it, and nothing about accounts.
            let public = kind == Code::InvalidRequest && field.is_some();
            let advice = public.then(|| reason.into_owned());
            Ok(Told { kind, field, advice, code, wait: refused.wait })
        }
    }
}

impl Told {
    /// The message above the form that is shown again.
    #[must_use]
    pub fn alert(&self, text: &str) -> Alert {
        Alert { text: text.to_owned(), code: Some(self.code.clone()) }
    }

    /// What to change in the field at fault, as a sentence.
    #[must_use]
    pub fn advice(&self) -> String {
        let advice = self.advice.as_deref().unwrap_or("please change this");
        let mut chars = advice.chars();
        let first = chars.next().map(|first| first.to_uppercase().to_string());
        format!("{}{}.", first.unwrap_or_default(), chars.as_str().trim_end_matches('.'))
    }
}

/// An answer that ends a handler early. Boxed, because answers are large and this one is rare.
#[derive(Debug)]
pub struct Early(Box<Response>);

impl From<Response> for Early {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Early {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// What handlers of pages answer.
pub type Answer = Result<Response, Early>;

impl Page {
    /// The form again, after a refusal: 429 when waiting helps.
    #[must_use]
    pub fn after(self, told: &Told) -> Self {
        match (told.kind, told.wait) {
            (Code::TooManyRequests, wait) => self.later(wait.unwrap_or(60)),
            _ => self.again(),
        }
    }
}

/// 404 for people.
#[must_use]
pub fn not_found() -> Response {
    let mut page = render(&ErrorPage::not_found());
    page.status = StatusCode::NOT_FOUND;
    page.into_response()
}

/// A file that never changes under its address.
#[must_use]
pub fn asset(media_type: &'static str, bytes: &'static [u8]) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    guard(headers, None);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, forever);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(origin: &str) -> String {
        let page = render(&ErrorPage::not_found()).leading_to(origin).into_response();
        page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    }

    #[test]
    fn forms_may_lead_to_the_one_origin_of_the_request() {
        assert!(
            policy("https://app.test:8443").ends_with("form-action 'self' https://app.test:8443")
        );
        assert!(policy("com.example.app:").ends_with("form-action 'self' com.example.app:"));
    }

    #[test]
    fn an_origin_cannot_add_to_the_policy() {
        for origin in ["https://a.test; script-src *", "* ", "https://a.test\r\nX: y", "'unsafe'"] {
            assert!(policy(origin).ends_with("form-action 'self'"), "{origin}");
        }
    }

    #[test]
    fn a_redirect_that_would_split_the_header_leads_home() {
        assert_eq!(see_other("/a\r\nSet-Cookie: x=y").headers()[LOCATION], "/");
        assert_eq!(see_other("/account").status(), StatusCode::SEE_OTHER);
    }
}
