//! What an organization asks of those who act in it, and the domains of addresses it has claimed.
//! That a claim is true is the word of the administrator who makes it: nothing here asks the DNS.

use keyhaven_protocol::id::{Id, OrganizationId};
use keyhaven_protocol::sign_in::Demand;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Statement, Step};
use crate::{Act, Error, Outcome, Store, organizations, values};

/// Domains of one organization.
pub const MOST_DOMAINS: i64 = 100;

/// What an organization asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInPolicy {
    /// Of those who act in it.
    pub demand: Demand,
    /// The provider that vouches for addresses of its domains.
    pub upstream: Option<Id>,
    /// When that was decided.
    pub changed_at: Option<Timestamp>,
}

/// A claimed domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDomain {
    /// In lower case.
    pub domain: String,
    /// Since when.
    pub claimed_at: Timestamp,
}

impl Store {
    /// Decides what the organization asks from now on. People who are signed in with less lose the
    /// organization, not their session.
    pub async fn decide_sign_in_policy(
        &self,
        organization: OrganizationId,
        policy: &SignInPolicy,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let upstream = policy.upstream.map(|id| id.to_string());
        let detail = serde_json::json!({ "demand": policy.demand.as_str(), "upstream": &upstream });
        let values = values![organization.0, policy.demand.as_str(), upstream, act.now];
        let plan = Plan::default()
            .must(organizations::hold(organization), Outcome::Absent)
            .also(Step::one(&DECIDE, values))
            .also(act.audit(
                Some(organization),
                "sign_in_policy.decided",
                target(organization),
                detail.to_string(),
            ))
            .also(act.publish(Change::of(Kind::Organization, organization.0)));
        self.carry_out(plan, act).await
    }

    /// What the organization asks.
    pub async fn find_sign_in_policy(
        &self,
        organization: OrganizationId,
    ) -> Result<SignInPolicy, Error> {
        let rows = self.engine.read(&FIND, values![organization.0]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(SignInPolicy::default()) };
        let demand = Demand::parse(&row.text(0)?);
        Ok(SignInPolicy {
            demand: demand.ok_or_else(|| Error::broken("sign_in_policies.demand is unknown"))?,
            upstream: row.maybe_text(1)?.as_deref().and_then(Id::parse),
            changed_at: Some(row.time(2)?),
        })
    }

    /// Claims a domain. `Taken("domain")` when another organization has it.
    pub async fn claim_domain(
        &self,
        organization: OrganizationId,
        domain: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let detail = serde_json::json!({ "domain": domain }).to_string();
        let plan = Plan::default()
            .must(organizations::hold(organization), Outcome::Absent)
            .must(
                Step::one(&HAS_ROOM, values![organization.0, MOST_DOMAINS]),
                Outcome::Full("domains"),
            )
            .must(
                Step::one(&CLAIM, values![organization.0, domain, act.now]),
                Outcome::Taken("domain"),
            )
            .also(act.audit(Some(organization), "domain.claimed", target(organization), detail))
            .also(act.publish(Change::of(Kind::Organization, organization.0)));
        self.carry_out(plan, act).await
    }

    /// Gives a domain up.
    pub async fn release_domain(
        &self,
        organization: OrganizationId,
        domain: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let detail = serde_json::json!({ "domain": domain }).to_string();
        let plan = Plan::default()
            .must(Step::one(&RELEASE, values![organization.0, domain]), Outcome::Absent)
            .also(act.audit(Some(organization), "domain.released", target(organization), detail))
            .also(act.publish(Change::of(Kind::Organization, organization.0)));
        self.carry_out(plan, act).await
    }

    /// The organization's domains, by name.
    pub async fn list_domains(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<ClaimedDomain>, Error> {
        let rows = self.engine.read(&LIST, values![organization.0]).await?;
        let domain = |mut row: crate::engine::Row| {
            Ok(ClaimedDomain { domain: row.text(0)?, claimed_at: row.time(1)? })
        };
        rows.into_iter().map(domain).collect()
    }
}

/// The steps that take a tenant's policy and domains with it.
pub(crate) fn forget(organization: OrganizationId) -> Plan {
    Plan::default()
        .also(Step::any(&FORGET, values![organization.0]))
        .also(Step::any(&RELEASE_ALL, values![organization.0]))
}

fn target(organization: OrganizationId) -> String {
    format!("organization:{organization}")
}

static DECIDE: Statement = Statement::new(
    "sign_in_policies.decide",
    "INSERT INTO sign_in_policies (organization, demand, upstream, changed_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (organization) DO UPDATE SET demand = excluded.demand, upstream = excluded.upstream,
                                              changed_at = excluded.changed_at",
);

static FIND: Statement = Statement::new(
    "sign_in_policies.find",
    "SELECT demand, upstream, changed_at FROM sign_in_policies WHERE organization = $1",
);

static HAS_ROOM: Statement = Statement::new(
    "sign_in_policies.has_room",
    "UPDATE organizations SET created_at = created_at
      WHERE id = $1 AND (SELECT COUNT(*) FROM claimed_domains WHERE organization = $1) < $2",
);

// Claiming what is one's own again changes nothing.
static CLAIM: Statement = Statement::new(
    "sign_in_policies.claim",
    "INSERT INTO claimed_domains (organization, domain, claimed_at) VALUES ($1, $2, $3)
     ON CONFLICT (domain) DO UPDATE SET claimed_at = claimed_domains.claimed_at
      WHERE claimed_domains.organization = excluded.organization",
);

static RELEASE: Statement = Statement::new(
    "sign_in_policies.release",
    "DELETE FROM claimed_domains WHERE organization = $1 AND domain = $2",
);

static LIST: Statement = Statement::new(
    "sign_in_policies.domains",
    "SELECT domain, claimed_at FROM claimed_domains WHERE organization = $1 ORDER BY domain",
);

static FORGET: Statement = Statement::new(
    "sign_in_policies.forget",
    "DELETE FROM sign_in_policies WHERE organization = $1",
);

static RELEASE_ALL: Statement = Statement::new(
    "sign_in_policies.release_all",
    "DELETE FROM claimed_domains WHERE organization = $1",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&DECIDE, &FIND, &HAS_ROOM, &CLAIM, &RELEASE, &LIST, &FORGET, &RELEASE_ALL];
