//! `/v1/usage`: what the use of a key costs. Charge it at once, or reserve, then commit what it
//! really was, or release. A charge checks the key too, so it needs no check before it.
//!
//! The caller is an API behind us: a client with the scope `keyhaven:usage`, or an administrator.
//! Only what belongs to the caller's tenant can be charged.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::amount::Unit;
use keyhaven_protocol::id::{HoldId, KeyId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::Reach;
use keyhaven_store::keys::KnownKey;
use keyhaven_store::metering::UseOf;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use super::budgets::Budget;
use super::grants::narrowed;
use super::meter::{Meter, Metered};
use super::page::Asked;
use super::problems::{ChargeName, IdempotencyKey, ListProblems, UsageProblems};
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::http::{rate_limit, reply};
use crate::key_limits::Limit;
use crate::operations::check::{CallerOf, Need, check};
use crate::operations::metering::{self, Cost, Counted, LONGEST_HOLD, key_of};
use crate::operations::{Failure, keys};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(charge_usage))
        .routes(routes!(reserve_usage))
        .routes(routes!(commit_usage))
        .routes(routes!(release_usage))
        .routes(routes!(list_usage))
}

/// What something costs.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an amount and its unit")]
pub struct UsageCost {
    /// How much, as a decimal number in text; money may be four decimals finer than its currency.
    #[schema(example = "0.0125")]
    pub amount: String,
    /// A currency of ISO 4217, or a name of your own.
    #[schema(example = "USD")]
    pub unit: String,
}

impl UsageCost {
    /// The cost, or what is wrong with it.
    pub(super) fn read(&self, pointer: &str) -> Result<Cost, ApiError> {
        let unit = Unit::parse(&self.unit);
        let unit = unit.map_err(|rule| ApiError::member(format!("{pointer}/unit"), rule))?;
        let amount = unit.parse_cost(&self.amount);
        let amount = amount.map_err(|rule| ApiError::member(format!("{pointer}/amount"), rule))?;
        Ok(Cost { amount, unit })
    }
}

/// Where a key was used.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, expecting = "an origin and an address")]
pub struct UsedFrom {
    /// The `Origin` of the page.
    #[schema(example = "https://app.example.com")]
    pub origin: Option<String>,
    /// The network address.
    #[schema(example = "192.0.2.7")]
    pub address: Option<String>,
}

impl UsedFrom {
    /// The caller of a key, or what is wrong with it.
    pub(super) fn read(&self) -> Result<CallerOf, ApiError> {
        let address = self.address.as_deref().map(str::parse).transpose();
        let address =
            address.map_err(|_| ApiError::member("/from/address", "is not an address"))?;
        Ok(CallerOf { origin: self.origin.clone(), address })
    }
}

/// A use of a key, and what it costs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "credential": "kh_key_0AbCdEfGhIjKlMnOpQrStU…",
    "cost": {"amount": "0.0125", "unit": "USD"}
}))]
pub struct ChargeUsage {
    /// The key, as its bearer sent it.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    credential: String,
    /// What it costs.
    cost: UsageCost,
    /// Scopes the key must have, space-separated.
    #[serde(default)]
    scopes: Option<String>,
    /// Where it was used, for keys that say where they may be.
    #[serde(default)]
    from: UsedFrom,
}

/// A use of a key that is to come, and what it costs at most.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "credential": "kh_key_0AbCdEfGhIjKlMnOpQrStU…",
    "cost": {"amount": "0.50", "unit": "USD"}, "seconds": 60
}))]
pub struct ReserveUsage {
    /// The key, as its bearer sent it.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    credential: String,
    /// What it costs at most.
    cost: UsageCost,
    /// How long the amount is held: 1 to 3600; 60 when absent.
    #[serde(default)]
    seconds: Option<i64>,
    /// Scopes the key must have, space-separated.
    #[serde(default)]
    scopes: Option<String>,
    /// Where it was used, for keys that say where they may be.
    #[serde(default)]
    from: UsedFrom,
}

/// What a reserved use really cost.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"hold": "019a2b3c-4d5e-7f60-8123-456789abcdef", "actual": "0.3175"}))]
pub struct CommitUsage {
    /// The hold.
    hold: String,
    /// What it cost, in the hold's unit. More than was held must fit the budgets.
    actual: String,
}

/// A reserved use that did not happen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"hold": "019a2b3c-4d5e-7f60-8123-456789abcdef"}))]
pub struct ReleaseUsage {
    /// The hold.
    hold: String,
}

/// What was counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "amount": "0.0125", "unit": "USD",
    "repeated": false, "budgets": []
}))]
pub struct UsageCounted {
    /// The id of the charge; of a reservation, the hold.
    pub id: String,
    /// How much was charged or held.
    pub amount: String,
    /// Of what; absent when the end of a hold is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When the hold ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Whether it had been done before under the same `Idempotency-Key`.
    pub repeated: bool,
    /// The budgets as they are now, from the key upwards; none when it is repeated.
    pub budgets: Vec<Budget>,
}

/// Charge a use
///
/// All budgets on the key's path, or none. 401 when the key does not count, 402 when a budget does
/// not have as much left, 403 when the key does not reach so far, 429 when a rate limit is used up;
/// `reason` says it in a word. A charge whose answer got lost is repeated under its name.
#[utoipa::path(
    post, path = "/v1/usage/charge", tag = "usage", params(ChargeName), request_body = ChargeUsage,
    responses((status = 200, description = "Charged", body = UsageCounted), UsageProblems)
)]
async fn charge_usage(
    State(app): State<Shared>,
    meter: Meter<ChargeUsage>,
) -> Result<Response, ApiError> {
    let (reach, once, body) = meter.named()?;
    let cost = body.cost.read("/cost")?;
    let used = Used::of(&app, reach, &body.credential, body.scopes.as_deref(), &body.from).await?;
    let counted = metering::charge(&app, &used.known, cost, once).await;
    used.answer(&app, counted, None)
}

/// Reserve for a use
///
/// Holds the amount in all budgets on the key's path, or in none, until it is committed or released,
/// or the time is over. The answer's `id` is the hold.
#[utoipa::path(
    post, path = "/v1/usage/reserve", tag = "usage", params(ChargeName), request_body = ReserveUsage,
    responses((status = 200, description = "Held", body = UsageCounted), UsageProblems)
)]
async fn reserve_usage(
    State(app): State<Shared>,
    meter: Meter<ReserveUsage>,
) -> Result<Response, ApiError> {
    let (reach, once, body) = meter.named()?;
    let cost = body.cost.read("/cost")?;
    let seconds = body.seconds.unwrap_or(60);
    if !(1..=LONGEST_HOLD.0).contains(&seconds) {
        return Err(ApiError::member("/seconds", "is 1 to 3600"));
    }
    let until = app.clock.now().plus(Seconds(seconds));
    let used = Used::of(&app, reach, &body.credential, body.scopes.as_deref(), &body.from).await?;
    let counted = metering::reserve(&app, &used.known, cost, until, once).await;
    used.answer(&app, counted, Some(until))
}

/// Commit a reserved use
///
/// Charges what it really cost and ends the hold. When more than was held does not fit, nothing
/// happens and the hold stays. 404 when the hold is over.
#[utoipa::path(
    post, path = "/v1/usage/commit", tag = "usage", params(ChargeName), request_body = CommitUsage,
    responses((status = 200, description = "Charged", body = UsageCounted), UsageProblems)
)]
async fn commit_usage(
    State(app): State<Shared>,
    meter: Meter<CommitUsage>,
) -> Result<Response, ApiError> {
    let (reach, once, body) = meter.named()?;
    end_hold(&app, reach, &body.hold, Some(&body.actual), Some(once)).await
}

/// Release a reserved use
///
/// Gives back what was held. 404 when the hold is over. It takes nothing, so it needs no name.
#[utoipa::path(
    post, path = "/v1/usage/release", tag = "usage", params(IdempotencyKey), request_body = ReleaseUsage,
    responses((status = 200, description = "Given back", body = UsageCounted), UsageProblems)
)]
async fn release_usage(
    State(app): State<Shared>,
    Meter { reach, once, body }: Meter<ReleaseUsage>,
) -> Result<Response, ApiError> {
    end_hold(&app, reach, &body.hold, None, once).await
}

async fn end_hold(
    app: &App,
    reach: Reach,
    hold: &str,
    actual: Option<&str>,
    once: Option<Metered>,
) -> Result<Response, ApiError> {
    let hold = HoldId::parse(hold).ok_or_else(|| ApiError::not_found("hold"))?;
    let counted = metering::end_hold(app, reach, hold, actual, once).await;
    match counted.map_err(ApiError::of_checked)? {
        None => Err(ApiError::not_found("hold")),
        Some(counted) => Ok(reply::ok(&UsageCounted::of(&counted, None, app.clock.now()))),
    }
}

/// A use of a key that counts.
struct Used {
    known: std::sync::Arc<KnownKey>,
    limits: Vec<Limit>,
}

impl Used {
    async fn of(
        app: &App,
        reach: Reach,
        credential: &str,
        scopes: Option<&str>,
        from: &UsedFrom,
    ) -> Result<Self, ApiError> {
        let scopes = Scopes::parse(scopes.unwrap_or_default());
        let scopes = scopes.map_err(|rule| ApiError::member("/scopes", rule))?;
        let caller = from.read()?;
        let need = Need { scopes, caller: Some(caller), ..Need::default() };
        let principal = check(app, credential, &need).await.map_err(ApiError::of_checked)?;
        let known = key_of(&principal).map_err(|refusal| ApiError::of_checked(refusal.into()))?;
        if !reach.includes(known.key.organization) {
            let refusal = Refusal::token("the key belongs to another tenant than its caller");
            return Err(ApiError::of_checked(refusal.into()));
        }
        let (limits, paced) = keys::pace(app, known);
        match paced {
            Ok(()) => Ok(Self { known: known.clone(), limits }),
            Err(failure) => Err(ApiError::of_checked(failure).limited(limits)),
        }
    }

    fn answer(
        self,
        app: &App,
        counted: Result<Counted, Failure>,
        until: Option<Timestamp>,
    ) -> Result<Response, ApiError> {
        let counted = match counted {
            Ok(counted) => counted,
            Err(failure) => return Err(ApiError::of_checked(failure).limited(self.limits)),
        };
        let shown = UsageCounted::of(&counted, until, app.clock.now());
        let mut response = reply::ok(&shown);
        rate_limit::describe(&self.limits, response.headers_mut());
        Ok(response)
    }
}

impl UsageCounted {
    fn of(counted: &Counted, until: Option<Timestamp>, now: Timestamp) -> Self {
        let unit = counted.unit.as_str();
        Self {
            id: counted.id.to_string(),
            amount: counted.unit.show(counted.amount),
            unit: (!unit.is_empty()).then(|| unit.to_owned()),
            expires_at: until.filter(|_| !counted.repeated).map(|until| until.0),
            repeated: counted.repeated,
            budgets: counted.budgets.iter().map(|budget| Budget::at(budget, now)).collect(),
        }
    }
}

/// What a key used on a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "key": "019a2b3c-4d5e-7f60-8123-456789abcdef", "day": "2026-11-27",
    "unit": "USD", "amount": "12.5025", "charges": 317
}))]
pub struct UsageOfDay {
    /// The key.
    pub key: String,
    /// The day, in UTC.
    pub day: String,
    /// What is counted.
    pub unit: String,
    /// How much.
    pub amount: String,
    /// In how many charges.
    pub charges: i64,
}

/// What was used.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageList {
    /// By day and key, oldest first; ten thousand at most.
    pub items: Vec<UsageOfDay>,
}

/// Which use to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct UsageFilters {
    /// Only use by keys of this organization: id or slug.
    organization: Option<String>,
    /// Only use by this key.
    key: Option<String>,
    /// The first day, in UTC. Absent: 30 days ago.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// The last day. Absent: today.
    #[param(example = "2026-11-30")]
    to: Option<String>,
}

/// List usage
///
/// By day and key, oldest first.
#[utoipa::path(
    get, path = "/v1/usage", tag = "usage", params(UsageFilters),
    responses((status = 200, description = "What was used", body = UsageList), ListProblems)
)]
async fn list_usage(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.refuse_all_but(&["organization", "key", "from", "to"])?;
    let reach = narrowed(&app, administrator.reach, &asked).await?;
    let today = app.clock.now().0.div_euclid(86_400);
    let to = asked.text("to").map_or(Ok(today), |text| day("to", text))?;
    let from = asked.text("from").map_or(Ok(today - 30), |text| day("from", text))?;
    let whose = match (asked.text("key"), reach) {
        (Some(text), _) => {
            let key = KeyId::parse(text).ok_or_else(|| ApiError::not_found("key"))?;
            let found = app.store.find_key(reach, key).await?;
            found.map(|_| UseOf::Key(key)).ok_or_else(|| ApiError::not_found("key"))?
        }
        (None, Reach::Organization(own)) => UseOf::Organization(own),
        (None, Reach::Instance) => UseOf::Everyone,
    };
    let days = app.store.list_usage(whose, from, to).await?;
    let items = days.iter().map(|day| UsageOfDay {
        key: day.key.to_string(),
        day: date(day.day),
        unit: day.unit.as_str().to_owned(),
        amount: day.unit.show(day.amount),
        charges: day.charges,
    });
    Ok(Json(UsageList { items: items.collect() }).into_response())
}

fn day(name: &'static str, text: &str) -> Result<i64, ApiError> {
    let date: Result<jiff::civil::Date, _> = text.parse();
    let wrong = || ApiError::parameter(name, "is a day such as 2026-11-27");
    let date = date.ok().filter(|_| text.len() == 10).ok_or_else(wrong)?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
    Ok(start.timestamp().as_second().div_euclid(86_400))
}

fn date(day: i64) -> String {
    let start = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    start.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
