//! Keys as their owners and administrators see them. Keys that have ended are not listed.

use keyhaven_protocol::api_key::Terms;
use keyhaven_protocol::id::{AppId, GrantId, GroupId, KeyId, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::time::Timestamp;

use super::rows::{TERMS, terms};
use super::statements as sql;
use crate::engine::Row;
use crate::{Error, Listed, Page, Reach, Store, values};

/// A key as lists show it.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// What it says.
    pub terms: Terms,
    /// The name its owner gave it.
    pub label: String,
    /// How its text begins.
    pub prefix: String,
    /// How its text ends.
    pub last_four: String,
    /// The tenant.
    pub organization: Option<OrganizationId>,
    /// The person it belongs to.
    pub owner: Option<UserId>,
    /// The project it works for.
    pub project: Option<ProjectId>,
    /// The group it works for.
    pub group: Option<GroupId>,
    /// The app it was handed to.
    pub app: Option<AppId>,
    /// That app's identity.
    pub app_origin: Option<String>,
    /// The key or grant it was made under.
    pub parent: Option<GrantId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, as far as written down.
    pub last_used_at: Option<Timestamp>,
    /// When the text before the last rotation stops counting.
    pub previous_ends_at: Option<Timestamp>,
    /// Raised by every change.
    pub revision: i64,
}

/// Whose keys to list.
#[derive(Clone, Copy, Debug)]
pub enum KeysOf {
    /// Everybody's within reach.
    Reach(Reach),
    /// One person's, wherever.
    Owner(UserId),
    /// One person's within reach; those an app holds, when one is named.
    Held(Reach, UserId, Option<AppId>),
    /// Those made from this one.
    Parent(KeyId),
}

impl Store {
    /// The key `id`, if within reach and not ended.
    pub async fn find_key(&self, reach: Reach, id: KeyId) -> Result<Option<KeyRecord>, Error> {
        let rows = self.engine.read(&sql::FIND, values![reach, id.0]).await?;
        rows.into_iter().next().map(record).transpose()
    }

    /// The key `id` of this person, if not ended.
    pub async fn find_own_key(&self, owner: UserId, id: KeyId) -> Result<Option<KeyRecord>, Error> {
        let rows = self.engine.read(&sql::FIND_OF_OWNER, values![owner.0, id.0]).await?;
        rows.into_iter().next().map(record).transpose()
    }

    /// Keys, newest first.
    pub async fn list_keys(&self, whose: KeysOf, page: Page) -> Result<Listed<KeyRecord>, Error> {
        let (below, fetch) = (page.below(), page.fetch());
        let rows = match whose {
            KeysOf::Reach(Reach::Instance) => {
                self.engine.read(&sql::LIST, values![below, fetch]).await?
            }
            KeysOf::Reach(Reach::Organization(own)) => {
                self.engine.read(&sql::LIST_IN_ORGANIZATION, values![own.0, below, fetch]).await?
            }
            KeysOf::Owner(owner) => {
                self.engine.read(&sql::LIST_OF_OWNER, values![owner.0, below, fetch]).await?
            }
            KeysOf::Held(reach, owner, app) => {
                let values = values![owner.0, reach, app.map(|app| app.0), below, fetch];
                self.engine.read(&sql::LIST_HELD, values).await?
            }
            KeysOf::Parent(key) => {
                self.engine.read(&sql::LIST_BELOW, values![key.0, below, fetch]).await?
            }
        };
        page.of(rows, record, |key| key.terms.id.0)
    }
}

fn record(mut row: Row) -> Result<KeyRecord, Error> {
    Ok(KeyRecord {
        terms: terms(&mut row, 0)?,
        label: row.text(TERMS)?,
        prefix: row.text(TERMS + 1)?,
        last_four: row.text(TERMS + 2)?,
        organization: row.maybe_id(TERMS + 3)?.map(OrganizationId),
        owner: row.maybe_id(TERMS + 4)?.map(UserId),
        project: row.maybe_id(TERMS + 5)?.map(ProjectId),
        group: row.maybe_id(TERMS + 6)?.map(GroupId),
        app: row.maybe_id(TERMS + 7)?.map(AppId),
        created_at: row.time(TERMS + 8)?,
        last_used_at: row.maybe_time(TERMS + 9)?,
        previous_ends_at: row.maybe_time(TERMS + 10)?,
        revision: row.int(TERMS + 11)?,
        parent: row.maybe_id(TERMS + 12)?.map(GrantId),
        app_origin: row.maybe_text(TERMS + 13)?,
    })
}
