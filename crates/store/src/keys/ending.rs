//! The end of keys: one with everything below it, or all that a person gave to an app.

use keyhaven_protocol::id::{AppId, KeyId, OrganizationId, UserId};

use super::{KeysOf, statements as sql, target};
use crate::act::Plan;
use crate::changes::{Change, Kind, Receipt};
use crate::engine::Step;
use crate::{Act, Error, Outcome, Page, Reach, Store, values};

/// Keys ended in one commit.
const CHUNK: u32 = 100;

impl Store {
    /// Ends a key and every key below it, for good. `Absent` when it has ended already.
    pub async fn delete_key(
        &self,
        organization: Option<OrganizationId>,
        key: KeyId,
        mut act: Act,
    ) -> Result<(Outcome, Receipt), Error> {
        let now = act.now;
        let end = Step::one(&sql::END_GRANT, values![key.0, now]);
        let plan = Plan::default().must(end, Outcome::Absent);
        let plan = end_below(plan, key, organization, &mut act);
        let outcome = self.carry_out(plan, act).await?;
        Ok((outcome, self.receipt(now)))
    }

    /// Ends every key of a person within reach, or those that an app holds, each with every key
    /// below it. What is made meanwhile ends too; a failure in between leaves the rest for a
    /// repetition.
    pub async fn delete_keys_of(
        &self,
        reach: Reach,
        owner: UserId,
        app: Option<AppId>,
        mut act: Act,
    ) -> Result<Receipt, Error> {
        let now = act.now;
        loop {
            let page = Page { after: None, limit: CHUNK };
            let listed = self.list_keys(KeysOf::Held(reach, owner, app), page).await?;
            if listed.items.is_empty() {
                return Ok(self.receipt(now));
            }
            let mut part = act.part();
            let mut plan = Plan::default();
            for key in &listed.items {
                // One that hangs below another of them may have ended with that one.
                let id = key.terms.id;
                plan = plan.also(Step::any(&sql::END_GRANT, values![id.0, now]));
                plan = end_below(plan, id, key.organization, &mut part);
            }
            self.carry_out(plan, part).await?;
        }
    }
}

/// What goes with the end of a key.
fn end_below(plan: Plan, key: KeyId, organization: Option<OrganizationId>, act: &mut Act) -> Plan {
    let now = act.now;
    plan.also(Step::any(&sql::END_BELOW, values![key.0, now]))
        .also(Step::any(&sql::END_GRANTS_BELOW, values![key.0, now]))
        .also(act.audit(organization, "key.deleted", target(key), "{}"))
        .also(act.publish(Change::of(Kind::Grant, key.0)))
        .also(act.publish(Change::of(Kind::Key, key.0)))
}
