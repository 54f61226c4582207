//! PostgreSQL: pipelined reads on shared connections, appends gathered into multi-row inserts,
//! everything else as one transaction in two round trips. A database that is gone is answered
//! `Busy` within the deadline and found again without a restart.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Answer, Commit, Engine, Measure, Options, Row, Statement, Step, Value, refuse_nul};
use crate::Error;

mod appends;
mod connect;
mod failure;
mod insert;
mod lane;
mod link;
mod pool;
mod transaction;
mod values;

use appends::Job;
use connect::{Access, Connector};
use failure::Failure;
use lane::Lane;
use pool::Pool;

/// The engine over a PostgreSQL database.
pub(super) struct Postgres {
    options: Options,
    lanes: Vec<Lane>,
    next_lane: AtomicUsize,
    writes: Arc<Writes>,
    /// Where appends wait; `None` once closed.
    appends: Mutex<Option<mpsc::Sender<Job>>>,
    gatherer: Mutex<Option<JoinHandle<()>>>,
}

/// What a commit needs while it runs on its own, whether or not its caller still waits.
struct Writes {
    pool: Pool,
    /// Commits without an answer.
    waiting: AtomicUsize,
}

impl Postgres {
    /// Connects, migrates, and starts the task that gathers appends.
    pub(super) async fn open(url: &str, options: Options) -> Result<Self, Error> {
        let connector = Arc::new(Connector::new(url, options.deadline)?);
        let (mut client, task) = connector.client().await.map_err(|failure| failure.error)?;
        let migrated = super::migrate::postgres(&mut client).await;
        task.abort();
        migrated?;
        let lane = |_| Lane::new(Arc::clone(&connector), Access::Read);
        let lanes = (0..options.read_connections.max(1)).map(lane).collect();
        let pool = Pool::new(Arc::clone(&connector), options.write_connections);
        let (sender, jobs) = mpsc::channel(options.waiting.max(1));
        let gatherer = tokio::spawn(appends::gather(connector, options.deadline, jobs));
        Ok(Self {
            options,
            lanes,
            next_lane: AtomicUsize::new(0),
            writes: Arc::new(Writes { pool, waiting: AtomicUsize::new(0) }),
            appends: Mutex::new(Some(sender)),
            gatherer: Mutex::new(Some(gatherer)),
        })
    }

    /// Asks a shared connection within the deadline. Reading has no effect, so a connection found
    /// dead is replaced and asked once more.
    async fn ask(&self, question: Question) -> Result<Vec<Row>, Error> {
        let turn = self.next_lane.fetch_add(1, Ordering::Relaxed);
        let lane = &self.lanes[turn % self.lanes.len()];
        let attempts = async {
            match question.put(lane).await {
                Err(failure) if failure.lost => question.put(lane).await,
                answer => answer,
            }
        };
        match timeout(self.options.deadline, attempts).await {
            Ok(answer) => answer.map_err(|failure| failure.error),
            Err(_) => {
                lane.spoil();
                Err(Error::busy("no answer from the database in time"))
            }
        }
    }

    async fn append(&self, steps: Vec<Step>) -> Result<Commit, Error> {
        let _waiting = Waiting::enter(&self.writes, self.options.waiting)?;
        let (answer, outcome) = oneshot::channel();
        let pushed = match self.appends().as_ref() {
            None => return Err(Error::busy("shutting down")),
            Some(sender) => sender.try_send(Job { steps, answer }),
        };
        pushed.map_err(|_| Error::busy("too many commits wait"))?;
        match timeout(self.options.deadline, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Error::busy("the batch was given up; outcome unknown")),
            Err(_) => Err(Error::busy("no answer from the database in time; outcome unknown")),
        }
    }

    /// Runs a transaction in a task of its own: a caller that goes away does not tear a connection
    /// down in the middle.
    async fn transact(&self, steps: Vec<Step>) -> Result<Commit, Error> {
        if self.appends().is_none() {
            return Err(Error::busy("shutting down"));
        }
        let waiting = Waiting::enter(&self.writes, self.options.waiting)?;
        let deadline = self.options.deadline;
        let work = tokio::spawn(async move {
            let transacted = timeout(deadline, async {
                let taken = waiting.0.pool.take().await?;
                let outcome = transaction::transact(&taken.link, &steps).await;
                if !matches!(&outcome, Err(failure) if failure.lost) {
                    taken.give_back();
                }
                outcome
            });
            transacted.await.unwrap_or_else(|_| {
                Err(Failure::lost("no answer from the database in time; outcome unknown"))
            })
        });
        match work.await {
            Ok(outcome) => outcome.map_err(|failure| failure.error),
            Err(_) => Err(Error::broken("the commit panicked; outcome unknown")),
        }
    }

    fn appends(&self) -> MutexGuard<'_, Option<mpsc::Sender<Job>>> {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a shared connection may be asked.
enum Question {
    Read(&'static Statement, Vec<Value>),
    Prepare(&'static Statement),
}

impl Question {
    async fn put(&self, lane: &Lane) -> Result<Vec<Row>, Failure> {
        let link = lane.link().await?;
        match self {
            Self::Read(statement, values) => {
                let prepared = link.prepare(statement).await?;
                values::check(statement, prepared.params(), values)?;
                Ok(link.run(statement, &prepared, values).await?.returned)
            }
            Self::Prepare(statement) => {
                link.prepare(statement).await?;
                if statement.batches {
                    appends::prepare_many(&link, statement).await?;
                }
                Ok(Vec::new())
            }
        }
    }
}

/// One commit counted among those without an answer.
struct Waiting(Arc<Writes>);

impl Waiting {
    fn enter(writes: &Arc<Writes>, most: usize) -> Result<Self, Error> {
        let entered = Self(Arc::clone(writes));
        if writes.waiting.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(Error::busy("too many commits wait"));
        }
        Ok(entered)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Engine for Postgres {
    fn read<'a>(
        &'a self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Answer<'a, Vec<Row>> {
        Box::pin(async move {
            refuse_nul(statement, &values)?;
            self.ask(Question::Read(statement, values)).await
        })
    }

    fn commit(&self, steps: Vec<Step>) -> Answer<'_, Commit> {
        Box::pin(async move {
            for step in &steps {
                refuse_nul(step.statement, &step.values)?;
            }
            if appends::only_appends(&steps) {
                return self.append(steps).await;
            }
            self.transact(steps).await
        })
    }

    fn prepare(&self, statement: &'static Statement) -> Answer<'_, ()> {
        Box::pin(async move { self.ask(Question::Prepare(statement)).await.map(|_| ()) })
    }

    fn measure(&self) -> Answer<'_, Measure> {
        Box::pin(async move {
            let rows = self.read(&SIZE, Vec::new()).await?;
            let size = rows.first().map_or(Ok(0), |row| row.int(0))?;
            let waiting = self.writes.waiting.load(Ordering::Relaxed) as u64;
            Ok(Measure { bytes: u64::try_from(size).unwrap_or(0), log_bytes: 0, waiting })
        })
    }

    fn changed_elsewhere(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "postgres"
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            drop(self.appends().take());
            let gatherer = self.gatherer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(gatherer) = gatherer {
                gatherer.await.map_err(|_| Error::broken("the append task failed"))?;
            }
            self.writes.pool.close().await;
            Ok(())
        })
    }
}

/// For migrations, which run before there is an engine.
pub(super) fn failure(at: &'static str, error: &tokio_postgres::Error) -> Error {
    Failure::new(at, error).error
}

static SIZE: Statement =
    Statement::new("engine.size", "SELECT pg_database_size(current_database())");
