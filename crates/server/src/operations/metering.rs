//! What a use costs: asked (`would_fit`), held, spent, given back. A key is checked first, so that
//! whoever counts its use needs no question of its own before.

use std::sync::Arc;

use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::budget::{Budget, counting, fits};
use keyhaven_protocol::id::{HoldId, Id};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::keys::KnownKey;
use keyhaven_store::metering::{Deed, Metered, Metering, Once};
use keyhaven_store::{Reach, budgets::BudgetRef};

use super::Failure;
use super::check::{Credential, Principal};
use crate::app::App;

/// The longest an amount may be held.
pub const LONGEST_HOLD: Seconds = Seconds(3_600);

/// What something costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub unit: Unit,
}

/// What was counted.
#[derive(Debug)]
pub struct Counted {
    /// The id of the charge or hold.
    pub id: Id,
    /// How much.
    pub amount: Amount,
    /// What is counted.
    pub unit: Unit,
    /// The budgets as they are now, from the bottom up; empty for a repetition.
    pub budgets: Vec<Budget>,
    /// Whether it was done before, under the same name.
    pub repeated: bool,
}

/// The key of a principal: nothing else has budgets.
pub fn key_of(principal: &Principal) -> Result<&Arc<KnownKey>, Refusal> {
    match &principal.credential {
        Credential::Key(known) => Ok(known),
        _ => Err(Refusal::request("only keys have budgets").with("kind", principal.kind())),
    }
}

/// Whether a cost fits every budget of a key, as they are now; nothing is held. The budgets that
/// count its unit.
pub async fn would_fit(app: &App, known: &KnownKey, cost: &Cost) -> Result<Vec<Budget>, Failure> {
    let path = path_of(known, &cost.unit)?;
    let balances = app.store.list_balances(&path).await?;
    fits(&balances, cost.amount, app.clock.now())?;
    Ok(balances)
}

/// Spends a cost at once.
pub async fn charge(
    app: &App,
    known: &KnownKey,
    cost: Cost,
    once: Once,
) -> Result<Counted, Failure> {
    carry_out(app, metering(app, known, cost, Deed::Charge, once)?).await
}

/// Holds a cost for a while.
pub async fn reserve(
    app: &App,
    known: &KnownKey,
    cost: Cost,
    until: Timestamp,
    once: Once,
) -> Result<Counted, Failure> {
    carry_out(app, metering(app, known, cost, Deed::Reserve(until), once)?).await
}

/// Ends a hold: spends `actual` of it, or more if that fits, or gives it back. `None` when it is
/// over, or beyond the caller's reach.
pub async fn end_hold(
    app: &App,
    reach: Reach,
    hold: HoldId,
    actual: Option<&str>,
    once: Option<Once>,
) -> Result<Option<Counted>, Failure> {
    let now = app.clock.now();
    if let Some(repeated) = repeated(app, once.as_ref(), now).await? {
        return Ok(Some(repeated));
    }
    let Some(held) = app.store.find_hold(reach, hold, now).await? else { return Ok(None) };
    let amount = match actual {
        Some(text) => {
            held.unit.parse_cost(text).map_err(|rule| Refusal::request(rule).on("actual"))?
        }
        None => Amount(0),
    };
    let metering = Metering {
        id: app.id(),
        organization: held.organization,
        key: held.key,
        unit: held.unit.clone(),
        amount,
        path: held.path.clone(),
        deed: if actual.is_some() { Deed::Commit(held) } else { Deed::Release(held) },
        once,
        now,
    };
    match carry_out(app, metering).await {
        Ok(counted) => Ok(Some(counted)),
        Err(Failure::Refused(refused)) if refused.refusal.reason == HOLD_GONE => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The hold is gone when its end is repeated, so the name is asked first.
async fn repeated(
    app: &App,
    once: Option<&Once>,
    now: Timestamp,
) -> Result<Option<Counted>, Failure> {
    let Some(once) = once else { return Ok(None) };
    let Some(named) = app.store.find_named(&once.name, now).await? else { return Ok(None) };
    if named.fingerprint != once.fingerprint {
        return Err(reused().into());
    }
    let unit = Unit::Named(String::new());
    Ok(Some(Counted {
        id: named.id,
        amount: named.amount,
        unit,
        budgets: Vec::new(),
        repeated: true,
    }))
}

fn metering(
    app: &App,
    known: &KnownKey,
    cost: Cost,
    deed: Deed,
    once: Once,
) -> Result<Metering, Refusal> {
    Ok(Metering {
        id: app.id(),
        deed,
        organization: known.key.organization,
        key: known.key.id(),
        path: path_of(known, &cost.unit)?,
        unit: cost.unit,
        amount: cost.amount,
        once: Some(once),
        now: app.clock.now(),
    })
}

fn path_of(known: &KnownKey, unit: &Unit) -> Result<Vec<BudgetRef>, Refusal> {
    let path = counting(&known.path, unit, |budget| &budget.unit)?;
    Ok(path.into_iter().cloned().collect())
}

const HOLD_GONE: &str = "the hold is over";

async fn carry_out(app: &App, metering: Metering) -> Result<Counted, Failure> {
    let (id, amount, unit) = (metering.id, metering.amount, metering.unit.clone());
    let request = metering.once.as_ref().map(|once| once.fingerprint);
    match app.store.meter(metering).await? {
        Metered::Done(budgets) => Ok(Counted { id, amount, unit, budgets, repeated: false }),
        Metered::Repeated(named) if request == Some(named.fingerprint) => {
            let budgets = Vec::new();
            Ok(Counted { id: named.id, amount: named.amount, unit, budgets, repeated: true })
        }
        Metered::Repeated(_) => Err(reused().into()),
        Metered::Refused(refusal) => Err(refusal.into()),
        Metered::HoldGone => Err(Refusal::new(Code::InvalidRequest, HOLD_GONE).into()),
    }
}

fn reused() -> Refusal {
    Refusal::new(Code::KeyReused, "this idempotency key belongs to another request")
}
