//! What becomes of the refresh family of a token request, with the texts the client will hold.

use keyhaven_protocol::authorization::Authorization;
use keyhaven_protocol::client::Client;
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::grants::{LINEAGE_RANDOM, Lineage, Plan, Refresh, Rule};
use keyhaven_protocol::id::{GrantId, TokenId};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::Error;
use keyhaven_store::issuing::{FamilyStep, NewFamily, NewGrant, Rotation};
use keyhaven_store::seal::{self, Place};

use super::TokenRequest;
use crate::app::App;
use crate::operations::Failure;

const SUCCESSOR: &str = "refresh_families.successor";

/// What becomes of the family.
pub(super) enum Turn {
    None,
    Grant(NewGrant),
    Begin(NewFamily, Secret),
    Rotate(Rotation, Secret),
    Repeat(TokenId, Secret),
    Keep(TokenId, Option<Timestamp>, Secret),
}

impl Turn {
    /// The grant that the access token hangs on.
    pub(super) fn grant(&self) -> Option<GrantId> {
        match self {
            Self::None => None,
            Self::Grant(grant) => Some(GrantId(grant.id.0)),
            Self::Begin(family, _) => Some(GrantId(family.grant.id.0)),
            Self::Rotate(rotation, _) => Some(GrantId(rotation.family.0)),
            Self::Repeat(family, _) | Self::Keep(family, ..) => Some(GrantId(family.0)),
        }
    }

    /// The same where what a code says was not read but recalled, with the session it was given in.
    pub(super) fn of_recalled(mut self, session: GrantId) -> Self {
        match &mut self {
            Self::Grant(grant) | Self::Begin(NewFamily { grant, .. }, _) => {
                grant.recalled = Some(session);
            }
            Self::None | Self::Rotate(..) | Self::Repeat(..) | Self::Keep(..) => {}
        }
        self
    }

    /// What the store does about it.
    pub(super) const fn step(&self) -> FamilyStep<'_> {
        match self {
            Self::Grant(grant) => FamilyStep::Grant(grant),
            Self::Begin(family, _) => FamilyStep::Begin(family),
            Self::Rotate(rotation, _) => FamilyStep::Rotate(rotation),
            Self::Keep(family, Some(idle_ends_at), _) => FamilyStep::Touch(*family, *idle_ends_at),
            Self::None | Self::Repeat(..) | Self::Keep(_, None, _) => FamilyStep::None,
        }
    }

    /// The refresh token that works from now on.
    pub(super) const fn refresh_token(&self) -> Option<&Secret> {
        match self {
            Self::None | Self::Grant(_) => None,
            Self::Begin(_, text)
            | Self::Rotate(_, text)
            | Self::Repeat(_, text)
            | Self::Keep(_, _, text) => Some(text),
        }
    }

    /// The same, for whoever answers with it: no second copy to make and to wipe.
    pub(super) fn into_refresh_token(self) -> Option<Secret> {
        match self {
            Self::None | Self::Grant(_) => None,
            Self::Begin(_, text)
            | Self::Rotate(_, text)
            | Self::Repeat(_, text)
            | Self::Keep(_, _, text) => Some(text),
        }
    }
}

/// Prepares what the plan says about refresh tokens. `person` is who is spoken for, if anybody.
pub(super) fn turn_family(
    app: &App,
    request: &TokenRequest<'_>,
    client: &Client,
    plan: &Plan,
    person: Option<&Authorization>,
    now: Timestamp,
) -> Result<Turn, Failure> {
    // Present whenever a family is involved, because `needs` read the family from it.
    let held = || Secret::from(request.params.get("refresh_token").unwrap_or_default());
    Ok(match &plan.refresh {
        Refresh::None if plan.code.is_some() => {
            Turn::Grant(new_grant(app, client, plan, person, (now.plus(plan.ttl), now)))
        }
        Refresh::None => Turn::None,
        Refresh::Begin { rule, idle_ends_at, ends_at } => {
            let grant = new_grant(app, client, plan, person, (*ends_at, now));
            // A public client's refresh token is bound to the key that redeemed the code (RFC 9449 §5).
            let binds = plan.code.is_some() && !client.is_confidential();
            let jkt = plan.jkt.clone().filter(|_| binds);
            begin(app, grant, *rule, *idle_ends_at, jkt)
        }
        Refresh::Rotate { family, from, idle_ends_at, grace, lineage } => {
            rotate(app, &held(), *family, (*from, *lineage), (*idle_ends_at, *grace), now)?
        }
        Refresh::Repeat { family, successor } => {
            let place = Place { column: SUCCESSOR, row: &family.0.0 };
            let secret = seal::open_as_holder(&held(), place, successor)?;
            let secret = <[u8; 32]>::try_from(secret.as_slice())
                .map_err(|_| Error::broken("successor is not 32 bytes"))?;
            Turn::Repeat(*family, credential::mint(Kind::Refresh, family.0, &secret))
        }
        Refresh::Keep { family, idle_ends_at } => Turn::Keep(*family, *idle_ends_at, held()),
    })
}

/// What a code makes hangs on the session, so that it ends with it, unless it may work offline.
fn new_grant(
    app: &App,
    client: &Client,
    plan: &Plan,
    person: Option<&Authorization>,
    (ends_at, now): (Timestamp, Timestamp),
) -> NewGrant {
    NewGrant {
        id: plan.code.unwrap_or_else(|| TokenId(app.id())),
        of_code: plan.code.is_some(),
        recalled: None,
        parent: person.filter(|person| !person.is_offline()).map(|person| person.session),
        organization: client.organization,
        owner: person.map(|person| person.user),
        client: client.id,
        scopes: plan.scopes.clone(),
        audience: plan.audience.clone(),
        ends_at,
        issued_at: now,
    }
}

fn begin(
    app: &App,
    grant: NewGrant,
    rule: Rule,
    idle_ends_at: Timestamp,
    jkt: Option<String>,
) -> Turn {
    let lineage = Lineage(app.dice.bytes());
    let secret = lineage.secret(&app.dice.bytes::<LINEAGE_RANDOM>());
    let text = credential::mint(Kind::Refresh, grant.id.0, &secret);
    let head = text.digest();
    Turn::Begin(NewFamily { grant, rule, lineage, head, jkt, idle_ends_at }, text)
}

fn rotate(
    app: &App,
    held: &Secret,
    family: TokenId,
    (from, lineage): (Digest, Lineage),
    (idle_ends_at, grace): (Timestamp, Seconds),
    now: Timestamp,
) -> Result<Turn, Failure> {
    let secret = lineage.secret(&app.dice.bytes::<LINEAGE_RANDOM>());
    let text = credential::mint(Kind::Refresh, family.0, &secret);
    let place = Place { column: SUCCESSOR, row: &family.0.0 };
    let successor = match grace {
        Seconds(0) => None,
        _ => Some(seal::seal_for_holder(held, place, &secret, app.dice.bytes())?),
    };
    let rotation =
        Rotation { family, from, to: text.digest(), successor, idle_ends_at, rotated_at: now };
    Ok(Turn::Rotate(rotation, text))
}
