//! Budgets: what may be spent of one unit, in one period, at one level of the tree organization →
//! project → group → user → app → key. A charge must fit every level that counts its unit.
//!
//! The decision here names the level that refuses; the guard that makes overspending impossible is
//! the same comparison in the statement that writes (`store/charging`). A balance is kept as what
//! was ever spent and what of it was spent before the period, so beginning anew loses no history.

use crate::amount::{Amount, Unit};
use crate::id::BudgetId;
use crate::period::Period;
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

/// What a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// One key, and the keys below it.
    Key,
    /// All keys handed to one app.
    App,
    /// All keys of one user in one organization.
    User,
    /// All keys of one group.
    Group,
    /// All keys of one project.
    Project,
    /// All keys of one tenant.
    Organization,
}

impl Level {
    /// Every level, from the bottom up: the order in which a charge takes its rows, so that no two
    /// charges wait for each other.
    pub const ALL: [Self; 6] =
        [Self::Key, Self::App, Self::User, Self::Group, Self::Project, Self::Organization];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::App => "app",
            Self::User => "user",
            Self::Group => "group",
            Self::Project => "project",
            Self::Organization => "organization",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// A budget as a charge meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its id.
    pub id: BudgetId,
    /// What it limits.
    pub level: Level,
    /// What it counts.
    pub unit: Unit,
    /// How often it begins anew.
    pub period: Period,
    /// How much may be spent in a period.
    pub limit: Amount,
    /// What was ever spent.
    pub total: Amount,
    /// What of it was spent before the period that began at `began_at`.
    pub before: Amount,
    /// When the period began in which it was last charged.
    pub began_at: Timestamp,
    /// What is held for charges that have not been committed.
    pub held: Amount,
}

impl Budget {
    /// What was spent in the period that holds `now`. A clock that went back does not bring an
    /// earlier period back.
    #[must_use]
    pub fn spent(&self, now: Timestamp) -> Amount {
        if self.period.start(now) > self.began_at {
            return Amount(0);
        }
        Amount(self.total.0.saturating_sub(self.before.0))
    }

    /// What is left now: neither spent nor held. Never below zero.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> Amount {
        let used = self.spent(now).0.saturating_add(self.held.0);
        Amount(self.limit.0.saturating_sub(used).max(0))
    }

    /// When it begins anew.
    #[must_use]
    pub fn resets_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.period.end(Timestamp(now.0.max(self.began_at.0)))
    }

    fn refuse(&self, cost: Amount, now: Timestamp) -> Refusal {
        Refusal::new(Code::BudgetExhausted, "the cost does not fit a budget")
            .with("level", self.level.as_str())
            .with("budget", self.id.to_string())
            .with("limit", self.unit.show(self.limit))
            .with("left", self.unit.show(self.left(now)))
            .with("cost", self.unit.show(cost))
    }
}

/// Which of the budgets on a key's path count a cost of `unit`. A path that has budgets, and none
/// of this unit, cannot say yes: a limit in dollars would not hold against a cost in euros.
pub fn counting<'a, B>(
    path: &'a [B],
    unit: &Unit,
    unit_of: impl Fn(&B) -> &Unit,
) -> Result<Vec<&'a B>, Refusal> {
    let counting: Vec<&B> = path.iter().filter(|budget| unit_of(budget) == unit).collect();
    let money = |unit: &Unit| matches!(unit, Unit::Money(_));
    let foreign = |budget: &&B| money(unit) && money(unit_of(budget)) && unit_of(budget) != unit;
    if counting.is_empty() && !path.is_empty() || path.iter().any(|budget| foreign(&budget)) {
        return Err(Refusal::new(
            Code::UnitMismatch,
            "the cost is in a unit the budgets do not count",
        )
        .with("unit", unit.as_str()));
    }
    Ok(counting)
}

/// Whether `cost` fits every level; the first that refuses, from the bottom up, is named.
pub fn fits<'a>(
    budgets: impl IntoIterator<Item = &'a Budget>,
    cost: Amount,
    now: Timestamp,
) -> Result<(), Refusal> {
    match budgets.into_iter().find(|budget| budget.left(now) < cost) {
        None => Ok(()),
        Some(budget) => Err(budget.refuse(cost, now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    const NOON: Timestamp = Timestamp(1_764_244_800);
    const DAY: i64 = 86_400;

    fn a_budget() -> Budget {
        Budget {
            id: BudgetId(Id::v7(1, [1; 10])),
            level: Level::Key,
            unit: Unit::parse("tokens").unwrap(),
            period: Period::Daily,
            limit: Amount(100),
            total: Amount(560),
            before: Amount(500),
            began_at: Period::Daily.start(NOON),
            held: Amount(10),
        }
    }

    #[track_caller]
    fn left(edit: impl FnOnce(&mut Budget), now: Timestamp, expected: i64) {
        let mut budget = a_budget();
        edit(&mut budget);
        assert_eq!(budget.left(now), Amount(expected));
    }

    #[test]
    fn what_is_left_is_neither_spent_nor_held() {
        left(|_| (), NOON, 30);
        left(|budget| budget.held = Amount(0), NOON, 40);
        left(|budget| budget.limit = Amount(50), NOON, 0);
        left(|budget| budget.limit = Amount(0), NOON, 0);
    }

    #[test]
    fn a_new_period_forgets_what_was_spent_and_keeps_what_is_held() {
        left(|_| (), Timestamp(NOON.0 + DAY), 90);
    }

    #[test]
    fn a_clock_that_went_back_over_the_boundary_gives_nothing_back() {
        left(|_| (), Timestamp(NOON.0 - DAY), 30);
    }

    #[test]
    fn every_level_must_fit_and_the_one_that_refuses_is_named() {
        let (key, mut tenant) = (a_budget(), a_budget());
        tenant.level = Level::Organization;
        tenant.limit = Amount(75);
        assert_eq!(fits([&key, &tenant], Amount(5), NOON), Ok(()));
        let refusal = fits([&key, &tenant], Amount(6), NOON).unwrap_err();
        assert_eq!(refusal.compared[0], ("level", "organization".into()));
        assert_eq!(refusal.code, Code::BudgetExhausted);
    }

    #[test]
    fn a_cost_in_another_unit_is_refused_where_there_are_budgets() {
        let unit = |text: &str| Unit::parse(text).unwrap();
        let of = |units: &[&str], cost: &str| {
            let path: Vec<Unit> = units.iter().map(|text| unit(text)).collect();
            counting(&path, &unit(cost), |unit| unit).map(|found| found.len())
        };
        assert_eq!(of(&[], "USD"), Ok(0));
        assert_eq!(of(&["USD", "tokens", "USD"], "USD"), Ok(2));
        assert_eq!(of(&["USD", "tokens"], "tokens"), Ok(1));
        for (units, cost) in [(&["USD"][..], "EUR"), (&["tokens"], "USD"), (&["USD", "EUR"], "USD")]
        {
            let refusal = of(units, cost).unwrap_err();
            assert_eq!(refusal.code, Code::UnitMismatch, "{units:?} {cost}");
        }
    }

    #[test]
    fn a_budget_says_when_it_begins_anew() {
        assert_eq!(a_budget().resets_at(NOON), Some(Timestamp(NOON.0 + DAY / 2)));
        let lifetime = Budget { period: Period::Lifetime, ..a_budget() };
        assert_eq!(lifetime.resets_at(NOON), None);
    }
}
