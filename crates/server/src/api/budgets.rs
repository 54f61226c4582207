//! `/v1/budgets`: what may be spent at each level of organization → project → group → user → app →
//! key. A charge must fit every budget on its key's path that counts its unit.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::budget::{Budget as Balance, Level};
use keyhaven_protocol::id::{BudgetId, Id, OrganizationId};
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::budgets::{BudgetRecord, NewBudget};
use keyhaven_store::{Outcome, Reach};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use super::body::{Members, Strict};
use super::deed::Deed;
use super::grants::narrowed;
use super::keys::KeyLimit;
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::{Named, find_organization};
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::http::reply::NoContent;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list_budgets, create_budget)).routes(routes!(
        show_budget,
        set_budget,
        delete_budget
    ))
}

/// A budget with its balance.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "level": "organization",
    "subject": "019a2b3c-0000-7f60-8123-456789abcdef",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef",
    "unit": "USD", "period": "monthly", "limit": "500.00", "spent": "12.5025", "held": "0.00",
    "left": "487.4975", "resets_at": 1_764_547_200
}))]
pub struct Budget {
    /// Its id.
    pub id: String,
    /// What it limits: `organization`, `project`, `group`, `user`, `app` or `key`.
    pub level: &'static str,
    /// Which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// What it counts.
    pub unit: String,
    /// How often it begins anew.
    pub period: &'static str,
    /// How much may be spent in a period.
    pub limit: String,
    /// What was spent in the present one.
    pub spent: String,
    /// What is held for charges to come.
    pub held: String,
    /// What is neither spent nor held.
    pub left: String,
    /// When it begins anew, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<i64>,
}

impl Budget {
    /// A balance at `now`.
    #[must_use]
    pub fn at(balance: &Balance, now: Timestamp) -> Self {
        let unit = &balance.unit;
        Self {
            id: balance.id.to_string(),
            level: balance.level.as_str(),
            subject: None,
            organization: None,
            unit: unit.as_str().to_owned(),
            period: balance.period.as_str(),
            limit: unit.show(balance.limit),
            spent: unit.show(balance.spent(now)),
            held: unit.show(balance.held),
            left: unit.show(balance.left(now)),
            resets_at: balance.resets_at(now).map(|at| at.0),
        }
    }

    fn of(record: &BudgetRecord, now: Timestamp) -> Self {
        let mut budget = Self::at(&record.budget, now);
        budget.subject = Some(record.subject.to_string());
        budget.organization = record.organization.map(|id| id.to_string());
        budget
    }
}

/// A budget to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "organization": "acme", "level": "organization",
    "limit": {"amount": "500.00", "unit": "USD", "period": "monthly"}
}))]
pub struct CreateBudget {
    /// The tenant: id or slug. Absent: the caller's own.
    #[serde(default)]
    organization: Option<String>,
    /// What it limits: `organization`, `project`, `group`, `user`, `app` or `key`.
    level: String,
    /// Which one: its id. For an app the origin of its callback. For `organization` it may be left
    /// out.
    #[serde(default)]
    subject: Option<String>,
    /// How much of what, and when it begins anew.
    limit: KeyLimit,
}

/// A new limit for a budget.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": "750.00"}))]
pub struct SetBudget {
    /// How much may be spent in a period, in the budget's unit. What is spent stays spent.
    amount: String,
}

/// How lists of budgets can be narrowed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct BudgetFilters {
    /// Only budgets of this organization: id or slug.
    organization: Option<String>,
}

/// List budgets
///
/// Oldest first, with their balances.
#[utoipa::path(
    get, path = "/v1/budgets", tag = "budgets", params(PageParams, BudgetFilters),
    responses((status = 200, description = "A page of budgets", body = Listing<Budget>), ListProblems)
)]
async fn list_budgets(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Budget>>, ApiError> {
    let (page, scope) = asked.page(&app, "budgets", &["organization"])?;
    let reach = narrowed(&app, administrator.reach, &asked).await?;
    let (listed, now) = (app.store.list_budgets(reach, page).await?, app.clock.now());
    Ok(Json(Listing::of(&app, &scope, listed, |record| Budget::of(&record, now))?))
}

/// Create a budget
///
/// A subject has at most one budget of each unit and period.
#[utoipa::path(
    post, path = "/v1/budgets", tag = "budgets", params(IdempotencyKey), request_body = CreateBudget,
    responses((status = 201, description = "The budget", body = Budget), CreateProblems)
)]
async fn create_budget(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateBudget>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let mut members = Members::default();
    let limit = body.limit.read("/limit", &mut members);
    let level = members.read("/level", Level::parse(&body.level).ok_or(LEVEL));
    let (Some(limit), Some(level)) = (limit, level) else { return Err(members.refuse().into()) };
    let organization = tenant(&app, administrator.reach, body.organization.as_deref()).await?;
    let subject = subject(&app, organization, level, body.subject.as_deref()).await?;
    let new = NewBudget {
        id: BudgetId(once.act.id()),
        organization: Some(organization),
        level,
        subject,
        unit: limit.unit,
        period: limit.period,
        most: limit.most,
    };
    let shown = Budget::of(&fresh(&new, once.act.now), once.act.now);
    let (act, answer) = once.created(format!("/v1/budgets/{}", new.id), &shown)?;
    let outcome = app.store.create_budget(&new, act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show a budget
#[utoipa::path(
    get, path = "/v1/budgets/{budget}", tag = "budgets",
    params(("budget" = String, Path, description = "Id")),
    responses((status = 200, description = "The budget", body = Budget), NamedProblems)
)]
async fn show_budget(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(budget): Named<BudgetId>,
) -> Result<Json<Budget>, ApiError> {
    let record = find(&app, administrator.reach, budget).await?;
    Ok(Json(Budget::of(&record, app.clock.now())))
}

/// Set a budget's limit
#[utoipa::path(
    patch, path = "/v1/budgets/{budget}", tag = "budgets",
    params(("budget" = String, Path, description = "Id")), request_body = SetBudget,
    responses((status = 200, description = "As it is now", body = Budget), ChangeProblems)
)]
async fn set_budget(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(budget): Named<BudgetId>,
    Deed(act): Deed,
    Strict(body): Strict<SetBudget>,
) -> Result<Json<Budget>, ApiError> {
    let record = find(&app, administrator.reach, budget).await?;
    let most = record.budget.unit.parse_limit(&body.amount);
    let most = most.map_err(|rule| ApiError::member("/amount", rule))?;
    match app.store.set_budget(record.organization, &record.budget, most, act).await? {
        Outcome::Done => show_budget(State(app), administrator, Named(budget)).await,
        other => Err(ApiError::of_outcome(other, "budget")),
    }
}

/// Delete a budget
///
/// What it limited is limited by the other budgets only.
#[utoipa::path(
    delete, path = "/v1/budgets/{budget}", tag = "budgets",
    params(("budget" = String, Path, description = "Id")),
    responses((status = 204, description = "It is gone"), NamedProblems)
)]
async fn delete_budget(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(budget): Named<BudgetId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    let record = find(&app, administrator.reach, budget).await?;
    match app.store.delete_budget(record.organization, budget, act).await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "budget")),
    }
}

const LEVEL: &str = "is organization, project, group, user, app or key";

async fn find(app: &App, reach: Reach, id: BudgetId) -> Result<BudgetRecord, ApiError> {
    app.store.find_budget(reach, id).await?.ok_or_else(|| ApiError::not_found("budget"))
}

async fn tenant(app: &App, reach: Reach, named: Option<&str>) -> Result<OrganizationId, ApiError> {
    let missing = || ApiError::member("/organization", "is required");
    let Some(text) = named else { return reach.organization().ok_or_else(missing) };
    let found = find_organization(app, reach, text).await?;
    found.map(|found| found.id).ok_or_else(|| ApiError::member("/organization", "is not there"))
}

/// What a budget limits, which must belong to the tenant.
async fn subject(
    app: &App,
    organization: OrganizationId,
    level: Level,
    text: Option<&str>,
) -> Result<Id, ApiError> {
    let Some(text) = text else {
        return match level {
            Level::Organization => Ok(organization.0),
            _ => Err(ApiError::member("/subject", "is required")),
        };
    };
    let store = &app.store;
    let reach = Reach::Organization(organization);
    let unknown = || ApiError::member("/subject", "is not there");
    if level == Level::App {
        return store.find_app(text).await?.map(|app| app.id.0).ok_or_else(unknown);
    }
    let id = Id::parse(text).ok_or_else(|| ApiError::member("/subject", "is not an id"))?;
    let is_there = match level {
        Level::Organization => id == organization.0,
        Level::Project => {
            store.find_project(organization, keyhaven_protocol::id::ProjectId(id)).await?.is_some()
        }
        Level::Group => {
            store.find_group(organization, keyhaven_protocol::id::GroupId(id)).await?.is_some()
        }
        Level::User => {
            store.find_member(organization, keyhaven_protocol::id::UserId(id)).await?.is_some()
        }
        Level::Key => store.find_key(reach, keyhaven_protocol::id::KeyId(id)).await?.is_some(),
        Level::App => false,
    };
    if is_there { Ok(id) } else { Err(unknown()) }
}

/// A budget nobody has spent from.
fn fresh(new: &NewBudget, now: Timestamp) -> BudgetRecord {
    BudgetRecord {
        budget: Balance {
            id: new.id,
            level: new.level,
            unit: new.unit.clone(),
            period: new.period,
            limit: new.most,
            total: Default::default(),
            before: Default::default(),
            began_at: new.period.start(now),
            held: Default::default(),
        },
        organization: new.organization,
        subject: new.subject,
        created_at: now,
    }
}
