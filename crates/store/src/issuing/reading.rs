//! Reading back what was issued: a refresh family with what its person agreed to, an opaque token.

use keyhaven_protocol::client::TokenFormat;
use keyhaven_protocol::grants::{Family, Lineage, Rule};
use keyhaven_protocol::id::{ClientId, GrantId, TokenId};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::token::AccessToken;

use crate::authorizations::{self, authorization_columns};
use crate::engine::{Row, Statement};
use crate::{Error, Store, values};

impl Store {
    /// The family a refresh token names, with the earliest revocation of it or any ancestor.
    pub async fn find_family(&self, id: TokenId) -> Result<Option<Family>, Error> {
        let rows = self.engine.read(&FIND_FAMILY, values![id.0]).await?;
        rows.into_iter().next().map(|row| family(id, row)).transpose()
    }

    /// The access token an opaque credential names, if its digest fits.
    pub async fn find_access_token(
        &self,
        id: TokenId,
        hash: Digest,
    ) -> Result<Option<AccessToken>, Error> {
        let rows = self.engine.read(&FIND_ACCESS_TOKEN, values![id.0]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        if row.digest(0)? != hash {
            return Ok(None);
        }
        let client = ClientId(row.id(2)?);
        Ok(Some(AccessToken {
            id,
            grant: row.maybe_id(1)?.map(GrantId),
            client,
            subject: row.maybe_text(7)?.unwrap_or_else(|| client.to_string()),
            user: None,
            jkt: row.maybe_text(8)?,
            scopes: scopes(&row.text(3)?)?,
            audience: row.text(4)?,
            issued_at: row.time(5)?,
            expires_at: row.time(6)?,
            format: TokenFormat::Opaque,
        }))
    }
}

fn family(id: TokenId, mut row: Row) -> Result<Family, Error> {
    let rule = row.text(3)?;
    let lineage = row.bytes(4)?;
    let authorization = match row.maybe_id(13)? {
        None => None,
        Some(_) => Some(Box::new(authorizations::authorization(id, &mut row, 14)?)),
    };
    Ok(Family {
        id,
        client: ClientId(row.id(0)?),
        scopes: scopes(&row.text(1)?)?,
        audience: row.text(2)?,
        rule: Rule::parse(&rule)
            .ok_or_else(|| Error::broken("refresh_families.rule is unknown"))?,
        lineage: Lineage(
            lineage
                .try_into()
                .map_err(|_| Error::broken("refresh_families.lineage is not 32 bytes"))?,
        ),
        head: row.digest(5)?,
        previous: row.maybe_digest(6)?,
        rotated_at: row.maybe_time(7)?,
        successor: row.maybe_bytes(8)?,
        idle_ends_at: row.time(9)?,
        ends_at: row.time(10)?,
        revoked_at: row.maybe_time(11)?,
        issued_at: row.time(12)?,
        authorization,
    })
}

fn scopes(text: &str) -> Result<Scopes, Error> {
    Scopes::parse(text).map_err(Error::broken)
}

pub(super) static FIND_FAMILY: Statement = Statement::new(
    "issuing.find_family",
    concat!(
        "WITH RECURSIVE up (id, parent, revoked_at, depth) AS ( \
           SELECT id, parent, revoked_at, 0 FROM grants WHERE id = $1 \
           UNION ALL \
           SELECT g.id, g.parent, g.revoked_at, up.depth + 1 FROM grants g JOIN up ON g.id = up.parent \
           WHERE up.depth < 16) \
         SELECT g.client, g.scopes, g.audience, f.rule, f.lineage, f.hash, f.previous_hash, f.rotated_at, \
           f.successor, f.idle_ends_at, g.expires_at, (SELECT MIN(revoked_at) FROM up), g.created_at, a.id, ",
        authorization_columns!(jkt: "f.jkt", ends: "a.code_ends_at", session_ended: "NULL", spent: "NULL"),
        " FROM refresh_families f JOIN grants g ON g.id = f.id LEFT JOIN authorizations a ON a.id = f.id \
         LEFT JOIN users u ON u.id = a.owner \
         WHERE f.id = $1"
    ),
);

pub(super) static FIND_ACCESS_TOKEN: Statement = Statement::new(
    "issuing.find_access_token",
    "SELECT hash, grant_id, client, scopes, audience, issued_at, expires_at, subject, jkt \
     FROM access_tokens WHERE id = $1",
);
