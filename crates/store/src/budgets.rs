//! Budgets: what may be spent of one unit at one level of the tree. Here they are made, changed,
//! listed and found for a key; charging them is in `metering`, which alone moves a balance.

use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::api_key::ApiKey;
use keyhaven_protocol::budget::{Budget, Level};
use keyhaven_protocol::id::{BudgetId, Id, OrganizationId};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Engine, Row, Statement, Step, Value};
use crate::{Act, Error, Listed, Outcome, Page, Reach, Store, organizations, values};

/// A budget on a key's path, as far as it never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetRef {
    /// Its id.
    pub id: BudgetId,
    /// What it limits.
    pub level: Level,
    /// What it counts.
    pub unit: Unit,
    /// How often it begins anew.
    pub period: Period,
}

/// A budget about to be made.
#[derive(Clone, Debug)]
pub struct NewBudget {
    /// Its id.
    pub id: BudgetId,
    /// The tenant.
    pub organization: Option<OrganizationId>,
    /// What it limits.
    pub level: Level,
    /// Which one.
    pub subject: Id,
    /// What it counts.
    pub unit: Unit,
    /// How often it begins anew.
    pub period: Period,
    /// How much may be spent in a period.
    pub most: Amount,
}

/// A budget with its subject, as administrators see it.
#[derive(Clone, Debug)]
pub struct BudgetRecord {
    /// The balance.
    pub budget: Budget,
    /// The tenant.
    pub organization: Option<OrganizationId>,
    /// What it limits.
    pub subject: Id,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes a budget. `Taken("period")` when the subject has one of that unit and period,
    /// `Absent` when its organization is gone.
    pub async fn create_budget(&self, new: &NewBudget, mut act: Act) -> Result<Outcome, Error> {
        let mut plan = Plan::default();
        if let Some(organization) = new.organization {
            plan = plan.must(organizations::hold(organization), Outcome::Absent);
        }
        let detail = serde_json::json!({
            "level": new.level.as_str(), "subject": new.subject.to_string(),
            "limit": new.unit.show(new.most), "unit": new.unit.as_str(), "period": new.period.as_str(),
        });
        let plan = plan
            .must(create_step(new, act.now), Outcome::Taken("period"))
            .also(act.audit(new.organization, "budget.created", target(new.id), detail.to_string()))
            .also(act.publish(Change::of(Kind::Key, new.id.0)));
        self.carry_out(plan, act).await
    }

    /// Sets how much may be spent. What is spent stays spent.
    pub async fn set_budget(
        &self,
        organization: Option<OrganizationId>,
        budget: &Budget,
        most: Amount,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let detail = serde_json::json!({
            "limit": budget.unit.show(most), "before": budget.unit.show(budget.limit),
        });
        let plan = Plan::default()
            .must(Step::one(&SET, values![budget.id.0, most.0]), Outcome::Absent)
            .also(act.audit(organization, "budget.set", target(budget.id), detail.to_string()));
        self.carry_out(plan, act).await
    }

    /// Removes a budget: what it limited is limited by the others only.
    pub async fn delete_budget(
        &self,
        organization: Option<OrganizationId>,
        budget: BudgetId,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&DELETE, values![budget.0]), Outcome::Absent)
            .also(act.audit(organization, "budget.deleted", target(budget), "{}"))
            .also(act.publish(Change::of(Kind::Key, budget.0)));
        self.carry_out(plan, act).await
    }

    /// The budget `id`, if within reach.
    pub async fn find_budget(
        &self,
        reach: Reach,
        id: BudgetId,
    ) -> Result<Option<BudgetRecord>, Error> {
        let rows = self.engine.read(&FIND, values![reach, id.0]).await?;
        rows.into_iter().next().map(record).transpose()
    }

    /// Budgets within reach, oldest first.
    pub async fn list_budgets(
        &self,
        reach: Reach,
        page: Page,
    ) -> Result<Listed<BudgetRecord>, Error> {
        let (above, fetch) = (page.above(), page.fetch());
        let rows = match reach {
            Reach::Instance => self.engine.read(&LIST, values![above, fetch]).await?,
            Reach::Organization(own) => {
                self.engine.read(&LIST_IN_ORGANIZATION, values![own.0, above, fetch]).await?
            }
        };
        page.of(rows, record, |record| record.budget.id.0)
    }

    /// The balances of these budgets, in their order; those that are gone are left out.
    pub async fn list_balances(&self, path: &[BudgetRef]) -> Result<Vec<Budget>, Error> {
        list_balances(&*self.engine, path).await
    }

    /// The budgets a use of `key` is charged to, from the bottom up.
    pub(crate) async fn list_path(&self, key: &ApiKey) -> Result<Vec<BudgetRef>, Error> {
        let above = [
            key.app.map(|id| id.0),
            key.owner.map(|id| id.0),
            key.group.map(|id| id.0),
            key.project.map(|id| id.0),
            key.organization.map(|id| id.0),
        ];
        let line = key.line().map(|terms| terms.id.0);
        let subjects: Vec<Id> = line.chain(above.into_iter().flatten()).collect();
        let mut path = Vec::new();
        for part in subjects.chunks(SLOTS) {
            let rows = self.engine.read(&LIST_OF_SUBJECTS, padded(part.iter().copied())).await?;
            for row in rows {
                path.extend(on_path(key, row)?);
            }
        }
        path.sort_unstable_by_key(|budget| (budget.level, budget.id));
        Ok(path)
    }
}

pub(crate) async fn list_balances(
    engine: &dyn Engine,
    path: &[BudgetRef],
) -> Result<Vec<Budget>, Error> {
    let mut found = Vec::with_capacity(path.len());
    for part in path.chunks(SLOTS) {
        let ids = padded(part.iter().map(|budget| budget.id.0));
        let rows = engine.read(&LIST_BALANCES, ids).await?;
        let rows = rows.into_iter().map(budget).collect::<Result<Vec<_>, _>>()?;
        found.extend(part.iter().filter_map(|one| rows.iter().find(|b| b.id == one.id)).cloned());
    }
    Ok(found)
}

/// The step that makes a budget; misses when the subject has one like it.
pub(crate) fn create_step(new: &NewBudget, now: Timestamp) -> Step {
    let values = values![
        new.id.0,
        new.organization.map(|id| id.0),
        new.level.as_str(),
        new.subject,
        new.unit.as_str(),
        new.period.as_str(),
        new.most.0,
        new.period.start(now),
        now,
    ];
    Step::one(&CREATE, values)
}

/// How many ids one look-up takes.
const SLOTS: usize = 8;

/// The ids as parameters; the last one fills what is left.
fn padded(ids: impl Iterator<Item = Id>) -> Vec<Value> {
    let mut values: Vec<Value> = ids.map(Value::from).collect();
    let last = values.last().cloned().unwrap_or(Value::Null);
    values.resize(SLOTS, last);
    values
}

/// The budget of a row, if it is one the key is charged to: a subject's id may be found under
/// another level, and a person may have a budget in another tenant.
fn on_path(key: &ApiKey, mut row: Row) -> Result<Option<BudgetRef>, Error> {
    let organization = row.maybe_id(1)?.map(OrganizationId);
    let (level, subject) = (level(&row.text(2)?)?, row.id(3)?);
    let is_subject = match level {
        Level::Key => key.line().any(|terms| terms.id.0 == subject),
        Level::App => key.app.is_some_and(|id| id.0 == subject),
        Level::User => key.owner.is_some_and(|id| id.0 == subject),
        Level::Group => key.group.is_some_and(|id| id.0 == subject),
        Level::Project => key.project.is_some_and(|id| id.0 == subject),
        Level::Organization => key.organization.is_some_and(|id| id.0 == subject),
    };
    if !is_subject || organization != key.organization {
        return Ok(None);
    }
    let id = BudgetId(row.id(0)?);
    Ok(Some(BudgetRef { id, level, unit: unit(&row.text(4)?)?, period: period(&row.text(5)?)? }))
}

pub(crate) fn budget(mut row: Row) -> Result<Budget, Error> {
    Ok(Budget {
        id: BudgetId(row.id(0)?),
        level: level(&row.text(1)?)?,
        unit: unit(&row.text(2)?)?,
        period: period(&row.text(3)?)?,
        limit: Amount(row.int(4)?),
        total: Amount(row.int(5)?),
        before: Amount(row.int(6)?),
        began_at: row.time(7)?,
        held: Amount(row.int(8)?),
    })
}

fn record(row: Row) -> Result<BudgetRecord, Error> {
    let organization = row.maybe_id(9)?.map(OrganizationId);
    let (subject, created_at) = (row.id(10)?, row.time(11)?);
    Ok(BudgetRecord { organization, subject, created_at, budget: budget(row)? })
}

fn level(word: &str) -> Result<Level, Error> {
    Level::parse(word).ok_or_else(|| Error::broken("budgets.level is unknown"))
}

fn period(word: &str) -> Result<Period, Error> {
    Period::parse(word).ok_or_else(|| Error::broken("budgets.period is unknown"))
}

pub(crate) fn unit(text: &str) -> Result<Unit, Error> {
    Unit::parse(text).map_err(Error::broken)
}

fn target(id: BudgetId) -> String {
    format!("budget:{id}")
}

macro_rules! balance {
    () => {
        "id, level, unit, period, most, total, earlier, began_at, held"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            balance!(),
            ", organization, subject, created_at FROM budgets WHERE ",
            $rest
        )
    };
}

static CREATE: Statement = Statement::new(
    "budgets.create",
    "INSERT INTO budgets (id, organization, level, subject, unit, period, most, total, earlier, began_at, held,
                          archived, created_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, 0, 0, $8, 0, 0, $9
      WHERE NOT EXISTS (SELECT 1 FROM budgets
             WHERE subject = $4 AND level = $3 AND unit = $5 AND period = $6
               AND organization IS NOT DISTINCT FROM $2)
     ON CONFLICT DO NOTHING",
);

static SET: Statement = Statement::new("budgets.set", "UPDATE budgets SET most = $2 WHERE id = $1");

static DELETE: Statement = Statement::new("budgets.delete", "DELETE FROM budgets WHERE id = $1");

static FIND: Statement = Statement::new(
    "budgets.find",
    select!("id = $2 AND organization IS NOT DISTINCT FROM COALESCE($1, organization)"),
);

static LIST: Statement = Statement::new("budgets.list", select!("id > $1 ORDER BY id LIMIT $2"));

static LIST_IN_ORGANIZATION: Statement = Statement::new(
    "budgets.list_in_organization",
    select!("organization = $1 AND id > $2 ORDER BY id LIMIT $3"),
);

static LIST_BALANCES: Statement = Statement::new(
    "budgets.list_balances",
    concat!("SELECT ", balance!(), " FROM budgets WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8)"),
);

static LIST_OF_SUBJECTS: Statement = Statement::new(
    "budgets.list_of_subjects",
    "SELECT id, organization, level, subject, unit, period FROM budgets
      WHERE subject IN ($1, $2, $3, $4, $5, $6, $7, $8)",
);

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] = &[
    &CREATE,
    &SET,
    &DELETE,
    &FIND,
    &LIST,
    &LIST_IN_ORGANIZATION,
    &LIST_BALANCES,
    &LIST_OF_SUBJECTS,
];
