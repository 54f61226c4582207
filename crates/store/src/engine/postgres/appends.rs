//! Commits that only append are gathered: one task takes all that wait and writes each table's
//! rows as one statement, all of them as one transaction in one round trip. This is group commit
//! for PostgreSQL; while one batch is under way the next one grows.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::connect::{Access, Connector};
use super::failure::Failure;
use super::insert::Insert;
use super::lane::Lane;
use super::link::{Link, Sent, in_order};
use super::values::{self, Column};
use crate::Error;
use crate::engine::{Commit, Rows, Statement, Step, Stepped, Value};

/// A commit that waits for a batch.
pub(super) struct Job {
    pub(super) steps: Vec<Step>,
    pub(super) answer: oneshot::Sender<Result<Commit, Error>>,
}

/// Whether every step is a plain append that can only succeed or fail.
pub(super) fn only_appends(steps: &[Step]) -> bool {
    let plain =
        |step: &Step| step.statement.batches && matches!(step.rows, Rows::Any | Rows::Exactly(1));
    !steps.is_empty() && steps.iter().all(plain)
}

/// Writes batches until every sender is gone and the last job is answered.
pub(super) async fn gather(
    connector: Arc<Connector>,
    deadline: Duration,
    mut jobs: mpsc::Receiver<Job>,
) {
    let lane = Lane::new(connector, Access::Append);
    let mut batch = Vec::new();
    while jobs.recv_many(&mut batch, LARGEST_BATCH).await > 0 {
        // Those woken by the last batch are about to commit again; let them in.
        tokio::task::yield_now().await;
        while batch.len() < LARGEST_BATCH {
            let Ok(job) = jobs.try_recv() else { break };
            batch.push(job);
        }
        // Whoever gave up must not see an effect later.
        batch.retain(|job| !job.answer.is_closed());
        write_all(&lane, deadline, std::mem::take(&mut batch)).await;
    }
}

/// More commits than this in one statement gain nothing.
const LARGEST_BATCH: usize = 512;

/// Writes a batch. When a row makes it fail, halves of it are tried, so that one bad commit costs
/// a few statements and no neighbour.
async fn write_all(lane: &Lane, deadline: Duration, batch: Vec<Job>) {
    let mut parts = vec![batch];
    while let Some(mut part) = parts.pop() {
        let written = timeout(deadline, write(lane, &mut part)).await.unwrap_or_else(|_| {
            lane.spoil();
            Err(Failure::lost("appending: no answer in time"))
        });
        match written {
            Ok(()) => part.into_iter().for_each(stands),
            Err(failure) if failure.lost || matches!(failure.error, Error::Busy(_)) => {
                let told = failure.error.to_string();
                for job in parts.drain(..).flatten().chain(part) {
                    let _ = job.answer.send(Err(Error::busy(told.clone())));
                }
            }
            Err(failure) if part.len() == 1 => {
                part.into_iter().for_each(|job| drop(job.answer.send(Err(failure_of(&failure)))));
            }
            Err(_) => {
                parts.push(part.split_off(part.len() / 2));
                parts.push(part);
            }
        }
    }
}

fn failure_of(failure: &Failure) -> Error {
    match &failure.error {
        Error::Busy(source) => Error::busy(source.to_string()),
        Error::Broken(source) => Error::broken(source.to_string()),
    }
}

fn stands(job: Job) {
    let appended = |_: &Step| Stepped { returned: Vec::new(), changed: 1 };
    let done = Commit::Done(job.steps.iter().map(appended).collect());
    let _ = job.answer.send(Ok(done));
}

/// Writes all of `part` in one round trip. Jobs whose values cannot be sent are answered and
/// taken out first.
async fn write(lane: &Lane, part: &mut Vec<Job>) -> Result<(), Failure> {
    let link = lane.link().await?;
    let mut inserts: Vec<(&'static Statement, _)> = Vec::new();
    for at in (0..part.len()).rev() {
        if let Err(failure) = ready(&link, &mut inserts, &part[at].steps).await {
            if failure.lost {
                return Err(failure);
            }
            let _ = part.swap_remove(at).answer.send(Err(failure.error));
        }
    }
    let steps = || part.iter().flat_map(|job| &job.steps);
    let requests = inserts.iter().map(|(statement, prepared): &(_, Many)| {
        let same = steps().filter(|step| std::ptr::eq(step.statement, *statement));
        let rows: Vec<&[Value]> = same.map(|step| step.values.as_slice()).collect();
        let columns = prepared.types.iter().enumerate();
        let columns = columns.map(|(at, wanted)| Column::gather(wanted, at, &rows)).collect();
        Box::pin(link.insert(statement, &prepared.insert, columns)) as Sent<'_, ()>
    });
    let mut requests: Vec<_> = requests.collect();
    if requests.len() > 1 {
        requests.insert(0, Box::pin(link.command("BEGIN")));
        // After a failed insert the server answers this with a rollback.
        requests.push(Box::pin(link.command("COMMIT")));
    }
    in_order(requests).await.into_iter().collect()
}

/// The many-row form of an append.
struct Many {
    insert: tokio_postgres::Statement,
    types: Vec<tokio_postgres::types::Type>,
}

/// Prepares what a job needs and checks its values.
async fn ready(
    link: &Link,
    inserts: &mut Vec<(&'static Statement, Many)>,
    steps: &[Step],
) -> Result<(), Failure> {
    for step in steps {
        let same = |(known, _): &(&'static Statement, Many)| std::ptr::eq(*known, step.statement);
        if !inserts.iter().any(same) {
            inserts.push((step.statement, prepare(link, step.statement).await?));
        }
        let types = inserts.iter().find(|known| same(known)).map_or(&[][..], |(_, m)| &m.types);
        values::check(step.statement, types, &step.values)?;
    }
    Ok(())
}

async fn prepare(link: &Link, statement: &'static Statement) -> Result<Many, Failure> {
    let types = link.prepare(statement).await?.params().to_vec();
    let insert = prepare_many(link, statement).await?;
    Ok(Many { insert, types })
}

/// Prepares the many-row form of an append.
pub(super) async fn prepare_many(
    link: &Link,
    statement: &'static Statement,
) -> Result<tokio_postgres::Statement, Failure> {
    let text = |one: &tokio_postgres::Statement| {
        let many = Insert::parse(statement.sql).and_then(|insert| insert.many(one.params()));
        many.ok_or_else(|| Failure::broken(format!("{}: no plain append", statement.name)))
    };
    link.prepare_many(statement, text).await
}
