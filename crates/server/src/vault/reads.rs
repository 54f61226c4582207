//! Every token handed out is an audit row: who, which connection, what for. They are written many at
//! a time by a job, because a token call must not wait for a disk; when more come than the disk
//! takes, callers wait and none is dropped. Where no job runs, each is written at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use keyhaven_protocol::id::{ConnectionId, Id, OrganizationId};
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::Error;
use keyhaven_store::audit::Entry;
use tokio::sync::mpsc;

use crate::app::App;

const ROOM: usize = 8_192;

/// A token read before it is written down.
pub type Read = (Id, Timestamp, Entry);

/// Takes token reads in.
pub struct Reads {
    sender: mpsc::Sender<Read>,
    receiver: Mutex<Option<mpsc::Receiver<Read>>>,
    has_writer: AtomicBool,
}

/// A token that is handed out.
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

impl Default for Reads {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(ROOM);
        Self { sender, receiver: Mutex::new(Some(receiver)), has_writer: AtomicBool::new(false) }
    }
}

impl Reads {
    /// The end from which one job writes. `None` when another has it.
    pub fn take_writer(&self) -> Option<mpsc::Receiver<Read>> {
        let taken = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        if taken.is_some() {
            self.has_writer.store(true, Ordering::Relaxed);
        }
        taken
    }

    /// Notes that a token is handed out. One that cannot be noted must not be.
    pub async fn note(&self, app: &App, handed: &Handed<'_>) -> Result<(), Error> {
        let mut detail = serde_json::json!({ "purpose": handed.purpose });
        if let Some(client) = handed.client {
            detail["client"] = client.into();
        }
        let entry = Entry {
            organization: Some(handed.organization),
            actor: handed.caller.to_owned(),
            action: "connection.token_read".to_owned(),
            target: format!("connection:{}", handed.connection),
            detail: detail.to_string(),
            request: handed.request.to_owned(),
        };
        let read = (app.id(), app.clock.now(), entry);
        if !self.has_writer.load(Ordering::Relaxed) {
            return app.store.record_token_reads(vec![read]).await;
        }
        match self.sender.send(read).await {
            Ok(()) => Ok(()),
            // The job has ended: this node stops.
            Err(unsent) => app.store.record_token_reads(vec![unsent.0]).await,
        }
    }
}
