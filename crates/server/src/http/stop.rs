//! The wish to stop, from the signal to every connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::watch;

/// Asks every listener and connection to finish. Clones ask the same ones.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Asks. Asking again changes nothing.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when somebody asks.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut seen = self.0.subscribe();
        async move {
            // An error means that no Stop is left, so nobody will ask for anything else either.
            let _ = seen.wait_for(|asked| *asked).await;
        }
    }

    pub(super) fn seen(&self) -> StopSeen {
        StopSeen { changed: self.0.subscribe(), asked: Box::pin(self.asked()), state: State::New }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

/// One connection's view: costs one atomic read a poll until the wish comes.
pub(super) struct StopSeen {
    changed: watch::Receiver<bool>,
    asked: Pin<Box<dyn Future<Output = ()> + Send>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Waiting,
    Told,
}

impl StopSeen {
    /// True at the first poll after the wish, once.
    pub(super) fn poll_first(&mut self, cx: &mut Context<'_>) -> bool {
        let look = match self.state {
            State::New => true,
            State::Waiting => self.changed.has_changed().unwrap_or(true),
            State::Told => false,
        };
        if !look {
            return false;
        }
        let asked = self.asked.as_mut().poll(cx) == Poll::Ready(());
        self.state = if asked { State::Told } else { State::Waiting };
        asked
    }
}
