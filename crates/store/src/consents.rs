//! What people consented to: user × client × resource, with the scopes. Listed, and withdrawn with
//! everything that came of it.
//!
//! Withdrawing is two commits: the first ends the consent and every code not yet spent, after which
//! nothing new can begin; the second ends what had begun. A crash between them is finished by
//! withdrawing again, and the answer is given only after both.

use keyhaven_protocol::authorization::Authorization;
use keyhaven_protocol::id::{ClientId, GrantId, OrganizationId, UserId};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind, Receipt};
use crate::engine::{Row, Statement, Step};
use crate::revocations::ids_of_owner;
use crate::{Act, Error, Outcome, Store, values};

/// Grants ended in one commit when a consent is withdrawn.
const AT_ONCE: i64 = 200;

/// What a new code means for the memory of consents.
#[derive(Clone, Copy, Debug)]
pub enum Consent<'a> {
    /// The client needs none.
    Needless,
    /// It was given before and must still stand.
    Stands,
    /// It is given now: everything agreed to from now on.
    Given(&'a Scopes),
}

/// A consent as people and administrators see it.
#[derive(Clone, Debug)]
pub struct ConsentRecord {
    /// Who consented.
    pub user: UserId,
    /// To whom.
    pub client: ClientId,
    /// The client's name, while it is there.
    pub client_name: Option<String>,
    /// The tenant the client belongs to, if it belongs to one.
    pub organization: Option<OrganizationId>,
    /// For which resource; empty means the issuer.
    pub audience: String,
    /// To what.
    pub scopes: Scopes,
    /// When.
    pub given_at: Timestamp,
    /// When a code was last given under it.
    pub used_at: Timestamp,
}

impl Store {
    /// What `user` consented to for this client and resource; `None` if never.
    pub async fn find_consent(
        &self,
        user: UserId,
        client: ClientId,
        audience: &str,
    ) -> Result<Option<Scopes>, Error> {
        let rows = self.engine.read(&FIND, values![user.0, client.0, audience]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        Scopes::parse(&row.text(0)?).map(Some).map_err(Error::broken)
    }

    /// Everything `user` consented to, by client: at most a thousand.
    pub async fn list_consents(&self, user: UserId) -> Result<Vec<ConsentRecord>, Error> {
        let rows = self.engine.read(&LIST, values![user.0]).await?;
        rows.into_iter().map(|row| consent(user, row)).collect()
    }

    /// Withdraws what `user` gave to `client`, for every resource, and ends everything that came of
    /// it. `None` when there was nothing.
    pub async fn withdraw_consent(
        &self,
        user: UserId,
        client: ClientId,
        mut act: Act,
    ) -> Result<Option<Receipt>, Error> {
        let now = act.now;
        let pair = || values![user.0, client.0];
        let had = !self.engine.read(&FIND_ANY, pair()).await?.is_empty();
        let part = act.part();
        if had {
            let target = format!("client:{client}");
            let plan = Plan::default()
                .also(Step::any(&WITHDRAW, pair()))
                .also(Step::any(&END_CODES, values![user.0, client.0, now]))
                .also(act.audit(None, "consent.withdrawn", target, detail(user)));
            self.carry_out(plan, act).await?;
        }
        let ended = self.end_grants(user, client, part).await?;
        Ok((had || ended > 0).then(|| self.receipt(now)))
    }

    /// Ends every grant that `user` gave to `client`, in bounded commits.
    async fn end_grants(
        &self,
        user: UserId,
        client: ClientId,
        mut act: Act,
    ) -> Result<usize, Error> {
        let mut ended = 0;
        loop {
            let rows = self.engine.read(&LIST_GRANTS, values![user.0, client.0, AT_ONCE]).await?;
            if rows.is_empty() {
                return Ok(ended);
            }
            ended += rows.len();
            let mut part = act.part();
            let mut plan = Plan::default();
            for row in &rows {
                let grant = GrantId(row.id(0)?);
                plan = plan
                    .also(Step::any(&END_GRANT, values![user.0, grant.0, part.now]))
                    .also(part.publish(Change::of(Kind::Grant, grant.0)));
            }
            if self.carry_out(plan, part).await? != Outcome::Done {
                return Err(Error::busy("the grants of a withdrawn consent moved"));
            }
        }
    }
}

/// The steps by which a code answers for its consent.
pub(crate) fn plan(
    plan: Plan,
    authorization: &Authorization,
    consent: &Consent<'_>,
    act: &mut Act,
) -> Plan {
    let (user, client) = (authorization.user, authorization.client);
    let audience = authorization.audience.as_str();
    match consent {
        Consent::Needless => plan,
        Consent::Stands => {
            let values = values![user.0, client.0, audience, act.now];
            plan.must(Step::one(&USE, values), Outcome::Moved)
        }
        Consent::Given(scopes) => {
            let values = values![user.0, client.0, audience, scopes.as_str(), act.now];
            plan.also(Step::one(&GIVE, values)).also(
                act.audit(
                    None,
                    "consent.given",
                    format!("client:{client}"),
                    serde_json::json!({ "user": user.to_string(), "scope": scopes.as_str() })
                        .to_string(),
                ),
            )
        }
    }
}

fn detail(user: UserId) -> String {
    serde_json::json!({ "user": user.to_string() }).to_string()
}

fn consent(user: UserId, mut row: Row) -> Result<ConsentRecord, Error> {
    Ok(ConsentRecord {
        user,
        client: ClientId(row.id(0)?),
        client_name: row.maybe_text(1)?,
        audience: row.text(2)?,
        scopes: Scopes::parse(&row.text(3)?).map_err(Error::broken)?,
        given_at: row.time(4)?,
        used_at: row.time(5)?,
        organization: row.maybe_id(6)?.map(OrganizationId),
    })
}

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] =
    &[&FIND, &FIND_ANY, &LIST, &USE, &GIVE, &WITHDRAW, &END_CODES, &LIST_GRANTS, &END_GRANT];

static FIND: Statement = Statement::new(
    "consents.find",
    "SELECT scopes FROM consents WHERE owner = $1 AND client = $2 AND audience = $3",
);

static FIND_ANY: Statement = Statement::new(
    "consents.find_any",
    "SELECT audience FROM consents WHERE owner = $1 AND client = $2 LIMIT 1",
);

static LIST: Statement = Statement::new(
    "consents.list",
    "SELECT s.client, c.name, s.audience, s.scopes, s.given_at, s.used_at, c.organization \
     FROM consents s LEFT JOIN clients c ON c.id = s.client \
     WHERE s.owner = $1 ORDER BY s.client, s.audience LIMIT 1000",
);

static USE: Statement = Statement::new(
    "consents.use",
    "UPDATE consents SET used_at = $4 WHERE owner = $1 AND client = $2 AND audience = $3",
);

static GIVE: Statement = Statement::new(
    "consents.give",
    "INSERT INTO consents (owner, client, audience, scopes, given_at, used_at) VALUES ($1, $2, $3, $4, $5, $5) \
     ON CONFLICT (owner, client, audience) DO UPDATE \
     SET scopes = excluded.scopes, given_at = excluded.given_at, used_at = excluded.used_at",
);

static WITHDRAW: Statement =
    Statement::new("consents.withdraw", "DELETE FROM consents WHERE owner = $1 AND client = $2");

// A code that has no grant yet gets one that is dead, so that none can begin under its id. In order, so
// that two withdrawals at once do not wait for each other.
static END_CODES: Statement = Statement::new(
    "consents.end_codes",
    "INSERT INTO grants (id, parent, kind, owner, client, scopes, created_at, expires_at, revoked_at, revoked_why) \
     SELECT id, session, 'withdrawn_code', owner, client, scopes, $3, code_ends_at, $3, 'consent withdrawn' \
     FROM authorizations WHERE owner = $1 AND client = $2 AND code_ends_at > $3 ORDER BY id \
     ON CONFLICT DO NOTHING",
);

static LIST_GRANTS: Statement = Statement::new(
    "consents.list_grants",
    concat!(
        "SELECT id FROM grants WHERE id IN ",
        ids_of_owner!("$1"),
        " AND client = $2 AND revoked_at IS NULL ORDER BY id LIMIT $3"
    ),
);

static END_GRANT: Statement = Statement::new(
    "consents.end_grant",
    "UPDATE grants SET revoked_at = $3, revoked_why = 'consent withdrawn' \
     WHERE owner = $1 AND id = $2 AND revoked_at IS NULL",
);
