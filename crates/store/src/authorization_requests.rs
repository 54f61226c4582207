//! Authorization requests under way: pushed by a client (RFC 9126) or waiting for a person. Found by
//! a handle, bound to one browser, deleted by their one outcome (CVE-2022-39222).

use keyhaven_protocol::authorize::{Before, Channel};
use keyhaven_protocol::credential::Presented;
use keyhaven_protocol::id::{ClientId, GrantId, Id, UserId};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Commit, Row, Statement, Step};
use crate::{Error, Store, values};

/// How long a pushed request waits for its browser (security bar §1).
pub const PUSHED_LIFE: Seconds = Seconds(90);

/// How long a person may take to sign in and decide.
pub const OPEN_LIFE: Seconds = Seconds(1_800);

/// How a waiting request is told apart: by id and the digest of its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The id inside the handle.
    pub id: Id,
    /// The digest of its text.
    pub hash: Digest,
}

impl From<&Presented> for Handle {
    fn from(presented: &Presented) -> Self {
        Self { id: presented.id, hash: presented.digest }
    }
}

/// A request that waits.
#[derive(Clone, Debug)]
pub struct WaitingRequest {
    /// How it is found.
    pub handle: Handle,
    /// Who asks.
    pub client: ClientId,
    /// How it reached us.
    pub channel: Channel,
    /// The browser it belongs to; none for a pushed request that no browser has opened.
    pub browser: Option<Digest>,
    /// Its parameters as a form.
    pub form: String,
    /// How things stood when it came in.
    pub before: Before,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// Keeps a request.
    pub async fn keep_request(&self, new: &WaitingRequest) -> Result<(), Error> {
        let (session, member) = new.before.login.map(|(session, user)| (session.0, user.0)).unzip();
        let values = values![
            new.handle.id,
            new.handle.hash,
            new.client.0,
            channel_word(new.channel),
            new.browser,
            new.form.as_str(),
            new.before.received_at,
            session,
            member,
            new.expires_at,
        ];
        self.engine.commit(vec![Step::one(&KEEP, values)]).await?;
        Ok(())
    }

    /// The request of this handle while it lives, whoever's browser it is.
    pub async fn find_request(
        &self,
        handle: Handle,
        now: Timestamp,
    ) -> Result<Option<WaitingRequest>, Error> {
        let rows = self.engine.read(&FIND, values![handle.id, now]).await?;
        let found = rows.into_iter().next().map(|row| waiting(handle.id, row)).transpose()?;
        Ok(found.filter(|found| found.handle.hash == handle.hash))
    }

    /// Binds a pushed request to the browser that opened it. `false` when another one was first.
    pub async fn open_request(
        &self,
        handle: Handle,
        browser: Digest,
        before: Before,
    ) -> Result<bool, Error> {
        let (session, member) = before.login.map(|(session, user)| (session.0, user.0)).unzip();
        let now = before.received_at;
        let values =
            values![handle.id, handle.hash, browser, now, session, member, now.plus(OPEN_LIFE)];
        let commit = self.engine.commit(vec![Step::one(&OPEN, values)]).await?;
        Ok(matches!(commit, Commit::Done(_)))
    }

    /// Ends a request without a code. `false` when it had its outcome before.
    pub async fn close_request(&self, handle: &Handle, now: Timestamp) -> Result<bool, Error> {
        let commit = self.engine.commit(vec![close(handle, now)]).await?;
        Ok(matches!(commit, Commit::Done(_)))
    }
}

/// The step that is a request's one outcome.
pub(crate) fn close(handle: &Handle, now: Timestamp) -> Step {
    Step::one(&CLOSE, values![handle.id, handle.hash, now])
}

const fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Front => "front",
        Channel::Pushed => "pushed",
    }
}

fn waiting(id: Id, mut row: Row) -> Result<WaitingRequest, Error> {
    let channel = match row.text(2)?.as_str() {
        "front" => Channel::Front,
        "pushed" => Channel::Pushed,
        _ => return Err(Error::broken("authorization_requests.channel is unknown")),
    };
    let login = row.maybe_id(6)?.map(GrantId).zip(row.maybe_id(7)?.map(UserId));
    Ok(WaitingRequest {
        handle: Handle { id, hash: row.digest(0)? },
        client: ClientId(row.id(1)?),
        channel,
        browser: row.maybe_digest(3)?,
        form: row.text(4)?,
        before: Before { received_at: row.time(5)?, login },
        expires_at: row.time(8)?,
    })
}

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&KEEP, &FIND, &OPEN, &CLOSE];

static KEEP: Statement = Statement::append(
    "authorization_requests.keep",
    "INSERT INTO authorization_requests (id, hash, client, channel, browser, form, received_at, session, member, \
     expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);

static FIND: Statement = Statement::new(
    "authorization_requests.find",
    "SELECT hash, client, channel, browser, form, received_at, session, member, expires_at \
     FROM authorization_requests WHERE id = $1 AND expires_at > $2",
);

static OPEN: Statement = Statement::new(
    "authorization_requests.open",
    "UPDATE authorization_requests SET browser = $3, received_at = $4, session = $5, member = $6, expires_at = $7 \
     WHERE id = $1 AND hash = $2 AND browser IS NULL AND expires_at > $4",
);

static CLOSE: Statement = Statement::new(
    "authorization_requests.close",
    "DELETE FROM authorization_requests WHERE id = $1 AND hash = $2 AND expires_at > $3",
);
