//! API keys. A key is a grant in the revocation graph, so it dies with everything above it; what it
//! says beyond that is in its own row. Only digests of secrets get here.
//!
//! What decides about a key is read as one set of facts, the keys above it and the budgets it is
//! charged to included, and remembered under the same promise as everything in `known`: a change is
//! heard within a second. Budgets themselves are in `budgets`, charging in `metering`.

use keyhaven_protocol::api_key::{ApiKey, Terms};
use keyhaven_protocol::id::{AppId, GrantId, GroupId, KeyId, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::rate_limit;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Seconds;

use crate::act::Plan;
use crate::budgets::{self, NewBudget};
use crate::changes::{Change, Kind};
use crate::engine::Step;
use crate::{Act, Error, Outcome, Store, organizations, values};

mod ending;
mod last_used;
mod listing;
mod memory;
mod rows;
mod statements;

pub use listing::{KeyRecord, KeysOf};
pub use memory::{KeyMemory, KnownKey};
pub use statements::STATEMENTS;

use statements as sql;

/// A key about to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it says: id, scopes, end, where from, how often, how deep.
    pub terms: Terms,
    /// The key or grant it is made under.
    pub parent: Option<GrantId>,
    /// The tenant.
    pub organization: Option<OrganizationId>,
    /// The person it belongs to.
    pub owner: Option<UserId>,
    /// The project it works for.
    pub project: Option<ProjectId>,
    /// The group it works for.
    pub group: Option<GroupId>,
    /// The app it is handed to.
    pub app: Option<AppId>,
    /// The name its owner gave it.
    pub label: String,
    /// The digest of its text.
    pub hash: Digest,
    /// How its text begins, for lists.
    pub prefix: String,
    /// How its text ends, for lists.
    pub last_four: String,
    /// What it may spend.
    pub budget: Option<NewBudget>,
}

/// What changes of a key; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct KeyEdit {
    /// A new name.
    pub label: Option<String>,
    /// What it says from now on.
    pub terms: Option<Terms>,
    /// Whether it may be used.
    pub standing: Option<organizations::Power>,
}

/// A new text for a key, and how long the one before still counts.
#[derive(Clone, Debug)]
pub struct NewText {
    /// The digest of the new text.
    pub hash: Digest,
    /// How it begins.
    pub prefix: String,
    /// How it ends.
    pub last_four: String,
    /// How long the text before counts beside it.
    pub overlap: Seconds,
}

impl Store {
    /// Makes a key with its grant and its budget. `Unknown` names what it should belong to and is
    /// not there; a parent that was revoked meanwhile is `Unknown("parent", 0)`.
    pub async fn create_key(&self, new: &NewKey, mut act: Act) -> Result<Outcome, Error> {
        let plan = create(Plan::default(), new, &mut act);
        self.carry_out(plan, act).await
    }

    /// Changes a key, if nobody else changed it since `revision`.
    pub async fn update_key(
        &self,
        key: &KeyRecord,
        edit: &KeyEdit,
        detail: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let terms = edit.terms.as_ref().unwrap_or(&key.terms);
        let disabled_at = match edit.standing {
            None => key.terms.disabled_at,
            Some(organizations::Power::Enabled) => None,
            Some(organizations::Power::Disabled) => key.terms.disabled_at.or(Some(act.now)),
        };
        let action = match edit.standing {
            None => "key.updated",
            Some(organizations::Power::Enabled) => "key.enabled",
            Some(organizations::Power::Disabled) => "key.disabled",
        };
        let lists = Lists::of(terms);
        let values = values![
            key.terms.id.0,
            key.revision,
            edit.label.as_deref().unwrap_or(&key.label),
            terms.scopes.as_str(),
            lists.origins,
            lists.networks,
            lists.rate_limits,
            i64::from(terms.depth),
            terms.expires_at,
            disabled_at,
        ];
        let plan = Plan::default()
            .must(Step::one(&sql::UPDATE, values), Outcome::Moved)
            .also(Step::any(&sql::MOVE_GRANT_END, values![key.terms.id.0, terms.expires_at]))
            .also(act.audit(key.organization, action, target(key.terms.id), detail))
            .also(act.publish(Change::of(Kind::Key, key.terms.id.0)));
        self.carry_out(plan, act).await
    }

    /// Gives a key a new text. The one before counts for the overlap; a second rotation within it
    /// ends the oldest at once.
    pub async fn rotate_key(
        &self,
        key: &KeyRecord,
        new: &NewText,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let ends_at = (new.overlap.0 > 0).then(|| act.now.plus(new.overlap));
        let values = values![
            key.terms.id.0,
            key.revision,
            new.hash,
            new.prefix.as_str(),
            new.last_four.as_str(),
            ends_at,
        ];
        let detail =
            format!(r#"{{"last_four":"{}","overlap_seconds":{}}}"#, new.last_four, new.overlap.0);
        let plan = Plan::default()
            .must(Step::one(&sql::ROTATE, values), Outcome::Moved)
            .also(act.audit(key.organization, "key.rotated", target(key.terms.id), detail))
            .also(act.publish(Change::of(Kind::Key, key.terms.id.0)));
        self.carry_out(plan, act).await
    }

    /// What decides about the key, from memory while that is fresh, else from the database. Unknown
    /// keys are not remembered: guesses must not fill memory.
    pub async fn recall_key(
        &self,
        id: KeyId,
        tick: u64,
    ) -> Result<Option<std::sync::Arc<KnownKey>>, Error> {
        if self.known.is_fresh(tick)
            && let Some(key) = self.known.keys.find(id, tick)
        {
            return Ok(Some(key));
        }
        let generation = self.known.keys.generation();
        let Some(key) = self.read_key(id).await? else { return Ok(None) };
        let path = self.list_path(&key).await?;
        let known = std::sync::Arc::new(KnownKey { scopes: key.scopes(), key, path });
        self.known.keys.remember(id, &known, tick, generation);
        Ok(Some(known))
    }

    async fn read_key(&self, id: KeyId) -> Result<Option<ApiKey>, Error> {
        rows::api_key(self.engine.read(&sql::FIND_FACTS, values![id.0]).await?)
    }
}

/// The steps that make a key, for the commits that do more than that.
pub(crate) fn create(mut plan: Plan, new: &NewKey, act: &mut Act) -> Plan {
    for (step, miss) in belongings(new) {
        plan = plan.must(step, miss);
    }
    let (id, terms) = (new.terms.id.0, &new.terms);
    let grant = values![
        id,
        new.parent.map(|parent| parent.0),
        new.organization.map(|id| id.0),
        new.owner.map(|id| id.0),
        terms.scopes.as_str(),
        act.now,
        terms.expires_at,
    ];
    let lists = Lists::of(terms);
    let key = values![
        id,
        new.organization.map(|id| id.0),
        new.owner.map(|id| id.0),
        new.project.map(|id| id.0),
        new.group.map(|id| id.0),
        new.app.map(|id| id.0),
        new.label.as_str(),
        new.prefix.as_str(),
        new.last_four.as_str(),
        new.hash,
        terms.scopes.as_str(),
        lists.origins,
        lists.networks,
        lists.rate_limits,
        i64::from(terms.depth),
        act.now,
        terms.expires_at,
    ];
    plan = plan.also(Step::one(&sql::CREATE_GRANT, grant)).also(Step::one(&sql::CREATE, key));
    if let Some(budget) = &new.budget {
        plan = plan.also(budgets::create_step(budget, act.now));
    }
    let most = new.budget.as_ref().map(|budget| budget.unit.show(budget.most));
    let detail = serde_json::json!({
        "label": new.label, "last_four": new.last_four, "limit": most, "scopes": terms.scopes.as_str(),
        "owner": new.owner.map(|id| id.to_string()), "app": new.app.map(|id| id.to_string()),
        "parent": new.parent.map(|id| id.to_string()), "expires_at": terms.expires_at.map(|at| at.0),
    });
    plan.also(act.audit(new.organization, "key.created", target(new.terms.id), detail.to_string()))
}

/// What a key belongs to must be there, and stays until the commit ends.
fn belongings(new: &NewKey) -> Vec<(Step, Outcome)> {
    let mut steps = Vec::new();
    if let Some(organization) = new.organization {
        steps.push((organizations::hold(organization), Outcome::Absent));
        if let Some(owner) = new.owner {
            let values = values![organization.0, owner.0];
            steps.push((Step::one(&sql::HOLD_MEMBER, values), Outcome::Unknown("owner", 0)));
        }
        if let Some(project) = new.project {
            let values = values![organization.0, project.0];
            steps.push((Step::one(&sql::HOLD_PROJECT, values), Outcome::Unknown("project", 0)));
        }
        if let Some(group) = new.group {
            let values = values![organization.0, group.0];
            steps.push((Step::one(&sql::HOLD_GROUP, values), Outcome::Unknown("group", 0)));
        }
    } else if let Some(owner) = new.owner {
        steps.push((Step::one(&sql::HOLD_USER, values![owner.0]), Outcome::Unknown("owner", 0)));
    }
    if let Some(parent) = new.parent {
        let step = Step::one(&sql::HOLD_PARENT, values![parent.0]);
        steps.push((step, Outcome::Unknown("parent", 0)));
    }
    steps
}

pub(crate) fn target(id: KeyId) -> String {
    format!("key:{id}")
}

/// The lists of a key as their columns keep them.
struct Lists {
    origins: String,
    networks: String,
    rate_limits: String,
}

impl Lists {
    fn of(terms: &Terms) -> Self {
        Self {
            origins: terms.allowed.origins().collect::<Vec<_>>().join(" "),
            networks: terms.allowed.networks().collect::<Vec<_>>().join(" "),
            rate_limits: rate_limit::list_text(&terms.rate_limits),
        }
    }
}
