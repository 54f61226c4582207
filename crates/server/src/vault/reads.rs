//! Every token handed out is in the audit: who, which connection, what for, under which request. A job
//! writes that down many at a time, because a token call must not wait for a disk; what one caller
//! takes of one connection for one purpose between two writes is one row that names each request.
//! When more come than the disk takes, callers wait and none is dropped. Where no job runs, each is
//! written at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyhaven_protocol::id::{ConnectionId, OrganizationId};
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::Error;
use keyhaven_store::audit::Entry;
use tokio::sync::Notify;

use crate::app::App;

/// Reads that may wait for the writer.
const ROOM: usize = 32_768;

/// Reads that one row tells of.
const IN_ONE_ROW: usize = 100;

/// Takers of one connection that are told apart between two writes; more get a row for each read.
const TAKERS: usize = 16;

/// Takes token reads in.
#[derive(Default)]
pub struct Reads {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    taken: Notify,
}

#[derive(Default)]
struct Waiting {
    has_writer: bool,
    count: usize,
    of: HashMap<ConnectionId, Vec<Taken>>,
}

/// What one taker was handed, as one row of the audit.
#[derive(Clone, Debug)]
pub struct Taken {
    organization: OrganizationId,
    connection: ConnectionId,
    caller: String,
    client: Option<String>,
    purpose: Option<String>,
    first_at: Timestamp,
    last_at: Timestamp,
    times: usize,
    /// Space-separated.
    requests: String,
}

/// A token that is handed out.
#[derive(Clone, Copy, Debug)]
pub struct Handed<'a> {
    /// The tenant.
    pub organization: OrganizationId,
    /// Of which connection.
    pub connection: ConnectionId,
    /// To whom, as the audit names it.
    pub caller: &'a str,
    /// The client that acts for the caller, where another does.
    pub client: Option<&'a str>,
    /// What for, in the caller's words.
    pub purpose: Option<&'a str>,
    /// Under which request.
    pub request: &'a str,
}

impl Reads {
    /// From here on one job writes. `false` when another does already.
    pub fn begin_writing(&self) -> bool {
        !std::mem::replace(&mut self.lock().has_writer, true)
    }

    /// From here on each read is written by its own call. What waits is still to be taken.
    pub fn end_writing(&self) {
        self.lock().has_writer = false;
        self.taken.notify_waiters();
    }

    /// Waits until there is something to write.
    pub async fn arrive(&self) {
        self.arrived.notified().await;
    }

    /// Everything that waits.
    pub fn take(&self) -> Vec<Taken> {
        let of = {
            let mut waiting = self.lock();
            waiting.count = 0;
            std::mem::take(&mut waiting.of)
        };
        self.taken.notify_waiters();
        of.into_values().flatten().collect()
    }

    /// Notes that a token is handed out. One that cannot be noted must not be.
    pub async fn note(&self, app: &App, handed: &Handed<'_>) -> Result<(), Error> {
        let now = app.clock.now();
        let mut noted = self.try_note(handed, now);
        while noted == Noted::NoRoom {
            let mut taken = std::pin::pin!(self.taken.notified());
            taken.as_mut().enable();
            noted = self.try_note(handed, now);
            if noted == Noted::NoRoom {
                taken.await;
            }
        }
        match noted {
            Noted::NoWriter => write(app, &[Taken::first(handed, now)]).await,
            Noted::Yes | Noted::NoRoom => Ok(()),
        }
    }

    fn try_note(&self, handed: &Handed<'_>, now: Timestamp) -> Noted {
        let mut waiting = self.lock();
        if !waiting.has_writer {
            return Noted::NoWriter;
        }
        if waiting.count >= ROOM {
            return Noted::NoRoom;
        }
        waiting.count += 1;
        let of = waiting.of.entry(handed.connection).or_default();
        match of.iter_mut().rev().take(TAKERS).find(|taken| taken.takes(handed)) {
            Some(taken) => taken.again(handed.request, now),
            None => of.push(Taken::first(handed, now)),
        }
        if waiting.count == 1 {
            self.arrived.notify_one();
        }
        Noted::Yes
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Yes,
    NoRoom,
    NoWriter,
}

impl Taken {
    fn first(handed: &Handed<'_>, now: Timestamp) -> Self {
        Self {
            organization: handed.organization,
            connection: handed.connection,
            caller: handed.caller.to_owned(),
            client: handed.client.map(str::to_owned),
            purpose: handed.purpose.map(str::to_owned),
            first_at: now,
            last_at: now,
            times: 1,
            requests: handed.request.to_owned(),
        }
    }

    /// Whether this row has room for what is handed out: the same taker, for the same purpose.
    fn takes(&self, handed: &Handed<'_>) -> bool {
        self.caller == handed.caller
            && self.client.as_deref() == handed.client
            && self.purpose.as_deref() == handed.purpose
            && self.times < IN_ONE_ROW
    }

    fn again(&mut self, request: &str, now: Timestamp) {
        self.last_at = now;
        self.times += 1;
        self.requests.push(' ');
        self.requests.push_str(request);
    }

    fn entry(&self) -> Entry {
        let mut detail = serde_json::json!({ "purpose": self.purpose });
        if let Some(client) = &self.client {
            detail["client"] = client.as_str().into();
        }
        if self.times > 1 {
            detail["times"] = self.times.into();
            detail["until"] = self.last_at.0.into();
            detail["requests"] = self.requests.split(' ').collect();
        }
        Entry {
            organization: Some(self.organization),
            actor: self.caller.clone(),
            action: "connection.token_read".to_owned(),
            target: format!("connection:{}", self.connection),
            detail: detail.to_string(),
            request: self.requests.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

/// Writes rows down, in one commit.
pub async fn write(app: &App, rows: &[Taken]) -> Result<(), Error> {
    let reads = rows.iter().map(|row| (app.id(), row.first_at, row.entry())).collect();
    app.store.record_token_reads(reads).await
}

#[cfg(test)]
mod tests {
    use keyhaven_protocol::id::Id;

    use super::*;

    const TENANT: OrganizationId = OrganizationId(Id::v7(1, [1; 10]));

    fn handed<'a>(connection: u64, caller: &'a str, request: &'a str) -> Handed<'a> {
        let connection = ConnectionId(Id::v7(connection, [2; 10]));
        let (client, purpose) = (None, Some("sync"));
        Handed { organization: TENANT, connection, caller, client, purpose, request }
    }

    fn noting(handed: &[Handed<'_>]) -> Vec<Taken> {
        let reads = Reads::default();
        assert!(reads.begin_writing());
        for (at, handed) in (5..).zip(handed) {
            assert_eq!(reads.try_note(handed, Timestamp(at)), Noted::Yes);
        }
        reads.take()
    }

    #[test]
    fn a_read_alone_is_a_row_as_it_is() {
        let rows = noting(&[handed(1, "user:ada", "r1")]);
        let entry = rows[0].entry();
        assert_eq!((rows.len(), entry.detail.as_str()), (1, r#"{"purpose":"sync"}"#));
        assert_eq!((entry.actor.as_str(), entry.request.as_str()), ("user:ada", "r1"));
    }

    #[test]
    fn reads_of_one_taker_are_one_row_that_names_each_request() {
        let rows = noting(&[handed(1, "user:ada", "r1"), handed(1, "user:ada", "r2")]);
        let entry = rows[0].entry();
        let detail = r#"{"purpose":"sync","requests":["r1","r2"],"times":2,"until":6}"#;
        assert_eq!((rows.len(), entry.detail.as_str()), (1, detail));
        assert_eq!((rows[0].first_at, entry.request.as_str()), (Timestamp(5), "r1"));
    }

    #[test]
    fn another_caller_connection_or_purpose_is_another_row() {
        let other = Handed { purpose: None, ..handed(1, "user:ada", "r4") };
        let acting = Handed { client: Some("kh_client_1"), ..handed(1, "user:ada", "r5") };
        let first = handed(1, "user:ada", "r1");
        let rows = noting(&[
            first,
            handed(2, "user:ada", "r2"),
            handed(1, "user:eve", "r3"),
            other,
            acting,
        ]);
        assert_eq!(rows.len(), 5, "{rows:?}");
    }

    #[test]
    fn no_row_grows_without_bound_and_no_read_is_left_out() {
        let rows = noting(&vec![handed(1, "user:ada", "r"); IN_ONE_ROW * 2 + 1]);
        let sizes: Vec<usize> = rows.iter().map(|row| row.times).collect();
        assert_eq!(sizes, [IN_ONE_ROW, IN_ONE_ROW, 1]);
    }

    #[test]
    fn who_finds_no_room_or_no_writer_is_told() {
        let reads = Reads::default();
        let one = handed(1, "user:ada", "r");
        assert_eq!(reads.try_note(&one, Timestamp(1)), Noted::NoWriter);
        assert!(reads.begin_writing() && !reads.begin_writing(), "one writes");
        for _ in 0..ROOM {
            assert_eq!(reads.try_note(&one, Timestamp(1)), Noted::Yes);
        }
        assert_eq!(reads.try_note(&one, Timestamp(1)), Noted::NoRoom);
        assert_eq!(reads.take().iter().map(|row| row.times).sum::<usize>(), ROOM);
        assert_eq!(reads.try_note(&one, Timestamp(1)), Noted::Yes);
        reads.end_writing();
        assert_eq!(reads.try_note(&one, Timestamp(1)), Noted::NoWriter);
        assert_eq!(reads.take().len(), 1, "what waits is still there");
    }
}
