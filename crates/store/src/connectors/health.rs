//! Whether a connector's own credentials work. One answer of the provider marks it, one alert goes
//! out, one probe at a time asks again, and one success clears it: no user is asked for anything.

use keyhaven_protocol::id::{ConnectorId, OrganizationId};
use keyhaven_protocol::time::Timestamp;

use super::statements::{BLAME, CLEAR, TAKE_PROBE};
use super::target;
use crate::act::Plan;
use crate::engine::{Commit, Step};
use crate::{Act, Error, Outcome, Store, values, webhooks};

impl Store {
    /// The provider refused the connector's credentials. `Moved` when that is known already: then
    /// nobody is alerted again.
    pub async fn blame_connector(
        &self,
        organization: OrganizationId,
        id: ConnectorId,
        fault: &str,
        probe_at: Timestamp,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let values = values![organization.0, id.0, fault, act.now, probe_at];
        let body = told(id, Some(fault));
        let tell =
            webhooks::tell_of_connector(act.id(), id, "connector.misconfigured", body, act.now);
        let detail = serde_json::json!({ "fault": fault }).to_string();
        let plan = Plan::default()
            .must(Step::one(&BLAME, values), Outcome::Moved)
            .also(tell)
            .also(act.audit(Some(organization), "connector.misconfigured", target(id), detail));
        self.carry_out(plan, act).await
    }

    /// The connector's credentials worked. `Moved` when they were not known to be wrong.
    pub async fn clear_connector(
        &self,
        organization: OrganizationId,
        id: ConnectorId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let tell = tell_recovered(id, &mut act);
        let plan = Plan::default()
            .must(Step::one(&CLEAR, values![organization.0, id.0]), Outcome::Moved)
            .also(tell)
            .also(act.audit(Some(organization), "connector.recovered", target(id), "{}"));
        self.carry_out(plan, act).await
    }

    /// Takes the one probe of a connector whose credentials are known to be wrong; the next one is
    /// due at `next_at`.
    pub async fn take_probe(
        &self,
        organization: OrganizationId,
        id: ConnectorId,
        next_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let step = Step::one(&TAKE_PROBE, values![organization.0, id.0, now, next_at]);
        Ok(matches!(self.engine.commit(vec![step]).await?, Commit::Done(_)))
    }
}

/// The step that tells that nothing is wrong any more. It follows the one that raised the sequence.
pub(super) fn tell_recovered(id: ConnectorId, act: &mut Act) -> Step {
    let body = told(id, None);
    webhooks::tell_of_connector(act.id(), id, "connector.recovered", body, act.now)
}

fn told(id: ConnectorId, fault: Option<&str>) -> String {
    serde_json::json!({ "connector": id.to_string(), "fault": fault }).to_string()
}
