//! The sessions family (operations 1 to 4, `login` and `register`): `/rpc/auth.*`, older and newest
//! shape at once. The callback tells the shapes apart by its query parameter, logout by its method,
//! and info answers the union of both.
//!
//! The session is a `kh_session_…` in the `Gram-Session` header or the `gram_session` cookie. That
//! cookie has no `SameSite` by contract, so requests that rely on it must not come from a page of
//! another site (A66); a header can only be set by the dashboard itself.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::Response;
use keyhaven_protocol::id::{OrganizationId, ProjectId};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::session::Barred;
use keyhaven_store::sessions::SignedIn;

use crate::app::{App, Origin, Shared};
use crate::http::cookies;
use crate::http::rpc::{self, RpcError, SignOut};
use crate::operations::Failure;
use crate::operations::sessions::{Switched, place, recognise_session, sign_out, switch_scope};

mod callback;
mod info;
mod login;
mod register;

pub use callback::complete_sign_in;
pub use info::show_session_info;
pub use login::begin_sign_in;
pub use register::register_organization;

/// A refusal as this family tells it.
pub struct No {
    error: RpcError,
    failure: Failure,
}

impl No {
    fn new(error: RpcError, refusal: impl Into<Failure>) -> Self {
        Self { error, failure: refusal.into() }
    }

    fn told(self, app: &App, origin: &Origin) -> Response {
        rpc::refused(app, self.error, self.failure, origin)
    }
}

/// Whatever an operation refuses of a session, the session does not count.
impl From<Failure> for No {
    fn from(failure: Failure) -> Self {
        Self::new(RpcError::Unauthorized, failure)
    }
}

impl From<Barred> for No {
    fn from(barred: Barred) -> Self {
        Self::new(barred.into(), Refusal::token(barred.reason()))
    }
}

/// The holder of a session, and the token they sent, which goes back to them.
pub struct Holder {
    signed_in: Arc<SignedIn>,
    token: Secret,
    origin: Origin,
}

/// A refusal that ends an extraction.
pub struct Refused(Response);

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0
    }
}

impl FromRequestParts<Shared> for Holder {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refused> {
        let origin = Origin::of(parts, app);
        match hold(app, &parts.headers).await {
            Ok((signed_in, token)) => Ok(Self { signed_in, token, origin }),
            Err(no) => Err(Refused(no.told(app, &origin))),
        }
    }
}

async fn hold(app: &App, headers: &HeaderMap) -> Result<(Arc<SignedIn>, Secret), No> {
    let token = match header_token(headers)? {
        Some(token) => token,
        None => {
            let token = cookies::find(headers, rpc::SESSION_COOKIE).ok_or_else(|| {
                No::new(RpcError::Unauthorized, Refusal::token("no session in the request"))
            })?;
            require_own_page(app, headers)?;
            token
        }
    };
    Ok((recognise_session(app, token.reveal()).await?, token))
}

/// The token of the header: what stands behind the first space, if there is one.
fn header_token(headers: &HeaderMap) -> Result<Option<Secret>, No> {
    let refused = |rule| No::new(RpcError::Unauthorized, Refusal::token(rule));
    let mut values = headers.get_all(rpc::GRAM_SESSION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused("two Gram-Session headers"));
    }
    let text = value.to_str().map_err(|_| refused("Gram-Session is not ASCII"))?;
    let token = text.split_once(' ').map_or(text, |(_, token)| token);
    Ok((!text.is_empty()).then(|| Secret::from(token)))
}

/// A browser says which page sent a request: ours, the dashboard's, or none because a person opened
/// the address. Programs that are no browsers say nothing.
fn require_own_page(app: &App, headers: &HeaderMap) -> Result<(), No> {
    let refused = |rule| No::new(RpcError::Forbidden, Refusal::request(rule));
    let own = |origin: &[u8]| {
        origin == app.settings.origin().as_bytes()
            || origin == app.settings.dashboard_origin().as_bytes()
    };
    if let Some(origin) = headers.get(header::ORIGIN) {
        if own(origin.as_bytes()) {
            return Ok(());
        }
        return Err(refused("the request was sent by a page of another origin"));
    }
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(refused("the request was started by a page of another site")),
    }
}

/// The value of a query parameter; empty counts as absent.
fn query(uri: &Uri) -> Result<Params, No> {
    Params::parse_form(uri.query().unwrap_or_default().as_bytes()).map_err(|error| {
        let refusal = Refusal::request(error.reason().into_owned());
        No::new(RpcError::BadRequest("invalid query string"), refusal)
    })
}

fn given<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).filter(|text| !text.is_empty())
}

/// `auth.switchScopes`.
pub async fn switch_scopes(State(app): State<Shared>, holder: Holder, uri: Uri) -> Response {
    match switch(&app, &holder, &uri).await {
        Ok(()) => rpc::empty(&holder.token),
        Err(no) => no.told(&app, &holder.origin),
    }
}

async fn switch(app: &App, holder: &Holder, uri: &Uri) -> Result<(), No> {
    let params = query(uri)?;
    let unknown = |what, rule| No::new(RpcError::Invalid(what), Refusal::request(rule));
    let no_organization = || {
        unknown("organization not found in user info", "the organization is not one of the user's")
    };
    let no_project =
        || unknown("project not found in organization", "the organization has no such project");
    let organization = match given(&params, "organization_id") {
        None => None,
        Some(text) => Some(OrganizationId::parse(text).ok_or_else(no_organization)?),
    };
    let project = match given(&params, "project_id") {
        None => None,
        Some(text) => Some(ProjectId::parse(text).ok_or_else(no_project)?),
    };
    match switch_scope(app, &holder.signed_in, organization, project, &holder.origin).await? {
        Switched::Done => Ok(()),
        Switched::Barred(Barred::NotAMember) if organization.is_some() => Err(no_organization()),
        Switched::Barred(barred) => Err(barred.into()),
        Switched::NoSuchProject => Err(no_project()),
    }
}

/// `auth.logout`, by GET in the older shape and by POST in the newest.
pub async fn log_out(State(app): State<Shared>, method: Method, holder: Holder) -> Response {
    let shape = if method == Method::POST { SignOut::Post } else { SignOut::Get };
    match sign_out(&app, &holder.signed_in, &holder.origin).await {
        Ok(_) => rpc::signed_out(shape),
        Err(failure) => No::from(failure).told(&app, &holder.origin),
    }
}

/// Every path of the family that is none of its operations.
pub async fn unknown_procedure(State(app): State<Shared>, origin: Origin) -> Response {
    No::new(RpcError::Unknown, Refusal::request("no such procedure")).told(&app, &origin)
}

/// `OPTIONS` of any path.
pub async fn preflight() -> Response {
    rpc::preflight()
}

/// Where the session acts, or the family's refusal.
fn acting(signed_in: &SignedIn) -> Result<Option<OrganizationId>, No> {
    Ok(place(signed_in)?.map(|place| place.organization))
}
