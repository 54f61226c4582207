//! Charges written as one commit: each balance moves once, by the sum of what all of them ask.
//! When a guard misses, the database is read to tell who does not fit, those are answered, and the
//! others are written again under the same guards.

use std::collections::{BTreeMap, HashSet};

use keyhaven_protocol::amount::Amount;
use keyhaven_protocol::budget::{Budget, Level, fits};
use keyhaven_protocol::id::{BudgetId, Id};
use keyhaven_protocol::time::Timestamp;
use tokio::sync::oneshot;

use super::{
    Deed, Hold, Metered, Metering, NAMES_KEPT, Name, expiry, find_named, path, statements as sql,
};
use crate::budgets::{self, BudgetRef};
use crate::engine::{Commit, Engine, Step, Stepped};
use crate::{Error, values};

/// A charge that waits for its answer.
pub(super) struct Job {
    pub(super) metering: Metering,
    pub(super) answer: oneshot::Sender<Result<Metered, Error>>,
}

/// Charges that can stand in one commit.
pub(super) struct Batch(Vec<Job>);

/// How much a balance moves.
#[derive(Default)]
struct Move {
    spent: i64,
    held: i64,
    /// Whether some charge takes more than it gives back.
    grows: bool,
    /// When the period began.
    start: Timestamp,
}

/// Whose guard a step keeps.
#[derive(Clone, Copy)]
enum Guard {
    Name(usize),
    Hold(usize),
    Budget,
}

/// The steps of a batch. Guards come first, in the order of the steps.
struct Plan {
    steps: Vec<Step>,
    guards: Vec<Guard>,
    moved: Vec<BudgetId>,
}

impl Metering {
    /// The hold it ends.
    fn hold(&self) -> Option<&Hold> {
        match &self.deed {
            Deed::Commit(hold) | Deed::Release(hold) => Some(hold),
            Deed::Charge | Deed::Reserve(_) => None,
        }
    }

    /// By how much what is spent and what is held move, in each budget of the path.
    fn moves(&self) -> (i64, i64) {
        match &self.deed {
            Deed::Charge => (self.amount.0, 0),
            Deed::Reserve(_) => (0, self.amount.0),
            Deed::Commit(hold) => (self.amount.0, -hold.amount.0),
            Deed::Release(hold) => (0, -hold.amount.0),
        }
    }

    fn is_entered(&self) -> bool {
        matches!(self.deed, Deed::Charge | Deed::Commit(_))
    }
}

impl Batch {
    /// What can be written at once, and what must wait for the next commit: a second use of a name
    /// or of a hold is judged after the first.
    pub(super) fn of(jobs: Vec<Job>) -> (Self, Vec<Job>) {
        let mut taken: HashSet<Name> = HashSet::new();
        let mut held: HashSet<Id> = HashSet::new();
        let (now, later) = jobs.into_iter().partition(|job| {
            let name = job.metering.once.as_ref().map(|once| &once.name);
            let hold = job.metering.hold().map(|hold| hold.id.0);
            if name.is_some_and(|name| taken.contains(name))
                || hold.is_some_and(|hold| held.contains(&hold))
            {
                return false;
            }
            taken.extend(name.cloned());
            held.extend(hold);
            true
        });
        (Self(now), later)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A number that differs from node to node.
    pub(super) fn chance(&self) -> u32 {
        self.0.first().map_or(0, |job| u32::from(job.metering.id.0[15]))
    }

    /// Tells everybody that nothing is known to have happened.
    pub(super) fn fail(self, error: &Error) {
        for job in self.0 {
            let told = match error {
                Error::Busy(source) => Error::busy(source.to_string()),
                Error::Broken(source) => Error::broken(source.to_string()),
            };
            let _ = job.answer.send(Err(told));
        }
    }

    /// One try: either all are answered, or those are that kept the others from standing.
    pub(super) async fn write(&mut self, engine: &dyn Engine) -> Result<(), Error> {
        let Plan { steps, guards, moved } = self.plan();
        match engine.commit(steps).await? {
            Commit::Done(done) => self.stand(guards.len(), &moved, done),
            Commit::Lost(at) => match guards.get(at).copied() {
                Some(Guard::Name(job)) => self.repeat(engine, job).await,
                Some(Guard::Hold(job)) => {
                    let job = self.0.swap_remove(job);
                    let _ = job.answer.send(Ok(Metered::HoldGone));
                    Ok(())
                }
                Some(Guard::Budget) => self.decline(engine).await,
                None => Err(Error::broken(format!("a step without a guard was lost: {at}"))),
            },
        }
    }

    fn plan(&self) -> Plan {
        let mut guarded: Vec<(Guard, Step)> = Vec::new();
        let mut entries = Vec::new();
        let mut days = BTreeMap::new();
        let mut moves: BTreeMap<(Level, BudgetId), Move> = BTreeMap::new();
        for (at, job) in self.0.iter().enumerate() {
            let metering = &job.metering;
            guarded.extend(name(metering).map(|step| (Guard::Name(at), step)));
            guarded.extend(end_hold(metering).map(|step| (Guard::Hold(at), step)));
            entries.extend(entry(metering));
            if metering.is_entered() {
                let day = metering.now.0.div_euclid(86_400);
                let place = (metering.key, day, metering.unit.as_str());
                let counted = days.entry(place).or_insert((metering.organization, 0_i64, 0_i64));
                counted.1 += metering.amount.0;
                counted.2 += 1;
            }
            for budget in &metering.path {
                moves.entry((budget.level, budget.id)).or_default().add(metering, budget);
            }
        }
        let mut plan = Plan { steps: Vec::new(), guards: Vec::new(), moved: Vec::new() };
        for (guard, step) in guarded {
            plan.guards.push(guard);
            plan.steps.push(step);
        }
        // From the bottom up: every charge of every node takes its rows in this order.
        for ((_, budget), moved) in moves {
            plan.guards.push(Guard::Budget);
            plan.moved.push(budget);
            plan.steps.push(moved.step(budget));
        }
        plan.steps.extend(entries);
        for ((key, day, unit), (organization, amount, charges)) in days {
            let organization = organization.map(|id| id.0);
            let values = values![key.0, day, unit, organization, amount, charges];
            plan.steps.push(Step::one(&sql::COUNT_DAY, values));
        }
        plan
    }

    /// All stand: each is told the balances of its path.
    fn stand(
        &mut self,
        guards: usize,
        moved: &[BudgetId],
        done: Vec<Stepped>,
    ) -> Result<(), Error> {
        let first = guards - moved.len();
        let mut balances = Vec::with_capacity(moved.len());
        for stepped in done.into_iter().skip(first).take(moved.len()) {
            for row in stepped.returned {
                balances.push(budgets::budget(row)?);
            }
        }
        for job in self.0.drain(..) {
            let mine = |one: &BudgetRef| balances.iter().find(|b| b.id == one.id).cloned();
            let path = job.metering.path.iter().filter_map(mine).collect();
            let _ = job.answer.send(Ok(Metered::Done(path)));
        }
        Ok(())
    }

    /// The name of a charge is taken: it is answered with what was done under it.
    async fn repeat(&mut self, engine: &dyn Engine, at: usize) -> Result<(), Error> {
        let metering = &self.0[at].metering;
        let Some(once) = &metering.once else { return Ok(()) };
        // None: the name has just ended; the next try takes it.
        if let Some(named) = find_named(engine, &once.name, metering.now).await? {
            let job = self.0.swap_remove(at);
            let _ = job.answer.send(Ok(Metered::Repeated(named)));
        }
        Ok(())
    }

    /// Some balance does not move so far. Holds that are over are given back first; whoever still
    /// does not fit what the database says is refused. A budget that is gone limits nobody.
    async fn decline(&mut self, engine: &dyn Engine) -> Result<(), Error> {
        let Some(now) = self.0.iter().map(|job| job.metering.now).max() else { return Ok(()) };
        if expiry::free(engine, now).await? > 0 {
            return Ok(());
        }
        let mut path: Vec<BudgetRef> =
            self.0.iter().flat_map(|job| job.metering.path.iter().cloned()).collect();
        path.sort_unstable_by_key(|budget| (budget.level, budget.id));
        path.dedup_by_key(|budget| budget.id);
        let mut balances = budgets::list_balances(engine, &path).await?;
        let mut kept = Vec::with_capacity(self.0.len());
        for mut job in self.0.drain(..) {
            job.metering.path.retain(|one| balances.iter().any(|budget| budget.id == one.id));
            match judge(&job.metering, &mut balances) {
                Ok(()) => kept.push(job),
                Err(refusal) => drop(job.answer.send(Ok(Metered::Refused(refusal)))),
            }
        }
        self.0 = kept;
        Ok(())
    }
}

/// Whether a charge fits the balances, which then move by it.
fn judge(
    metering: &Metering,
    balances: &mut [Budget],
) -> Result<(), keyhaven_protocol::refusal::Refusal> {
    let (spent, held) = metering.moves();
    let grows = spent + held;
    let on_path = |budget: &Budget| metering.path.iter().any(|one| one.id == budget.id);
    if grows > 0 {
        fits(balances.iter().filter(|b| on_path(b)), Amount(grows), metering.now)?;
    }
    for budget in balances.iter_mut().filter(|budget| on_path(budget)) {
        let start = budget.period.start(metering.now);
        if start > budget.began_at {
            (budget.before, budget.began_at) = (budget.total, start);
        }
        budget.total.0 += spent;
        budget.held.0 += held;
    }
    Ok(())
}

impl Move {
    fn add(&mut self, metering: &Metering, budget: &BudgetRef) {
        let (spent, held) = metering.moves();
        self.spent += spent;
        self.held += held;
        self.grows |= spent + held > 0;
        self.start = self.start.max(budget.period.start(metering.now));
    }

    fn step(&self, budget: BudgetId) -> Step {
        let grows = i64::from(self.grows);
        Step::one(&sql::MOVE, values![budget.0, self.spent, self.held, self.start, grows])
    }
}

fn name(metering: &Metering) -> Option<Step> {
    let once = metering.once.as_ref()?;
    let values = values![
        once.name.0.as_slice(),
        once.fingerprint,
        metering.id,
        metering.amount.0,
        metering.now.plus(NAMES_KEPT),
        metering.now,
    ];
    Some(Step::one(&sql::NAME, values))
}

fn end_hold(metering: &Metering) -> Option<Step> {
    let hold = metering.hold()?;
    Some(Step::one(&sql::END_HOLD, values![hold.id.0, metering.now]))
}

/// What is written down of it: an entry of the ledger, or the hold.
fn entry(metering: &Metering) -> Option<Step> {
    let mut values = values![
        metering.id,
        metering.organization.map(|id| id.0),
        metering.key.0,
        metering.unit.as_str(),
        metering.amount.0,
        path::encode(&metering.path),
    ];
    match metering.deed {
        Deed::Charge | Deed::Commit(_) => Some(Step::one(&sql::ENTER, values)),
        Deed::Reserve(until) => {
            values.push(until.into());
            Some(Step::one(&sql::HOLD, values))
        }
        Deed::Release(_) => None,
    }
}
