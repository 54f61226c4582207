//! Telling clients that a session ended (OpenID Connect Back-Channel Logout §2.5): noted in the
//! commit that ends it, delivered by a job with few tries, forgotten after a while.

use keyhaven_protocol::id::{ClientId, GrantId, Id, UserId};
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Commit, Row, Statement, Step};
use crate::{Error, Store, values};

/// How long delivery is tried.
pub const TRIED_FOR: Seconds = Seconds(3_600);

/// A notice to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    /// Its id.
    pub id: Id,
    /// Who hears it.
    pub client: ClientId,
    /// Which session ended.
    pub session: GrantId,
    /// Whose it was.
    pub user: UserId,
    /// How often it was tried.
    pub tries: i64,
}

impl Store {
    /// Notes that `session` of `user` ended, for every client it signed into. Each client is told
    /// once, however often this is asked. Returns how many will hear.
    pub async fn note_logout(
        &self,
        session: GrantId,
        user: UserId,
        now: Timestamp,
        mut id: impl FnMut() -> Id,
    ) -> Result<usize, Error> {
        let rows = self.engine.read(&LIST_CLIENTS, values![session.0]).await?;
        let mut noted = 0;
        for row in &rows {
            let client = row.id(0)?;
            let steps = vec![
                Step::one(&LEAVE, values![session.0, client]),
                Step::one(
                    &NOTE,
                    values![id(), client, session.0, user.0, now, now.plus(TRIED_FOR)],
                ),
            ];
            noted += usize::from(matches!(self.engine.commit(steps).await?, Commit::Done(_)));
        }
        Ok(noted)
    }

    /// Notices whose time has come, at most `most`, each put off until `again` so that another node
    /// does not take it as well.
    pub async fn take_logout_notices(
        &self,
        now: Timestamp,
        again: Timestamp,
        most: i64,
    ) -> Result<Vec<LogoutNotice>, Error> {
        let mut taken = Vec::new();
        for row in self.engine.read(&LIST_DUE, values![now, most]).await? {
            let notice = notice(&row)?;
            let step = Step::one(&TAKE, values![notice.id, notice.tries, again]);
            if matches!(self.engine.commit(vec![step]).await?, Commit::Done(_)) {
                taken.push(LogoutNotice { tries: notice.tries + 1, ..notice });
            }
        }
        Ok(taken)
    }

    /// Forgets a notice: it was delivered, or nobody is there to hear it.
    pub async fn forget_logout_notice(&self, id: Id) -> Result<(), Error> {
        self.engine.commit(vec![Step::any(&FORGET, values![id])]).await?;
        Ok(())
    }

    /// Sessions that were ended after `since` and have clients to tell, at most `most`: sessions end in
    /// many ways, and every one of them is heard.
    pub async fn list_unheard_ends(
        &self,
        since: Timestamp,
        most: i64,
    ) -> Result<Vec<(GrantId, UserId)>, Error> {
        let rows = self.engine.read(&LIST_UNHEARD, values![since, most]).await?;
        rows.iter().map(|row| Ok((GrantId(row.id(0)?), UserId(row.id(1)?)))).collect()
    }
}

fn notice(row: &Row) -> Result<LogoutNotice, Error> {
    Ok(LogoutNotice {
        id: row.id(0)?,
        client: ClientId(row.id(1)?),
        session: GrantId(row.id(2)?),
        user: UserId(row.id(3)?),
        tries: row.int(4)?,
    })
}

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&LIST_CLIENTS, &LEAVE, &NOTE, &LIST_DUE, &TAKE, &FORGET, &LIST_UNHEARD];

static LIST_CLIENTS: Statement = Statement::new(
    "logout_notices.list_clients",
    "SELECT client FROM session_clients WHERE session = $1 ORDER BY client LIMIT 1000",
);

static LEAVE: Statement = Statement::new(
    "logout_notices.leave",
    "DELETE FROM session_clients WHERE session = $1 AND client = $2",
);

static NOTE: Statement = Statement::new(
    "logout_notices.note",
    "INSERT INTO logout_notices (id, client, session, owner, tries, due_at, expires_at) \
     VALUES ($1, $2, $3, $4, 0, $5, $6)",
);

static LIST_DUE: Statement = Statement::new(
    "logout_notices.list_due",
    "SELECT id, client, session, owner, tries FROM logout_notices \
     WHERE due_at <= $1 AND expires_at > $1 ORDER BY due_at LIMIT $2",
);

static TAKE: Statement = Statement::new(
    "logout_notices.take",
    "UPDATE logout_notices SET tries = tries + 1, due_at = $3 WHERE id = $1 AND tries = $2",
);

static FORGET: Statement =
    Statement::new("logout_notices.forget", "DELETE FROM logout_notices WHERE id = $1");

static LIST_UNHEARD: Statement = Statement::new(
    "logout_notices.list_unheard",
    "SELECT DISTINCT g.id, g.owner FROM grants g JOIN session_clients s ON s.session = g.id \
     WHERE g.revoked_at > $1 AND g.owner IS NOT NULL ORDER BY g.id LIMIT $2",
);
