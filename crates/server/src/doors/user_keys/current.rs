//! `GET /key`: what a key is and what it has left. The members are those the newest published client
//! requires; those of features we do not have say so (`free_model_daily_requests` and the `byok`
//! family are zero). Ours beside them: owner, period, reset time and the rate limits.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::budget::{Budget, Level};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::keys::KnownKey;
use keyhaven_store::metering::{DayOfUse, UseOf};
use serde_json::{Value, json};

use super::{Data, caller, iso};
use crate::app::{App, Origin, Shared};
use crate::http::{bearer, keys_family, reply};
use crate::operations::Failure;
use crate::operations::keys::recognise_key;

/// What the key in the bearer header is.
pub async fn show_current_key(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
) -> Response {
    match show(&app, &headers, &origin).await {
        Ok(data) => reply::ok(&Data { data }),
        Err(failure) => keys_family::refuse(&app, failure, &origin),
    }
}

async fn show(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<Value, Failure> {
    let known = recognise_key(app, bearer::token(headers)?).await?;
    known.key.admits(caller(headers, origin).borrowed())?;
    let now = app.clock.now();
    let unit = &app.settings.hand_out.unit;
    let balances = app.store.list_balances(&known.path).await?;
    let own = balances.iter().find(|b| b.level == Level::Key && b.unit == *unit);
    let today = now.0.div_euclid(86_400);
    let days = app.store.list_usage(UseOf::Key(known.key.id()), 0, today).await?;
    let mut data = describe(&known, own, unit, now);
    let since = |period: Period| period.start(now).0.div_euclid(86_400);
    for (member, from) in [
        ("usage", 0),
        ("usage_daily", since(Period::Daily)),
        ("usage_weekly", since(Period::Weekly)),
        ("usage_monthly", since(Period::Monthly)),
    ] {
        data[member] = number(unit, sum(&days, unit, from));
    }
    limits(&mut data, &balances, unit, now);
    Ok(data)
}

/// Every budget a use is charged to, from the key upwards, and the one that refuses first.
fn limits(data: &mut Value, balances: &[Budget], unit: &Unit, now: Timestamp) {
    let counting = || balances.iter().filter(|budget| budget.unit == *unit);
    let tightest = counting().min_by_key(|budget| budget.left(now));
    data["budgets"] = counting().map(|budget| layer(budget, now)).collect();
    data["effective_budget"] = tightest.map_or(Value::Null, |budget| layer(budget, now));
    data["limit_remaining"] = tightest.map_or(Value::Null, |budget| number(unit, budget.left(now)));
}

/// A budget in the newest shape of the family, whose names of levels are coarser than ours.
fn layer(budget: &Budget, now: Timestamp) -> Value {
    let scope = match budget.level {
        Level::Key => "key_limit",
        Level::User => "member",
        Level::App | Level::Group | Level::Project | Level::Organization => "workspace",
    };
    let resets = budget.period != Period::Lifetime;
    json!({
        "scope": scope,
        "level": budget.level.as_str(),
        "budget_id": budget.id.to_string(),
        "guardrail_id": null,
        "include_byok": false,
        "limit_usd": number(&budget.unit, budget.limit),
        "spend_usd": number(&budget.unit, budget.spent(now)),
        "remaining_usd": number(&budget.unit, budget.left(now)),
        "reset_interval": resets.then(|| budget.period.as_str()),
        "resets_at": budget.resets_at(now).map(iso),
    })
}

fn describe(known: &KnownKey, own: Option<&Budget>, unit: &Unit, now: Timestamp) -> Value {
    let key = &known.key;
    let limits = key.line().flat_map(|terms| &terms.rate_limits);
    let limits: Vec<Value> = limits
        .map(|limit| json!({"name": limit.name, "limit": limit.most, "window": limit.window}))
        .collect();
    let reset = own.filter(|budget| budget.period != Period::Lifetime);
    json!({
        "label": key.label,
        "limit": own.map(|budget| number(unit, budget.limit)),
        "limit_reset": reset.map(|budget| budget.period.as_str()),
        "limit_resets_at": own.and_then(|budget| budget.resets_at(now)).map(iso),
        "unit": unit.as_str(),
        "expires_at": key.expires_at().map(iso),
        "owner": key.owner.map(|owner| owner.to_string()),
        "creator_user_id": key.owner.map(|owner| owner.to_string()),
        "organization_id": key.organization.map(|organization| organization.to_string()),
        "workspace_id": key.project.map(|project| project.to_string()),
        "scopes": key.scopes().as_str(),
        "rate_limits": limits,
        "rate_limit": {"requests": -1, "interval": "10s", "note": "See rate_limits."},
        "is_free_tier": false,
        "is_management_key": false,
        "is_provisioning_key": false,
        "include_byok_in_limit": false,
        "byok_usage": 0, "byok_usage_daily": 0, "byok_usage_weekly": 0, "byok_usage_monthly": 0,
        "allowed_data_regions": [],
        "free_model_daily_requests": {"limit": 0, "remaining": 0, "used": 0},
    })
}

fn sum(days: &[DayOfUse], unit: &Unit, from: i64) -> Amount {
    let days = days.iter().filter(|day| day.day >= from && day.unit == *unit);
    Amount(days.map(|day| day.amount.0).sum())
}

/// An amount as a JSON number, as this family has them; exact amounts are in `/v1`.
fn number(unit: &Unit, amount: Amount) -> Value {
    let text = unit.show(amount);
    text.parse::<f64>().map_or(Value::Null, |number| json!(number))
}
