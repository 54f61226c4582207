//! What people agreed to: the request that waits for them, and the authorization with its code. A code
//! is spent by the grant that begins under its id (`issuing`). Judging is not here.
//!
//! Giving a code and withdrawing a consent meet in the consent's row, redeeming a code and
//! withdrawing meet in the id of the code's grant: whichever is second finds what the first did.

use keyhaven_protocol::authorization::{Authorization, Standing};
use keyhaven_protocol::id::{ClientId, GrantId, TokenId, UserId};
use keyhaven_protocol::pkce::Challenge;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::Seconds;

use crate::act::Plan;
use crate::authorization_requests::{self, Handle};
use crate::consents::{self, Consent};
use crate::engine::{Row, Statement, Step, Value};
use crate::{Act, Error, Outcome, Store, values};

/// An expired code is remembered this long, so that one that comes back is known; a spent one as long
/// as what came of it.
const REMEMBERED: Seconds = Seconds(3_600);

/// A code about to be given, with everything that changes at that moment.
pub struct NewAuthorization<'a> {
    /// What it says.
    pub authorization: &'a Authorization,
    /// What to remember of the consent.
    pub consent: Consent<'a>,
    /// The request that waited, if it did: its one outcome.
    pub request: Option<Handle>,
    /// Whether the client hears when the session ends.
    pub hears_logout: bool,
}

impl Store {
    /// Gives a code. `Moved` when the request had its outcome before or the consent was withdrawn
    /// meanwhile.
    pub async fn authorize(
        &self,
        new: &NewAuthorization<'_>,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let authorization = new.authorization;
        let mut plan = Plan::default();
        if let Some(handle) = &new.request {
            plan = plan.must(authorization_requests::close(handle, act.now), Outcome::Moved);
        }
        plan = consents::plan(plan, authorization, &new.consent, &mut act);
        plan = plan.also(Step::one(&GIVE, written(authorization)));
        if new.hears_logout {
            let values = values![
                authorization.session.0,
                authorization.client.0,
                authorization.session_ends_at
            ];
            plan = plan.also(Step::any(&HEAR_LOGOUT, values));
        }
        let outcome = self.carry_out(plan, act).await?;
        if outcome == Outcome::Done {
            self.known.remember_given(authorization);
        }
        Ok(outcome)
    }

    /// The authorization a code names, with whether its person and session still stand.
    pub async fn find_authorization(&self, id: TokenId) -> Result<Option<Authorization>, Error> {
        let rows = self.engine.read(&FIND, values![id.0]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        Ok(Some(authorization(id, &mut row, 0)?))
    }
}

fn written(new: &Authorization) -> Vec<Value> {
    values![
        new.id.0,
        new.code,
        new.client.0,
        new.user.0,
        new.session.0,
        new.session_ends_at,
        new.redirect_uri.as_str(),
        if new.redirect_uri_sent { REQUEST } else { REGISTRATION },
        new.challenge.as_ref().map(Challenge::as_str),
        new.scopes.as_str(),
        new.audience.as_str(),
        new.nonce.as_deref(),
        new.authenticated_at,
        new.amr.join(" "),
        new.max_age.map(|age| age.0),
        new.acr_asked.then_some(ASKED),
        new.claims.as_deref(),
        new.jkt.as_deref(),
        new.issued_at,
        new.code_ends_at,
        new.code_ends_at.plus(REMEMBERED),
    ]
}

const REQUEST: &str = "request";
const REGISTRATION: &str = "registration";
const ASKED: &str = "asked";

/// Reads the columns of an authorization from `at` on, as every statement lists them.
pub(crate) fn authorization(id: TokenId, row: &mut Row, at: usize) -> Result<Authorization, Error> {
    let standing = match (row.maybe_id(at + 20)?, row.maybe_time(at + 21)?) {
        (None, _) => Standing::Gone,
        (Some(_), Some(_)) => Standing::Disabled,
        (Some(_), None) => Standing::Active,
    };
    let challenge = row.maybe_text(at + 7)?;
    let challenge = challenge.map(|text| {
        Challenge::of_text(&text).ok_or_else(|| Error::broken("authorizations.challenge"))
    });
    Ok(Authorization {
        id,
        code: row.digest(at)?,
        client: ClientId(row.id(at + 1)?),
        user: UserId(row.id(at + 2)?),
        standing,
        session: GrantId(row.id(at + 3)?),
        session_ends_at: row.time(at + 4)?,
        session_ended_at: row.maybe_time(at + 19)?,
        redirect_uri: row.text(at + 5)?,
        redirect_uri_sent: row.text(at + 6)? == REQUEST,
        challenge: challenge.transpose()?,
        scopes: Scopes::parse(&row.text(at + 8)?).map_err(Error::broken)?,
        audience: row.text(at + 9)?,
        nonce: row.maybe_text(at + 10)?,
        authenticated_at: row.time(at + 11)?,
        amr: row.text(at + 12)?.split_whitespace().map(str::to_owned).collect(),
        max_age: row.maybe_int(at + 13)?.map(Seconds),
        acr_asked: row.maybe_text(at + 14)?.is_some(),
        claims: row.maybe_text(at + 15)?,
        jkt: row.maybe_text(at + 16)?,
        issued_at: row.time(at + 17)?,
        code_ends_at: row.time(at + 18)?,
        spent_at: row.maybe_time(at + 22)?,
    })
}

/// The columns that [`authorization`] reads; `a` is the authorization, `u` its owner.
macro_rules! authorization_columns {
    (jkt: $jkt:literal, ends: $ends:literal, session_ended: $ended:literal, spent: $spent:literal) => {
        concat!(
            "a.hash, a.client, a.owner, a.session, a.session_ends_at, a.redirect_uri,
             a.redirect_uri_from, a.challenge, a.scopes, a.audience, a.nonce, a.authenticated_at,
             a.amr, a.max_age, a.acr, a.claims, ",
            $jkt,
            ", a.issued_at, ",
            $ends,
            ", ",
            $ended,
            ", u.id, u.disabled_at, ",
            $spent
        )
    };
}
pub(crate) use authorization_columns;

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&GIVE, &HEAR_LOGOUT, &FIND];

static GIVE: Statement = Statement::append(
    "authorizations.give",
    "INSERT INTO authorizations (id, hash, client, owner, session, session_ends_at, redirect_uri, redirect_uri_from, \
     challenge, scopes, audience, nonce, authenticated_at, amr, max_age, acr, claims, jkt, issued_at, code_ends_at, \
     ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
);

static HEAR_LOGOUT: Statement = Statement::new(
    "authorizations.hear_logout",
    "INSERT INTO session_clients (session, client, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
);

// `b` is what began under the code: its grant, or the mark of a withdrawal that was first.
static FIND: Statement = Statement::new(
    "authorizations.find",
    concat!(
        "WITH RECURSIVE up (id, parent, revoked_at, depth) AS ( \
           SELECT g.id, g.parent, g.revoked_at, 0 FROM authorizations s JOIN grants g ON g.id = s.session \
           WHERE s.id = $1 \
           UNION ALL \
           SELECT g.id, g.parent, g.revoked_at, up.depth + 1 FROM grants g JOIN up ON g.id = up.parent \
           WHERE up.depth < 16) \
         SELECT ",
        authorization_columns!(
            jkt: "a.jkt",
            ends: "CASE WHEN b.kind = 'withdrawn_code' THEN b.created_at ELSE a.code_ends_at END",
            session_ended: "(SELECT MIN(revoked_at) FROM up)",
            spent: "CASE WHEN b.kind = 'authorization' THEN b.created_at END"
        ),
        " FROM authorizations a LEFT JOIN users u ON u.id = a.owner LEFT JOIN grants b ON b.id = a.id \
         WHERE a.id = $1"
    ),
);
