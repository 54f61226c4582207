//! Sessions as people and administrators see them: live ones only, newest first.

use keyhaven_protocol::id::{OrganizationId, ProjectId, SessionId, UserId};
use keyhaven_protocol::sign_in::Methods;
use keyhaven_protocol::time::{Seconds, Timestamp};

use super::statements;
use crate::engine::Row;
use crate::{Error, Listed, Page, Reach, Store, values};

/// A live session in a list.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// That person's address.
    pub email: String,
    /// Where it acts.
    pub organization: Option<OrganizationId>,
    /// In which project.
    pub project: Option<ProjectId>,
    /// The name its owner gave it; empty when none.
    pub name: String,
    /// What the browser or program calls itself.
    pub agent: String,
    /// Where it began.
    pub address: String,
    /// How the person proved who they are.
    pub methods: Methods,
    /// When they last did.
    pub authenticated_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, up to what is written behind.
    pub seen_at: Timestamp,
    /// Its end, if it is not used again.
    pub idle_ends_at: Timestamp,
    /// Its end in any case.
    pub ends_at: Timestamp,
    /// The session it was handed out from.
    pub parent: Option<SessionId>,
}

impl Store {
    /// Live sessions of `user`, or of everybody within reach. An administrator of one organization
    /// sees those that act in it.
    pub async fn list_sessions(
        &self,
        reach: Reach,
        user: Option<UserId>,
        page: Page,
        now: Timestamp,
    ) -> Result<Listed<SessionRecord>, Error> {
        let (below, fetch) = (page.below(), page.fetch());
        let rows = match (user, reach) {
            (Some(user), _) => {
                let values = values![now, user.0, reach, below, fetch];
                self.engine.read(&statements::LIST_OF_USER, values).await?
            }
            (None, Reach::Organization(organization)) => {
                let values = values![now, organization.0, below, fetch];
                self.engine.read(&statements::LIST_IN_ORGANIZATION, values).await?
            }
            (None, Reach::Instance) => {
                self.engine.read(&statements::LIST, values![now, below, fetch]).await?
            }
        };
        page.of(rows, record, |record| record.id.0)
    }

    /// The live session `id`, if within reach.
    pub async fn find_session_record(
        &self,
        reach: Reach,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, Error> {
        let rows = self.engine.read(&statements::FIND_RECORD, values![now, id.0]).await?;
        let found = rows.into_iter().next().map(record).transpose()?;
        Ok(found.filter(|record| reach.includes(record.organization)))
    }
}

fn record(mut row: Row) -> Result<SessionRecord, Error> {
    let (seen_at, idle) = (row.time(11)?, Seconds(row.int(12)?));
    Ok(SessionRecord {
        id: SessionId(row.id(0)?),
        user: UserId(row.id(1)?),
        email: row.text(2)?,
        organization: row.maybe_id(3)?.map(OrganizationId),
        project: row.maybe_id(4)?.map(ProjectId),
        name: row.text(5)?,
        agent: row.text(6)?,
        address: row.text(7)?,
        methods: Methods::parse(&row.text(8)?).map_err(Error::broken)?,
        authenticated_at: row.time(9)?,
        created_at: row.time(10)?,
        seen_at,
        idle_ends_at: seen_at.plus(idle),
        ends_at: row.time(13)?,
        parent: row.maybe_id(14)?.map(SessionId),
    })
}
