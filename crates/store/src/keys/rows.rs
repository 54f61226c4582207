//! What the rows of a key mean: the key first, the keys above it after.

use keyhaven_protocol::allow_list::AllowList;
use keyhaven_protocol::api_key::{ApiKey, Backing, Secrets, Terms};
use keyhaven_protocol::id::{AppId, GroupId, KeyId, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::rate_limit;
use keyhaven_protocol::scope::Scopes;

use crate::Error;
use crate::engine::Row;

/// Columns that say what a key says itself, from `at` on: id, scopes, origins, networks,
/// `rate_limits`, depth, `expires_at`, `disabled_at`.
pub(super) fn terms(row: &mut Row, at: usize) -> Result<Terms, Error> {
    let (origins, networks) = (row.text(at + 2)?, row.text(at + 3)?);
    let allowed =
        AllowList::parse(origins.split_ascii_whitespace(), networks.split_ascii_whitespace());
    Ok(Terms {
        id: KeyId(row.id(at)?),
        scopes: Scopes::parse(&row.text(at + 1)?).map_err(Error::broken)?,
        allowed: allowed.map_err(Error::broken)?,
        rate_limits: rate_limit::parse_list(&row.text(at + 4)?).map_err(Error::broken)?,
        depth: u8::try_from(row.int(at + 5)?).map_err(|_| Error::broken("keys.depth"))?,
        expires_at: row.maybe_time(at + 6)?,
        disabled_at: row.maybe_time(at + 7)?,
    })
}

/// How many columns [`terms`] reads.
pub(super) const TERMS: usize = 8;

/// The facts of a key from `keys.find_facts`.
pub(super) fn api_key(rows: Vec<Row>) -> Result<Option<ApiKey>, Error> {
    let mut rows = rows.into_iter();
    let Some(mut row) = rows.next() else { return Ok(None) };
    let own = terms(&mut row, 0)?;
    let above = rows.map(|mut row| terms(&mut row, 0)).collect::<Result<Vec<_>, _>>()?;
    let previous = match (row.maybe_digest(TERMS + 2)?, row.maybe_time(TERMS + 3)?) {
        (Some(digest), Some(ends_at)) => Some((digest, ends_at)),
        _ => None,
    };
    Ok(Some(ApiKey {
        label: row.text(TERMS)?,
        secrets: Secrets { current: row.digest(TERMS + 1)?, previous },
        created_at: row.time(TERMS + 4)?,
        organization: row.maybe_id(TERMS + 5)?.map(OrganizationId),
        owner: row.maybe_id(TERMS + 6)?.map(UserId),
        project: row.maybe_id(TERMS + 7)?.map(ProjectId),
        group: row.maybe_id(TERMS + 8)?.map(GroupId),
        app: row.maybe_id(TERMS + 9)?.map(AppId),
        backing: backing(&row, TERMS + 10)?,
        own,
        above,
    }))
}

/// Columns: when a grant of the line was revoked, organization's id and end, owner's id and end,
/// membership, when the app was blocked, and how many of project and group are gone.
fn backing(row: &Row, at: usize) -> Result<Backing, Error> {
    let (organization, owner) = (row.maybe_id(TERMS + 5)?, row.maybe_id(TERMS + 6)?);
    if row.maybe_time(at)?.is_some() {
        return Ok(Backing::Revoked);
    }
    let gone = row.maybe_id(at + 1)?.is_none() || row.maybe_time(at + 2)?.is_some();
    if organization.is_some() && gone || row.int(at + 7)? > 0 {
        return Ok(Backing::OrganizationDisabled);
    }
    let gone = row.maybe_id(at + 3)?.is_none() || row.maybe_time(at + 4)?.is_some();
    if owner.is_some() && gone {
        return Ok(Backing::OwnerDisabled);
    }
    if owner.is_some() && organization.is_some() && row.maybe_id(at + 5)?.is_none() {
        return Ok(Backing::OwnerLeft);
    }
    Ok(if row.maybe_time(at + 6)?.is_some() { Backing::AppBlocked } else { Backing::Firm })
}
