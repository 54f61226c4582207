//! `auth.register`: a signed-in person who belongs to no organization yet makes their own, and owns it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::json;
use keyhaven_protocol::refusal::Refusal;

use super::{Holder, No};
use crate::app::{App, Shared};
use crate::http::body::media_type;
use crate::http::rpc::{self, RpcError};
use crate::operations::found_organization::{Founded, found_organization};

/// `auth.register`.
pub async fn register_organization(
    State(app): State<Shared>,
    holder: Holder,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match register(&app, &holder, &headers, &body).await {
        Ok(()) => rpc::empty(&holder.token),
        Err(no) => no.told(&app, &holder.origin),
    }
}

async fn register(app: &App, holder: &Holder, headers: &HeaderMap, body: &Bytes) -> Result<(), No> {
    let bad =
        |text, rule: &str| No::new(RpcError::BadRequest(text), Refusal::request(rule.to_owned()));
    if media_type(headers) != Some("application/json") {
        return Err(bad("the body must be JSON", "the body is not JSON"));
    }
    let body = json::parse(body).map_err(|error| bad("invalid JSON", error.reason()))?;
    let name = body.get("org_name").and_then(serde_json::Value::as_str);
    let name = name.ok_or_else(|| bad("\"org_name\" is missing from body", "no org_name"))?;
    let name = parse_display_name(name).map_err(|rule| bad("invalid org_name", rule))?;
    match found_organization(app, &holder.signed_in, &name, &holder.origin).await? {
        Founded::Done(_) => Ok(()),
        Founded::BelongsAlready => Err(No::new(
            RpcError::Conflict("the user has an organization already"),
            Refusal::request("the user belongs to an organization already"),
        )),
    }
}
