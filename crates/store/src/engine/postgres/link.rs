//! One connection, and what has been prepared on it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::task::Poll;

use futures_util::TryStreamExt;
use futures_util::future::maybe_done;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Statement as Prepared};

use super::failure::Failure;
use super::values::{self, Column, Param};
use crate::engine::{DATABASE_NOW, Statement, Stepped, Value};

/// A connection that several tasks may use at once: requests go out in the order of first polls
/// and are answered in that order.
pub(super) struct Link {
    client: Client,
    task: AbortHandle,
    spoilt: AtomicBool,
    prepared: RwLock<HashMap<Form, Prepared>>,
}

/// Which form of a statement is prepared; a statement is known by its address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    One(usize),
    Many(usize),
}

/// The text with the database's clock in it.
fn clocked(sql: &'static str) -> Cow<'static, str> {
    if sql.contains(DATABASE_NOW) {
        let now = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)";
        Cow::Owned(sql.replace(DATABASE_NOW, now))
    } else {
        Cow::Borrowed(sql)
    }
}

impl Link {
    pub(super) fn new(client: Client, task: AbortHandle) -> Self {
        Self { client, task, spoilt: AtomicBool::new(false), prepared: RwLock::default() }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.spoilt.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    /// Marks a connection that no longer answers. Whoever still waits on it hears that it closed.
    pub(super) fn spoil(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
        self.task.abort();
    }

    /// The prepared form of a statement, known after its first use.
    pub(super) async fn prepare(&self, statement: &'static Statement) -> Result<Prepared, Failure> {
        let form = Form::One(address(statement));
        self.prepare_as(form, statement, &clocked(statement.sql)).await
    }

    /// The form of an append that inserts many rows; `text` makes it from the one-row form.
    pub(super) async fn prepare_many(
        &self,
        statement: &'static Statement,
        text: impl FnOnce(&Prepared) -> Result<String, Failure>,
    ) -> Result<Prepared, Failure> {
        let form = Form::Many(address(statement));
        if let Some(prepared) = self.known(form) {
            return Ok(prepared);
        }
        let text = text(&self.prepare(statement).await?)?;
        self.prepare_as(form, statement, &text).await
    }

    /// Runs a prepared statement. The request goes out at the first poll.
    pub(super) async fn run(
        &self,
        statement: &'static Statement,
        prepared: &Prepared,
        values: &[Value],
    ) -> Result<Stepped, Failure> {
        let failed = |error: tokio_postgres::Error| Failure::new(statement.name, &error);
        let rows = self.client.query_raw(prepared, values.iter().map(Param));
        let mut rows = pin!(rows.await.map_err(failed)?);
        let mut returned = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            returned.push(values::row(statement, &row)?);
        }
        Ok(Stepped { returned, changed: rows.rows_affected().unwrap_or(0) })
    }

    /// Inserts many rows at once.
    pub(super) async fn insert(
        &self,
        statement: &'static Statement,
        prepared: &Prepared,
        columns: Vec<Column<'_>>,
    ) -> Result<(), Failure> {
        let inserted = self.client.execute_raw(prepared, columns).await;
        inserted.map(|_| ()).map_err(|error| Failure::new(statement.name, &error))
    }

    /// `BEGIN`, `COMMIT` and the like.
    pub(super) async fn command(&self, text: &'static str) -> Result<(), Failure> {
        self.client.batch_execute(text).await.map_err(|error| Failure::new(text, &error))
    }

    async fn prepare_as(
        &self,
        form: Form,
        statement: &'static Statement,
        text: &str,
    ) -> Result<Prepared, Failure> {
        if let Some(prepared) = self.known(form) {
            return Ok(prepared);
        }
        let prepared = self.client.prepare(text).await;
        let prepared = prepared.map_err(|error| Failure::new(statement.name, &error))?;
        let mut known = self.prepared.write().unwrap_or_else(PoisonError::into_inner);
        Ok(known.entry(form).or_insert(prepared).clone())
    }

    fn known(&self, form: Form) -> Option<Prepared> {
        self.prepared.read().unwrap_or_else(PoisonError::into_inner).get(&form).cloned()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.spoilt.load(Ordering::Relaxed) {
            self.task.abort();
        }
    }
}

fn address(statement: &'static Statement) -> usize {
    std::ptr::from_ref(statement).addr()
}

/// A request on its way.
pub(super) type Sent<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Waits for all requests; polls them first in order, so that they go out in order, as one packet
/// where they fit.
pub(super) async fn in_order<T>(requests: Vec<Sent<'_, T>>) -> Vec<Result<T, Failure>> {
    let mut requests: Vec<_> =
        requests.into_iter().map(|sent| Box::pin(maybe_done(sent))).collect();
    poll_fn(|context| {
        let mut all = true;
        for request in &mut requests {
            all &= request.as_mut().poll(context).is_ready();
        }
        if all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    requests.iter_mut().filter_map(|request| request.as_mut().take_output()).collect()
}
