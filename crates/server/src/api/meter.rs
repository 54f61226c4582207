//! Who may charge: an API behind us, with an access token that has the scope `keyhaven:usage` (or an
//! administrator's), within its tenant; and the name under which it may repeat a request safely. What
//! takes from a budget must have one: an answer that got lost would otherwise be paid for twice.

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::scope::{ADMIN, USAGE};
use keyhaven_protocol::secret::Digest;
use keyhaven_store::Reach;
use keyhaven_store::metering::{Name, Once};
use serde::de::DeserializeOwned;

use super::administrator::Administrator;
use super::body::{parse_body, read_bytes};
use super::once::parse_name;
use crate::app::Shared;
use crate::http::bearer;
use crate::http::error::{ApiError, Kind};
use crate::operations::check::{Need, check};

/// The name of a request that is repeated safely.
pub(super) type Metered = Once;

/// A request of somebody who may charge.
pub(super) struct Meter<T> {
    /// Whose keys it may charge.
    pub(super) reach: Reach,
    /// Its name, if it has one.
    pub(super) once: Option<Once>,
    /// Its body.
    pub(super) body: T,
}

impl<T> Meter<T> {
    /// A request that takes from a budget, which must have a name.
    pub(super) fn named(self) -> Result<(Reach, Once, T), ApiError> {
        let missing = || ApiError::parameter("Idempotency-Key", "is required for what is charged");
        Ok((self.reach, self.once.ok_or_else(missing)?, self.body))
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for Meter<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let (reach, actor) = who(&parts, app).await?;
        let bytes = read_bytes(body).await?;
        let once = name(&parts.headers, &actor, parts.uri.path(), &bytes)?;
        Ok(Self { reach, once, body: parse_body(&parts.headers, &bytes)? })
    }
}

async fn who(parts: &Parts, app: &Shared) -> Result<(Reach, String), ApiError> {
    if let Some(known) = parts.extensions.get::<Administrator>() {
        return Ok((known.reach, known.actor.clone()));
    }
    let token = bearer::token(&parts.headers).map_err(refused)?;
    let need = Need { audience: Some(app.settings.issuer.clone()), ..Need::default() };
    let principal = check(app, token, &need).await?;
    let may = [USAGE, ADMIN].iter().any(|scope| principal.scopes().contains(scope));
    match principal.reach().filter(|_| may) {
        Some(reach) => Ok((reach, principal.actor())),
        None => Err(ApiError::new(Kind::Forbidden, "The scope keyhaven:usage is needed.")),
    }
}

fn name(
    headers: &HeaderMap,
    actor: &str,
    path: &str,
    body: &[u8],
) -> Result<Option<Once>, ApiError> {
    let Some(name) = parse_name(headers)? else { return Ok(None) };
    Ok(Some(Once {
        name: Name::new(actor, name),
        fingerprint: Digest::of(&[path.as_bytes(), b"\n", body].concat()),
    }))
}

fn refused(refusal: Refusal) -> ApiError {
    let mut error = ApiError::new(Kind::InvalidToken, Kind::InvalidToken.title());
    error.refusal = Some(Box::new(refusal));
    error
}
