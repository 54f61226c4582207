//! The token request (style: parse → one read → decide → one commit → respond). Every door that
//! hands out OAuth tokens calls this; none does more than translate.

use std::sync::Arc;

use keyhaven_protocol::access_token::Claims;
use keyhaven_protocol::client::{Client, Standing, TokenFormat};
use keyhaven_protocol::client_auth::{Manners, Presented, Proof, Spend};
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::grants::{
    self, Facts, Family, Grant, LINEAGE_RANDOM, Lineage, Needs, Plan, Refresh, Rule, Terms,
};
use keyhaven_protocol::id::{GrantId, TokenId};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::{Consequence, Refusal};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_protocol::token::AccessToken;
use keyhaven_store::Error;
use keyhaven_store::issuing::{FamilyStep, Issue, Issued, NewFamily, Rotation};
use keyhaven_store::seal::{self, Place};

use super::{Failure, authenticate_client, spend_proof};
use crate::app::{App, Origin};

/// How often a request that lost a race decides again from fresh facts (F06, F11).
const ATTEMPTS: usize = 4;

const SUCCESSOR: &str = "refresh_families.successor";

/// A token request as a door understood it.
pub struct TokenRequest<'a> {
    /// The proof of the client; `None` where the family's contract lets the refresh token stand
    /// for itself.
    pub presented: Presented,
    /// Whose manners it follows.
    pub manners: Manners,
    /// The parameters.
    pub params: &'a Params,
    /// What the family is promised about refresh tokens.
    pub terms: Terms,
    /// Where it came from.
    pub origin: &'a Origin,
}

/// What was issued.
pub struct IssuedToken {
    /// The access token's id (`jti`).
    pub id: TokenId,
    /// Its text.
    pub access_token: Secret,
    /// What it is made of.
    pub format: TokenFormat,
    /// Its scopes.
    pub scopes: Scopes,
    /// Its life from now.
    pub ttl: Seconds,
    /// Its end.
    pub expires_at: Timestamp,
    /// The refresh token that works from now on, if one is involved.
    pub refresh_token: Option<Secret>,
    /// Whose it is.
    pub client: Arc<Client>,
}

/// Decides a token request and carries the decision out.
pub async fn issue_token(app: &App, request: &TokenRequest<'_>) -> Result<IssuedToken, Failure> {
    let name = request.params.get("grant_type").ok_or_else(|| Refusal::missing("grant_type"))?;
    let grant = grants::find(name)?;
    let needs = grant.needs(request.params)?;
    let (client, proof) = prove(app, request, &needs).await?;
    for _ in 0..ATTEMPTS {
        match attempt(app, request, grant, &needs, &client, &proof)
            .await
            .map_err(|failure| failure.of(&client))?
        {
            Some(issued) => return Ok(issued),
            None => continue,
        }
    }
    Err(Error::busy("the refresh family is contended").into())
}

/// A bearer-rule family stands for itself: its contract sends no secret with a refresh. Anything
/// else proves itself the ordinary way.
async fn prove(
    app: &App,
    request: &TokenRequest<'_>,
    needs: &Needs,
) -> Result<(Arc<Client>, Proof), Failure> {
    let bearer = request.terms == Terms::EveryAnswer(Rule::RotateBearer);
    if let (true, Needs::Family(presented), Presented::Public(id)) =
        (bearer, needs, &request.presented)
    {
        let family = app.store.find_family(TokenId(presented.id)).await?;
        let fits =
            family.is_some_and(|family| family.rule == Rule::RotateBearer && family.client == *id);
        let client = app.store.recall_client(*id, app.clock.tick()).await?;
        let (true, Some(client)) = (fits, client) else {
            return Err(Refusal::grant("the refresh token does not stand for itself").into());
        };
        let reason = match client.standing {
            Standing::Active => return Ok((client, Proof::default())),
            Standing::Disabled => "client is disabled",
            Standing::OrganizationDisabled => "the client's organization is disabled",
        };
        return Err(Failure::from(Refusal::grant(reason)).of(&client));
    }
    authenticate_client(app, &request.presented, request.manners, request.origin).await
}

/// One pass: fresh facts, a decision, a commit. `None` when another request was faster.
async fn attempt(
    app: &App,
    request: &TokenRequest<'_>,
    grant: &dyn Grant,
    needs: &Needs,
    client: &Arc<Client>,
    proof: &Proof,
) -> Result<Option<IssuedToken>, Failure> {
    let (presented, family) = match needs {
        Needs::Nothing => (None, None),
        Needs::Family(presented) => {
            (Some(presented), app.store.find_family(TokenId(presented.id)).await?)
        }
    };
    let facts = Facts { client, terms: request.terms, presented, family: family.as_ref() };
    let now = app.clock.now();
    match grant.decide(request.params, &facts, now) {
        Ok(plan) => carry_out(app, request, client, plan, proof.spend.clone(), now).await,
        Err(refusal) => {
            spend_proof(app, proof).await?;
            carry_out_consequence(app, client, family.as_ref(), &refusal, request.origin).await?;
            Err(refusal.into())
        }
    }
}

/// A refusal's consequence is part of the refusal: if it cannot be made durable, the answer is 503.
async fn carry_out_consequence(
    app: &App,
    client: &Client,
    family: Option<&Family>,
    refusal: &Refusal,
    origin: &Origin,
) -> Result<(), Failure> {
    if let (Some(Consequence::RevokeFamily(_)), Some(family)) = (&refusal.consequence, family) {
        let act = app.act(format!("client:{}", client.public_id), origin);
        let grant = GrantId(family.id.0);
        app.store.revoke_grant(client.organization, grant, &refusal.reason, act).await?;
    }
    Ok(())
}

async fn carry_out(
    app: &App,
    request: &TokenRequest<'_>,
    client: &Arc<Client>,
    plan: Plan,
    spend: Option<Spend>,
    now: Timestamp,
) -> Result<Option<IssuedToken>, Failure> {
    let turn = turn_family(app, request, client, &plan, now)?;
    let token = new_token(app, client, &plan, turn.grant(), now);
    let text = write_token(app, client, &token, now, request.origin).await?;
    let access = (token.format == TokenFormat::Opaque).then(|| (&token, text.digest()));
    match app.store.issue(Issue { spend, family: turn.step(), access }).await? {
        Issued::Done => {}
        Issued::AssertionReplayed => {
            return Err(Refusal::client("assertion was used before").into());
        }
        Issued::Overtaken => return Ok(None),
    }
    Ok(Some(IssuedToken {
        id: token.id,
        access_token: text,
        format: token.format,
        scopes: plan.scopes,
        ttl: plan.ttl,
        expires_at: token.expires_at,
        refresh_token: turn.into_refresh_token(),
        client: client.clone(),
    }))
}

fn new_token(
    app: &App,
    client: &Client,
    plan: &Plan,
    grant: Option<GrantId>,
    now: Timestamp,
) -> AccessToken {
    let audience =
        if plan.audience.is_empty() { app.settings.issuer.clone() } else { plan.audience.clone() };
    AccessToken {
        id: TokenId(app.id()),
        client: client.id,
        grant,
        subject: client.public_id.clone(),
        scopes: plan.scopes.clone(),
        audience,
        // A revocation of everything "so far" covers the second it happened in.
        issued_at: now.max(client.not_before),
        expires_at: now.plus(plan.ttl),
        format: client.token_format,
    }
}

async fn write_token(
    app: &App,
    client: &Client,
    token: &AccessToken,
    now: Timestamp,
    origin: &Origin,
) -> Result<Secret, Failure> {
    if token.format == TokenFormat::Opaque {
        return Ok(credential::mint(Kind::Access, token.id.0, &app.dice.bytes()));
    }
    let algorithm = Algorithm::parse(&client.token_alg)
        .ok_or_else(|| Error::broken("clients.token_alg is unknown"))?;
    if app.keys.now().signer(algorithm, now).is_none() {
        app.keys.ensure(app, algorithm, app.act("system", origin)).await?;
    }
    let ring = app.keys.now();
    let signer = ring.signer(algorithm, now).ok_or_else(|| Error::busy("no signing key yet"))?;
    let claims = Claims {
        iss: app.settings.issuer.as_str().into(),
        sub: token.subject.as_str().into(),
        aud: token.audience.as_str().into(),
        exp: token.expires_at,
        iat: token.issued_at,
        jti: token.id,
        client_id: client.public_id.as_str().into(),
        scope: token.scopes.as_str().into(),
        org: client.organization,
        gid: token.grant,
    };
    Ok(signer.sign(&claims).map_err(|error| Error::broken(error.0))?)
}

/// What becomes of the refresh family, with the texts the client will hold.
enum Turn {
    None,
    Begin(NewFamily, Secret),
    Rotate(Rotation, Secret),
    Repeat(TokenId, Secret),
    Keep(TokenId, Option<Timestamp>, Secret),
}

impl Turn {
    fn grant(&self) -> Option<GrantId> {
        match self {
            Self::None => None,
            Self::Begin(family, _) => Some(GrantId(family.id.0)),
            Self::Rotate(rotation, _) => Some(GrantId(rotation.family.0)),
            Self::Repeat(family, _) | Self::Keep(family, ..) => Some(GrantId(family.0)),
        }
    }

    const fn step(&self) -> FamilyStep<'_> {
        match self {
            Self::Begin(family, _) => FamilyStep::Begin(family),
            Self::Rotate(rotation, _) => FamilyStep::Rotate(rotation),
            Self::Keep(family, Some(idle_ends_at), _) => FamilyStep::Touch(*family, *idle_ends_at),
            Self::None | Self::Repeat(..) | Self::Keep(_, None, _) => FamilyStep::None,
        }
    }

    fn into_refresh_token(self) -> Option<Secret> {
        match self {
            Self::None => None,
            Self::Begin(_, text)
            | Self::Rotate(_, text)
            | Self::Repeat(_, text)
            | Self::Keep(_, _, text) => Some(text),
        }
    }
}

fn turn_family(
    app: &App,
    request: &TokenRequest<'_>,
    client: &Client,
    plan: &Plan,
    now: Timestamp,
) -> Result<Turn, Failure> {
    // Present whenever a family is involved, because `needs` read the family from it.
    let held = || Secret::from(request.params.get("refresh_token").unwrap_or_default());
    Ok(match &plan.refresh {
        Refresh::None => Turn::None,
        Refresh::Begin { rule, idle_ends_at, ends_at } => {
            begin(app, client, plan, *rule, (*idle_ends_at, *ends_at), now)
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

fn begin(
    app: &App,
    client: &Client,
    plan: &Plan,
    rule: Rule,
    (idle_ends_at, ends_at): (Timestamp, Timestamp),
    now: Timestamp,
) -> Turn {
    let id = TokenId(app.id());
    let lineage = Lineage(app.dice.bytes());
    let text =
        credential::mint(Kind::Refresh, id.0, &lineage.secret(&app.dice.bytes::<LINEAGE_RANDOM>()));
    let family = NewFamily {
        id,
        parent: None,
        organization: client.organization,
        client: client.id,
        scopes: plan.scopes.clone(),
        audience: plan.audience.clone(),
        rule,
        lineage,
        head: text.digest(),
        idle_ends_at,
        ends_at,
        issued_at: now,
    };
    Turn::Begin(family, text)
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
