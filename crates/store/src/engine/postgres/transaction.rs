//! A commit as one transaction: `BEGIN` and all steps in the first round trip, `COMMIT` or
//! `ROLLBACK` in the second. A single step that cannot be half done needs only one.

use super::failure::Failure;
use super::insert::Insert;
use super::link::{Link, Sent, in_order};
use super::values;
use crate::engine::{Commit, Rows, Step, Stepped};

/// Carries `steps` out on a connection of its own.
pub(super) async fn transact(link: &Link, steps: &[Step]) -> Result<Commit, Failure> {
    let mut prepared = Vec::with_capacity(steps.len());
    for step in steps {
        let ready = link.prepare(step.statement).await?;
        values::check(step.statement, ready.params(), &step.values)?;
        prepared.push(ready);
    }
    let run = |at: usize| link.run(steps[at].statement, &prepared[at], &steps[at].values);
    if let [step] = steps
        && stands_alone(step)
    {
        return judge(steps, [run(0).await]);
    }
    let begin: Sent<'_, Stepped> =
        Box::pin(async { link.command("BEGIN").await.map(|()| Stepped::default()) });
    let mut sent = vec![begin];
    sent.extend((0..steps.len()).map(|at| Box::pin(run(at)) as Sent<'_, Stepped>));
    let mut outcomes = in_order(sent).await.into_iter();
    outcomes.next().unwrap_or_else(|| Err(Failure::lost("BEGIN: not sent")))?;
    let judged = judge(steps, outcomes);
    match &judged {
        Ok(Commit::Done(_)) => link.command("COMMIT").await?,
        Err(failure) if failure.lost => {}
        Ok(Commit::Lost(_)) | Err(_) => link.command("ROLLBACK").await?,
    }
    judged
}

/// The first step, in order, that failed or missed its guard decides.
fn judge(
    steps: &[Step],
    outcomes: impl IntoIterator<Item = Result<Stepped, Failure>>,
) -> Result<Commit, Failure> {
    let mut done = Vec::with_capacity(steps.len());
    for (at, (step, outcome)) in steps.iter().zip(outcomes).enumerate() {
        let stepped = outcome?;
        if !step.rows.hold(stepped.changed) {
            return Ok(Commit::Lost(at));
        }
        done.push(stepped);
    }
    Ok(Commit::Done(done))
}

/// Whether a step alone is all or nothing without `BEGIN`: it has no guard, or it inserts at most
/// one row, so that missing the guard means nothing was changed.
fn stands_alone(step: &Step) -> bool {
    match step.rows {
        Rows::Any => true,
        Rows::Exactly(1) => Insert::parse(step.statement.sql).is_some(),
        Rows::Exactly(_) => false,
    }
}
