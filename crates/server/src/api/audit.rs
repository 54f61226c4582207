//! `/v1/audit`: what happened. Append-only; there is no way to change it here.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use keyhaven_protocol::id::Id;
use keyhaven_store::Page;
use keyhaven_store::audit::Recorded;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use super::grants::narrowed;
use super::page::{Asked, Listing, PageParams, seal};
use super::problems::ListProblems;
use crate::app::Shared;
use crate::http::error::ApiError;

/// A follower sees rows once they are this old: nodes commit out of id order, and a row that
/// appears behind the cursor would be missed.
const SETTLED_MILLIS: u64 = 2_000;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "at": 1_764_000_000,
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "actor": "client:kh_client_0AbCdEfGhIjKlMnOpQrStU", "action": "client.registered",
    "target": "client:kh_client_0ZyXwVuTsRqPoNmLkJiHgF", "detail": {},
    "request": "019a2b3c-4d5e-7f60-8123-0123456789ab"
}))]
pub struct AuditEntry {
    /// Its id; ids grow with time.
    pub id: String,
    /// When, in seconds since 1970.
    pub at: i64,
    /// The tenant concerned; absent for the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub target: String,
    /// What changed. Never secrets.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// The correlation id of the request, also its `x-request-id`.
    pub request: String,
}

impl From<Recorded> for AuditEntry {
    fn from(recorded: Recorded) -> Self {
        let Recorded { id, at, entry } = recorded;
        Self {
            id: id.to_string(),
            at: at.0,
            organization: entry.organization.map(|id| id.to_string()),
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            detail: serde_json::from_str(&entry.detail).unwrap_or(Value::String(entry.detail)),
            request: entry.request,
        }
    }
}

/// How the audit can be narrowed and ordered.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct AuditFilters {
    /// Only what concerns this organization: id or slug.
    organization: Option<String>,
    /// Only this action, for example `client.registered`.
    action: Option<String>,
    /// `newest` first (the default), or `oldest` first, to follow: then `next` is always there, and
    /// asking with it again gives what happened since, two seconds late at most.
    order: Option<String>,
    /// With `oldest`: begin here, in seconds since 1970.
    since: Option<i64>,
}

/// List what happened
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(PageParams, AuditFilters),
    responses((status = 200, description = "A page of the audit", body = Listing<AuditEntry>), ListProblems)
)]
async fn list_audit(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<AuditEntry>>, ApiError> {
    let (page, scope) = asked.page(&app, "audit", &["organization", "action", "order", "since"])?;
    let reach = narrowed(&app, administrator.reach, &asked).await?;
    let action = asked.text("action");
    let since = asked.text("since").map(parse_since).transpose()?;
    match asked.text("order") {
        None | Some("newest") if since.is_some() => {
            Err(ApiError::parameter("since", "goes with order=oldest"))
        }
        None | Some("newest") => {
            let listed = app.store.list_audit(reach, action, page).await?;
            Ok(Json(Listing::of(&app, &scope, listed, AuditEntry::from)?))
        }
        Some("oldest") => {
            let before = Id::floor(app.clock.millis().saturating_sub(SETTLED_MILLIS));
            let page = Page { after: page.after.or(since), ..page };
            let listed = app.store.follow_audit(reach, action, before, page).await?;
            let last = listed.items.last().map(|row| row.id).or(page.after);
            let mut listing = Listing::of(&app, &scope, listed, AuditEntry::from)?;
            listing.next = Some(seal(&app, &scope, last.unwrap_or(Id([0; 16])))?);
            Ok(Json(listing))
        }
        Some(_) => Err(ApiError::parameter("order", "is newest or oldest")),
    }
}

/// The lowest id of that second.
fn parse_since(text: &str) -> Result<Id, ApiError> {
    let seconds = text.parse::<u32>();
    let seconds = seconds.map_err(|_| ApiError::parameter("since", "is seconds since 1970"))?;
    Ok(Id::floor(u64::from(seconds) * 1_000))
}
