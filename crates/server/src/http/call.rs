//! A posted request taken whole: headers, target and body are moved out of it, not copied.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::body::{self, Shape};
use crate::app::{Origin, Shared};
use crate::operations::Failure;
use keyhaven_protocol::refusal::Refusal;

/// More than any body the listener lets through, so that the parsers' own limits refuse by name.
const WHOLE: usize = 1 << 20;

/// What a token endpoint needs of a request.
pub struct Call {
    /// Where it came from.
    pub origin: Origin,
    /// Its target, as the router saw it.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; the listener read it whole within its limits.
    pub body: Bytes,
}

impl Call {
    /// The shape of the body, once nothing was found in the URL that belongs there.
    pub fn shape(&self) -> Result<Shape, Failure> {
        body::no_query(&self.uri)?;
        Ok(body::shape(&self.headers, &self.body)?)
    }
}

impl FromRequest<Shared> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        let origin = Origin::of(&mut parts, app);
        // A body that breaks off was answered by the listener; in process there is none.
        let body = axum::body::to_bytes(body, WHOLE).await.unwrap_or_default();
        Ok(Self { origin, uri: parts.uri, headers: parts.headers, body })
    }
}

/// How a refusal of the body's shape is told by an endpoint of the standards.
pub fn unreadable(app: &Shared, call: &Call) -> Response {
    let refusal = Refusal::request("the body is neither a form nor JSON");
    super::refusal::unsupported_media_type(app, &refusal, &call.origin)
}
