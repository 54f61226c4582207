//! One question for every credential we issue: whose is it and does it stand? Introspection,
//! `/v1/check`, forward-auth and our own bearer endpoints all ask here, so a cause of death
//! consulted here is consulted everywhere.
//!
//! Another kind of credential is a variant of [`Credential`], an arm of [`check`], and the arms the
//! compiler then asks for.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use keyhaven_protocol::access_token::{self, Expected};
use keyhaven_protocol::allow_list::Caller;
use keyhaven_protocol::client::TokenFormat;
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::dpop;
use keyhaven_protocol::id::{ClientId, TokenId, UserId};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::session::Account;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::AccessToken;
use keyhaven_store::people::Person;

use super::Failure;
use super::keys::{is_key, recognise_key};
use super::sessions::{place, recognise_session};
use crate::app::App;

mod principal;

pub use principal::{Credential, Principal};

/// What a caller needs of a credential beyond being alive.
#[derive(Clone, Debug, Default)]
pub struct Need {
    /// Scopes it must have.
    pub scopes: Scopes,
    /// The audience it must name.
    pub audience: Option<String>,
    /// Where it was used, for keys that say where they may be. `None` where that is not asked.
    pub caller: Option<CallerOf>,
    /// What the caller showed beside the credential.
    pub shown: Shown,
}

/// What came with a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Nothing: whoever holds the credential may use it.
    #[default]
    Bearer,
    /// A sound DPoP proof by the key of this thumbprint (RFC 9449 §7.1).
    Key(String),
    /// The credential is asked about, not used (RFC 7662).
    Question,
}

/// Where a credential was used, as far as known.
#[derive(Clone, Debug, Default)]
pub struct CallerOf {
    /// The `Origin` of the page.
    pub origin: Option<String>,
    /// The network address.
    pub address: Option<IpAddr>,
}

impl CallerOf {
    /// As the rules take it.
    #[must_use]
    pub fn borrowed(&self) -> Caller<'_> {
        Caller { origin: self.origin.as_deref(), address: self.address }
    }
}

/// Resolves a credential, or says why it does not count.
pub async fn check(app: &App, text: &str, need: &Need) -> Result<Principal, Failure> {
    let principal = if text.starts_with("kh_session_") {
        check_session(app, text).await?
    } else if is_key(app, text) {
        check_key(app, text, need).await?
    } else {
        check_token(app, text).await?
    };
    meet(app, &principal, need).map_err(|refusal| match &principal.client {
        Some(client) => Failure::from(refusal).of(client),
        None => refusal.into(),
    })?;
    Ok(principal)
}

async fn check_token(app: &App, text: &str) -> Result<Principal, Failure> {
    let now = app.clock.now();
    let Some(token) = recognise(app, text, now).await? else {
        return Err(Refusal::token("not a credential of ours").into());
    };
    let tick = app.clock.tick();
    let client = app.store.recall_client(token.client, tick).await?;
    let user = token.user;
    let ended = app.store.find_end(token.id, token.grant, user, tick).await?;
    token.stands(client.as_deref(), ended, now)?;
    let Some(client) = client else {
        return Err(Refusal::token("the client of the access token is gone").into());
    };
    let person = match user {
        None => None,
        Some(user) => Some(person_of(app, user, tick).await?),
    };
    Ok(Principal { credential: Credential::Token(token), client: Some(client), person })
}

/// The person a token speaks for, who must be there and may act.
async fn person_of(app: &App, user: UserId, tick: u64) -> Result<Arc<Person>, Failure> {
    let person = app.store.recall_person(user, tick).await?;
    match person {
        None => Err(Refusal::token("the user of the access token is gone").into()),
        Some(person) if person.account() == Account::Active => Ok(person),
        Some(_) => Err(Refusal::token("the user of the access token is disabled").into()),
    }
}

async fn check_session(app: &App, text: &str) -> Result<Principal, Failure> {
    let signed_in = recognise_session(app, text).await?;
    place(&signed_in).map_err(|barred| Refusal::token(barred.reason()))?;
    let person = Some(signed_in.person.clone());
    Ok(Principal { credential: Credential::Session(signed_in), client: None, person })
}

/// A key that says where it may be used refuses a caller of whom nothing is known.
async fn check_key(app: &App, text: &str, need: &Need) -> Result<Principal, Failure> {
    let known = recognise_key(app, text).await?;
    known.key.admits(need.caller.as_ref().map(CallerOf::borrowed).unwrap_or_default())?;
    Ok(Principal { credential: Credential::Key(known), client: None, person: None })
}

fn meet(app: &App, principal: &Principal, need: &Need) -> Result<(), Refusal> {
    let key = match &principal.credential {
        Credential::Token(token) => token.jkt.as_deref(),
        Credential::Session(_) | Credential::Key(_) => None,
    };
    fits_key(key, &need.shown)?;
    let audience = principal.audience(app);
    let everywhere = audience.is_empty() && need.audience.as_ref() != Some(&app.settings.issuer);
    if let Some(needed) = &need.audience
        && needed != audience
        && !everywhere
    {
        return Err(Refusal::token("the token is for another audience")
            .with("audience", audience)
            .with("needed", needed.clone()));
    }
    let scopes = principal.scopes();
    match need.scopes.beyond(scopes) {
        None => Ok(()),
        Some(missing) => Err(Refusal::new(Code::InsufficientScope, "the token lacks a scope")
            .with("missing", missing)
            .with("scope", scopes.as_str())),
    }
}

/// A bound token is good with its key only; an unbound one comes with no proof, because a proof that
/// nobody asked for protects nothing (RFC 9449 §7.1, §7.2).
fn fits_key(bound: Option<&str>, shown: &Shown) -> Result<(), Refusal> {
    let reason = match (bound, shown) {
        (Some(_), Shown::Bearer) => "the token is bound to a key",
        (Some(bound), Shown::Key(shown)) if bound != shown => "the token is bound to another key",
        (None, Shown::Key(_)) => "the token is not bound to a key",
        _ => return Ok(()),
    };
    Err(Refusal::token(reason).on(dpop::HEADER))
}

/// Reads what a token says, believing it only after its digest or signature fitted. What it says
/// never changes, so it is remembered; whether it stands is asked each time.
pub async fn recognise(
    app: &App,
    text: &str,
    now: Timestamp,
) -> Result<Option<Arc<AccessToken>>, Failure> {
    let digest = Digest::of(text.as_bytes());
    let fresh = app.store.known().is_fresh(app.clock.tick());
    if let (true, Some(token)) = (fresh, app.store.known().token(&digest)) {
        return Ok(Some(token));
    }
    let token = if text.starts_with("kh_") {
        let Some(presented) = credential::parse_kind(Kind::Access, text) else { return Ok(None) };
        app.store.find_access_token(TokenId(presented.id), digest).await?
    } else {
        verified(app, text, now)?
    };
    let Some(mut token) = token else { return Ok(None) };
    token.user = user_of(app, &token).await?;
    let token = Arc::new(token);
    app.store.known().remember_token(&digest, token.clone());
    Ok(Some(token))
}

/// The user a token speaks for. A pairwise subject says nothing of its own: whoever gave the grant is
/// asked for.
async fn user_of(app: &App, token: &AccessToken) -> Result<Option<UserId>, Failure> {
    let Some(subject) = token.subject_beside_client() else { return Ok(None) };
    if let Some(user) = UserId::parse(subject) {
        return Ok(Some(user));
    }
    let Some(grant) = token.grant else { return Ok(None) };
    let authorization = app.store.find_authorization(TokenId(grant.0)).await?;
    match authorization {
        Some(authorization) => Ok(Some(authorization.user)),
        None => Err(Refusal::token("the grant of the access token is gone").into()),
    }
}

/// Our own JWT (RFC 9068 §4). Another party's, or a broken one, is refused with its rule.
fn verified(app: &App, text: &str, now: Timestamp) -> Result<Option<AccessToken>, Failure> {
    let ring = app.keys.now();
    let expected = Expected { issuer: &app.settings.issuer, audience: None };
    let claims =
        access_token::verify(text, &ring.verifying, expected, now).map_err(Refusal::token)?;
    Ok(Some(AccessToken {
        id: claims.jti,
        client: ClientId::parse_public(&claims.client_id)
            .ok_or_else(|| Refusal::token("client_id is not one of ours"))?,
        grant: claims.gid,
        subject: claims.sub.into_owned(),
        user: None,
        jkt: claims.jkt.map(Cow::into_owned),
        scopes: Scopes::parse(&claims.scope).map_err(Refusal::token)?,
        audience: claims.aud.into_owned(),
        issued_at: claims.iat,
        expires_at: claims.exp,
        format: TokenFormat::Jwt,
    }))
}
