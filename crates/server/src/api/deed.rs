//! A change that a request without a body of its own asks for: who, when, under which request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use keyhaven_store::Act;

use super::administrator::Administrator;
use crate::app::{Origin, Shared};
use crate::http::error::ApiError;

/// The deed of the administrator who calls.
pub struct Deed(pub Act);

impl FromRequestParts<Shared> for Deed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let administrator = Administrator::from_request_parts(parts, app).await?;
        Ok(Self(app.act(administrator.actor, &Origin::of(parts, app))))
    }
}
