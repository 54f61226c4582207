//! The groups a client is tied to, as its tokens show them.

use keyhaven_protocol::id::{ClientId, GroupId, OrganizationId};

use crate::engine::Statement;
use crate::groups::Group;
use crate::{Error, Store, values};

impl Store {
    /// The groups of a client, oldest first.
    pub async fn list_groups_of_client(&self, client: ClientId) -> Result<Vec<Group>, Error> {
        let rows = self.engine.read(&LIST, values![client.0]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(Group {
                    id: GroupId(row.id(0)?),
                    organization: OrganizationId(row.id(1)?),
                    name: row.text(2)?,
                    bio: row.maybe_text(3)?,
                    created_at: row.time(4)?,
                })
            })
            .collect()
    }
}

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] = &[&LIST];

static LIST: Statement = Statement::new(
    "client_groups.list",
    "SELECT g.id, g.organization, g.name, g.bio, g.created_at FROM client_groups c \
     JOIN groups g ON g.id = c.group_id WHERE c.client = $1 ORDER BY g.id",
);
