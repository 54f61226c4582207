//! The revocation graph as administrators see it: list grants, show one, revoke one.
//!
//! Revoking is one row: whatever hangs below a grant finds it dead when it looks upwards. How
//! grants come to be and are believed is in the token rooms.

use keyhaven_protocol::id::{ClientId, GrantId, OrganizationId, UserId};
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind, Receipt};
use crate::engine::{Row, Statement, Step};
use crate::{Act, Error, Listed, Outcome, Page, Reach, Store, values};

/// A grant as administrators see it.
#[derive(Clone, Debug)]
pub struct GrantRecord {
    /// Its id.
    pub id: GrantId,
    /// The grant or session it came from.
    pub parent: Option<GrantId>,
    /// What kind of authority it is.
    pub kind: String,
    /// The tenant.
    pub organization: Option<OrganizationId>,
    /// The user who gave it.
    pub owner: Option<UserId>,
    /// The client that holds it.
    pub client: Option<ClientId>,
    /// What it allows, as a scope parameter.
    pub scopes: String,
    /// Where it is good.
    pub audience: Option<String>,
    /// When it was given.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Why.
    pub revoked_why: Option<String>,
}

/// Whose grants to list.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// Everybody's within reach.
    Everyone,
    /// One client's.
    Client(ClientId),
    /// One user's.
    User(UserId),
}

impl Store {
    /// Grants within reach, newest first, revoked and expired ones included until the purge.
    pub async fn list_grants(
        &self,
        reach: Reach,
        whose: Whose,
        page: Page,
    ) -> Result<Listed<GrantRecord>, Error> {
        let (below, fetch) = (page.below(), page.fetch());
        let rows = match (whose, reach) {
            (Whose::Client(client), _) => {
                self.engine.read(&LIST_OF_CLIENT, values![reach, client.0, below, fetch]).await?
            }
            (Whose::User(user), _) => {
                self.engine.read(&LIST_OF_USER, values![reach, user.0, below, fetch]).await?
            }
            (Whose::Everyone, Reach::Organization(organization)) => {
                let values = values![organization.0, below, fetch];
                self.engine.read(&LIST_IN_ORGANIZATION, values).await?
            }
            (Whose::Everyone, Reach::Instance) => {
                self.engine.read(&LIST, values![below, fetch]).await?
            }
        };
        page.of(rows, grant, |grant| grant.id.0)
    }

    /// The grant `id`, if within reach.
    pub async fn find_grant_record(
        &self,
        reach: Reach,
        id: GrantId,
    ) -> Result<Option<GrantRecord>, Error> {
        let rows = self.engine.read(&FIND, values![id.0]).await?;
        let found = rows.into_iter().next().map(grant).transpose()?;
        Ok(found.filter(|grant| reach.includes(grant.organization)))
    }

    /// Revokes a grant and with it everything below. Doing so twice changes nothing: the receipt
    /// stays that of the first time. `None` when there is no such grant within reach.
    pub async fn revoke_grant_by_administrator(
        &self,
        reach: Reach,
        id: GrantId,
        mut act: Act,
    ) -> Result<Option<Receipt>, Error> {
        let Some(before) = self.find_grant_record(reach, id).await? else { return Ok(None) };
        if let Some(revoked_at) = before.revoked_at {
            return Ok(Some(self.receipt(revoked_at)));
        }
        let now = act.now;
        let values = values![reach, id.0, now, "revoked by an administrator"];
        let plan = Plan::default()
            .must(Step::one(&REVOKE, values), Outcome::Moved)
            .also(act.audit(before.organization, "grant.revoked", format!("grant:{id}"), "{}"))
            .also(act.publish(Change::of(Kind::Grant, id.0)));
        if self.carry_out(plan, act).await? == Outcome::Done {
            return Ok(Some(self.receipt(now)));
        }
        let after = self.find_grant_record(reach, id).await?;
        Ok(after.and_then(|grant| grant.revoked_at).map(|revoked_at| self.receipt(revoked_at)))
    }
}

fn grant(mut row: Row) -> Result<GrantRecord, Error> {
    Ok(GrantRecord {
        id: GrantId(row.id(0)?),
        parent: row.maybe_id(1)?.map(GrantId),
        kind: row.text(2)?,
        organization: row.maybe_id(3)?.map(OrganizationId),
        owner: row.maybe_id(4)?.map(UserId),
        client: row.maybe_id(5)?.map(ClientId),
        scopes: row.text(6)?,
        audience: row.maybe_text(7)?,
        created_at: row.time(8)?,
        expires_at: row.maybe_time(9)?,
        revoked_at: row.maybe_time(10)?,
        revoked_why: row.maybe_text(11)?,
    })
}

/// The ids of a person's grants, as a subquery. Those that came of codes have no index by owner: the
/// authorization of the same id has one.
macro_rules! ids_of_owner {
    ($owner:literal) => {
        concat!(
            "(SELECT o.id FROM grants o WHERE o.owner = ",
            $owner,
            " AND o.kind <> 'authorization' UNION ALL SELECT a.id FROM authorizations a WHERE a.owner = ",
            $owner,
            ")"
        )
    };
}
pub(crate) use ids_of_owner;

macro_rules! select {
    ($($rest:expr),+) => {
        concat!(
            "SELECT id, parent, kind, organization, owner, client, scopes, audience, created_at,
                    expires_at, revoked_at, revoked_why
               FROM grants ",
            $($rest),+
        )
    };
}

static FIND: Statement = Statement::new("revocations.find", select!("WHERE id = $1"));

static LIST: Statement =
    Statement::new("revocations.list", select!("WHERE id < $1 ORDER BY id DESC LIMIT $2"));

static LIST_IN_ORGANIZATION: Statement = Statement::new(
    "revocations.list_in_organization",
    select!("WHERE organization = $1 AND id < $2 ORDER BY id DESC LIMIT $3"),
);

static LIST_OF_CLIENT: Statement = Statement::new(
    "revocations.list_of_client",
    select!(
        "WHERE organization IS NOT DISTINCT FROM COALESCE($1, organization) AND client = $2
           AND id < $3 ORDER BY id DESC LIMIT $4"
    ),
);

static LIST_OF_USER: Statement = Statement::new(
    "revocations.list_of_user",
    select!(
        "WHERE organization IS NOT DISTINCT FROM COALESCE($1, organization) AND id IN ",
        ids_of_owner!("$2"),
        " AND id < $3 ORDER BY id DESC LIMIT $4"
    ),
);

static REVOKE: Statement = Statement::new(
    "revocations.revoke",
    "UPDATE grants SET revoked_at = $3, revoked_why = $4
      WHERE organization IS NOT DISTINCT FROM COALESCE($1, organization) AND id = $2
        AND revoked_at IS NULL",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&FIND, &LIST, &LIST_IN_ORGANIZATION, &LIST_OF_CLIENT, &LIST_OF_USER, &REVOKE];
