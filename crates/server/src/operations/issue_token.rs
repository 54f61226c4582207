//! The token request (style: parse → one read → decide → one commit → respond). Every door that
//! hands out OAuth tokens calls this; none does more than translate.

use std::sync::Arc;

use keyhaven_protocol::authorization::Authorization;
use keyhaven_protocol::client::{Client, Standing, TokenFormat};
use keyhaven_protocol::client_auth::{Manners, Presented, Proof, Spend};
use keyhaven_protocol::credential;
use keyhaven_protocol::dpop;
use keyhaven_protocol::grants::{self, Facts, Family, Grant, Needs, Plan, Rule, Terms};
use keyhaven_protocol::id::{GrantId, TokenId, UserId};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::{Code, Consequence, Refusal};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_protocol::token::AccessToken;
use keyhaven_store::issuing::{Issue, Issued};
use keyhaven_store::{Error, Store};

use super::{Failure, authenticate_client, notify, spend_proof};
use crate::app::{App, Origin};
use crate::mail::letter::Notice;

mod identity;
mod repeat;
mod turn;
mod write;

pub use identity::requested as requested_claims;
use repeat::{Kept, Once};
use turn::Turn;

/// Where the facts of an attempt come from. A request that lost a race, or that memory would refuse,
/// decides again from what is read then (F06, F11).
const ATTEMPTS: [Sight; 5] = [Sight::Recalled, Sight::Read, Sight::Read, Sight::Read, Sight::Read];

/// How the facts of an attempt are come by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// What this node gave a moment ago may come from memory; the rest is read.
    Recalled,
    /// Everything is read.
    Read,
}

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
    /// The DPoP proof it came with, verified but not yet spent.
    pub dpop: Option<dpop::Proof>,
    /// The client's name for it (`Idempotency-Key`): a repetition within a minute gets the same tokens.
    pub once: Option<&'a str>,
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
    /// Who signed in, where that was asked for.
    pub id_token: Option<Secret>,
    /// Whether the access token is bound to a key (RFC 9449 §5).
    pub bound: bool,
    /// Whose it is.
    pub client: Arc<Client>,
    /// Whether all this was answered before.
    pub replayed: bool,
}

/// Who asks, how that was proved, and their name for the request.
struct Asker {
    client: Arc<Client>,
    proof: Proof,
    once: Option<Once>,
}

/// Decides a token request and carries the decision out.
pub async fn issue_token(app: &App, request: &TokenRequest<'_>) -> Result<IssuedToken, Failure> {
    let name = request.params.get("grant_type").ok_or_else(|| Refusal::missing("grant_type"))?;
    let grant = grants::find(name)?;
    let needs = grant.needs(request.params)?;
    let (client, proof) = prove(app, request, &needs).await?;
    let once = Once::of(request, &client.public_id);
    let asker = Asker { client, proof, once };
    for sight in ATTEMPTS {
        let found = find(app, &needs, sight).await?;
        match attempt(app, request, grant, found, &asker)
            .await
            .map_err(|failure| failure.of(&asker.client))?
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

/// One pass: a decision from what was found, a commit. `None` when another request was faster, or
/// when it takes a read to know why not.
async fn attempt(
    app: &App,
    request: &TokenRequest<'_>,
    grant: &dyn Grant,
    found: Found<'_>,
    asker: &Asker,
) -> Result<Option<IssuedToken>, Failure> {
    let facts = Facts {
        client: &asker.client,
        terms: request.terms,
        jkt: request.dpop.as_ref().map(|proof| proof.jkt.as_str()),
        code: found.code.as_ref(),
        presented: found.presented,
        family: found.family.as_ref(),
    };
    let now = app.clock.now();
    match grant.decide(request.params, &facts, now) {
        Ok(plan) => carry_out(app, request, asker, &found, plan, now).await,
        Err(_) if found.sight == Sight::Recalled => Ok(None),
        Err(refusal) => match repeat::answered_before(app, request, asker).await? {
            Some(issued) => Ok(Some(issued)),
            None => Err(refuse(app, request, asker, &found, refusal).await?),
        },
    }
}

/// Carries out what a refusal sets in motion; the failure it ends with.
async fn refuse(
    app: &App,
    request: &TokenRequest<'_>,
    asker: &Asker,
    found: &Found<'_>,
    refusal: Refusal,
) -> Result<Failure, Failure> {
    let client = &asker.client;
    spend_proof(app, &asker.proof).await?;
    carry_out_consequence(app, client, &refusal, request.origin).await?;
    if let (Some(Consequence::RevokeFamily(family)), Some(person)) =
        (&refusal.consequence, found.authorization())
    {
        tell_owner(app, client, person.user, *family).await;
    }
    Ok(refusal.into())
}

/// What was read for a decision.
struct Found<'a> {
    presented: Option<&'a credential::Presented>,
    code: Option<Authorization>,
    family: Option<Family>,
    /// How the code was come by; a family is always read.
    sight: Sight,
}

impl Found<'_> {
    /// What a person agreed to, where one is spoken for.
    fn authorization(&self) -> Option<&Authorization> {
        let kept = || self.family.as_ref().and_then(|family| family.authorization.as_deref());
        self.code.as_ref().or_else(kept)
    }
}

async fn find<'a>(app: &App, needs: &'a Needs, sight: Sight) -> Result<Found<'a>, Error> {
    let mut found = Found { presented: None, code: None, family: None, sight: Sight::Read };
    match needs {
        Needs::Nothing => {}
        Needs::Code(presented) => {
            found.presented = Some(presented);
            let id = TokenId(presented.id);
            if sight == Sight::Recalled {
                found.code = app.store.recall_authorization(id, app.clock.tick());
            }
            match found.code {
                Some(_) => found.sight = Sight::Recalled,
                None => found.code = app.store.find_authorization(id).await?,
            }
        }
        Needs::Family(presented) => {
            found.presented = Some(presented);
            found.family = app.store.find_family(TokenId(presented.id)).await?;
        }
    }
    Ok(found)
}

/// A refusal's consequence is part of the refusal: if it cannot be made durable, the answer is 503.
async fn carry_out_consequence(
    app: &App,
    client: &Client,
    refusal: &Refusal,
    origin: &Origin,
) -> Result<(), Failure> {
    let grant = match refusal.consequence {
        None => return Ok(()),
        Some(Consequence::RevokeFamily(family)) => GrantId(family.0),
        Some(Consequence::RevokeGrant(grant)) => grant,
    };
    let act = app.act(format!("client:{}", client.public_id), origin);
    app.store.revoke_grant(client.organization, grant, &refusal.reason, act).await?;
    Ok(())
}

/// The person behind a family that was ended hears of it, once (security bar §2). That must not hold
/// up the ending: a letter that cannot be queued is not sent.
async fn tell_owner(app: &App, client: &Client, user: UserId, family: TokenId) {
    let told = async {
        let Some(person) = app.store.find_person(user).await? else { return Ok(()) };
        let notice = Notice::TokenUsedTwice { app: client.name.clone() };
        let letter = notify::notice(app, &person.user.email, notice)?;
        let about = [b"used twice".as_slice(), &family.0.0].concat();
        let once = Store::once_a_day(&about, app.clock.now());
        app.store.queue_mail(once.and(letter)).await.map(drop)
    };
    let told: Result<(), Error> = told.await;
    if let Err(error) = told {
        tracing::warn!(%error, "a letter about a refresh token that was used twice is not sent");
    }
}

async fn carry_out(
    app: &App,
    request: &TokenRequest<'_>,
    asker: &Asker,
    found: &Found<'_>,
    plan: Plan,
    now: Timestamp,
) -> Result<Option<IssuedToken>, Failure> {
    let client = &asker.client;
    let person = found.authorization();
    let mut turn = turn::turn_family(app, request, client, &plan, person, now)?;
    if let (Sight::Recalled, Some(code)) = (found.sight, &found.code) {
        turn = turn.of_recalled(code.session);
    }
    let token = write::new_token(app, client, &plan, (person, turn.grant()), now);
    let text = write::write_token(app, client, &token, now, request.origin).await?;
    let id_token = identity::id_token(app, client, &plan, person, &text, request.origin).await?;
    let answer = match &asker.once {
        None => None,
        Some(once) => Some((once.keep(app, &kept(&token, &text, &turn, id_token.as_ref()))?, now)),
    };
    let issue = Issue {
        answer,
        spend: asker.proof.spend.clone(),
        proof: request.dpop.as_ref().map(dpop_spend),
        family: turn.step(),
        access: (token.format == TokenFormat::Opaque).then(|| (&token, text.digest())),
    };
    match app.store.issue(issue).await? {
        Issued::Done => {}
        Issued::Answered => return repeat::answered_meanwhile(app, request, asker).await,
        Issued::AssertionReplayed => {
            return Err(Refusal::client("assertion was used before").into());
        }
        Issued::ProofReplayed => {
            return Err(Refusal::new(Code::InvalidDpopProof, "DPoP proof was used before").into());
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
        id_token,
        bound: token.jkt.is_some(),
        client: client.clone(),
        replayed: false,
    }))
}

fn kept<'a>(
    token: &'a AccessToken,
    text: &'a Secret,
    turn: &'a Turn,
    id_token: Option<&'a Secret>,
) -> Kept<'a> {
    Kept {
        id: token.id.to_string().into(),
        access_token: text.reveal().into(),
        scope: token.scopes.as_str().into(),
        expires_at: token.expires_at.0,
        refresh_token: turn.refresh_token().map(|text| text.reveal().into()),
        id_token: id_token.map(|text| text.reveal().into()),
        bound: token.jkt.is_some(),
    }
}

fn dpop_spend(proof: &dpop::Proof) -> Spend {
    Spend { digest: proof.once, until: proof.until }
}
