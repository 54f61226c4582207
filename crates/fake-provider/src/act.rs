//! What may go wrong, one thing at a time.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Semaphore;

/// Where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/authorize`
    Authorize,
    /// `/token`
    Token,
    /// `/revoke`
    Revoke,
    /// `/userinfo`
    Userinfo,
    /// `/api/…`
    Api,
}

/// What one request meets.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Closes the connection without acting.
    HangUp,
    /// Acts, then closes the connection without a reply.
    ActAndHangUp,
    /// Acts, then breaks off in the middle of the reply.
    ActAndBreakOff,
    /// Acts, then says this status with a page, as a gateway does.
    ActAndStatus(u16),
    /// Acts, then says the reply one byte at a time and never finishes.
    ActAndDrip,
    /// Acts, then says the reply as a form.
    ActAndForm,
    /// Acts, then says a reply whose values have wrong types.
    ActAndWrongTypes,
    /// Acts, then says the reply without its refresh token.
    ActAndNoRefreshToken,
    /// Does not act and says this status with a page of HTML.
    Html(u16),
    /// Does not act and says this status with `Retry-After` in seconds and an empty body.
    RetryAfter(u16, u32),
    /// Does not act and refuses with this status, code and description.
    Refuse(u16, String, String),
    /// Does not act and says nothing, politely: an empty body of this status.
    Empty(u16),
    /// Does not act and says with this status to go to another place.
    Redirect(u16, String),
    /// Does not act and says a body of this many bytes.
    Huge(usize),
    /// Does not act and says a body that does not end.
    Endless,
    /// Says the wrong issuer in the redirect back.
    WrongIssuer,
    /// Acts as usual after this many milliseconds.
    Delay(u64),
    /// Acts as usual once the gate opens.
    #[serde(skip)]
    WaitFor(Gate),
}

impl Act {
    /// Waits as usual after `span`.
    #[must_use]
    pub fn delay(span: Duration) -> Self {
        Self::Delay(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Holds requests until a test lets them go.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets everyone through who waits, and everyone who comes.
    pub fn open(&self) {
        self.0.close();
    }

    pub(crate) async fn pass(&self) {
        // A closed semaphore is an open gate.
        let _ = self.0.acquire().await;
    }
}
