//! A person's own keys: seen with what they have used, and taken back. Keys of others are not there.

use keyhaven_protocol::api_key::Backing;
use keyhaven_protocol::budget::Level;
use keyhaven_protocol::id::{KeyId, UserId};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_store::keys::{KeyRecord, KeysOf};
use keyhaven_store::{Outcome, Page};

use super::Failure;
use crate::app::{App, Origin};

/// More keys than anybody looks through.
const MOST: u32 = 100;

/// A key and its use, in words.
#[derive(Clone, Debug)]
pub struct OwnKey {
    /// The key.
    pub record: KeyRecord,
    /// What it has used of what it may.
    pub used: String,
}

/// The person's keys that can still count, newest first.
pub async fn list_own_keys(app: &App, owner: UserId) -> Result<Vec<OwnKey>, Failure> {
    let page = Page { after: None, limit: MOST };
    let listed = app.store.list_keys(KeysOf::Owner(owner), page).await?;
    let mut keys = Vec::with_capacity(listed.items.len());
    for record in listed.items {
        let known = app.store.recall_key(record.terms.id, app.clock.tick()).await?;
        // One whose grant above was revoked is dead for good.
        let Some(known) = known.filter(|known| known.key.backing != Backing::Revoked) else {
            continue;
        };
        let balances = app.store.list_balances(&known.path).await?;
        let now = app.clock.now();
        let own = balances.iter().filter(|budget| budget.level == Level::Key).map(|budget| {
            let (spent, limit) = (budget.spent(now), budget.limit);
            let unit = &budget.unit;
            let during = during(budget.period);
            format!("{} of {} {unit}{during}", unit.show(spent), unit.show(limit))
        });
        let own = own.collect::<Vec<_>>().join(", ");
        let used = if own.is_empty() { "No limit of its own".to_owned() } else { own };
        keys.push(OwnKey { record, used });
    }
    Ok(keys)
}

const fn during(period: Period) -> &'static str {
    match period {
        Period::Lifetime => "",
        Period::Daily => " today",
        Period::Weekly => " this week",
        Period::Monthly => " this month",
    }
}

/// Ends a key of the person, and every key below it.
pub async fn take_back_key(
    app: &App,
    owner: UserId,
    key: KeyId,
    origin: &Origin,
) -> Result<(), Failure> {
    let gone = || Refusal::token("there is no such key of this person");
    let record = app.store.find_own_key(owner, key).await?.ok_or_else(gone)?;
    let act = app.act(format!("user:{owner}"), origin);
    match app.store.delete_key(record.organization, key, act).await? {
        (Outcome::Done, _) => Ok(()),
        _ => Err(gone().into()),
    }
}
