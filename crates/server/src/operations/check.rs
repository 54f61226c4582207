//! One question for every credential we issue: whose is it and does it stand? Introspection,
//! `/v1/check`, forward-auth and our own bearer endpoints all ask here, so a cause of death
//! consulted here is consulted everywhere.
//!
//! Another kind of credential is a variant of [`Credential`], an arm of [`check`], and the arms the
//! compiler then asks for.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use keyhaven_protocol::access_token::{self, Expected};
use keyhaven_protocol::allow_list::Caller;
use keyhaven_protocol::api_key::ApiKey;
use keyhaven_protocol::client::{Client, TokenFormat};
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::dpop;
use keyhaven_protocol::id::{
    ClientId, GrantId, GroupId, Id, OrganizationId, ProjectId, TokenId, UserId,
};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::scope::{ADMIN, Scopes};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::session::Account;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::AccessToken;
use keyhaven_store::Reach;
use keyhaven_store::keys::KnownKey;
use keyhaven_store::memberships::Role;
use keyhaven_store::people::{Person, Place};
use keyhaven_store::sessions::SignedIn;

use super::Failure;
use super::keys::{is_key, recognise_key};
use super::sessions::{place, recognise_session};
use crate::app::App;

/// What a session may do of what scopes open: its person's administration, and nothing else.
static ADMINISTRATION: LazyLock<Scopes> =
    LazyLock::new(|| Scopes::parse(ADMIN).unwrap_or_default());
static NOTHING: LazyLock<Scopes> = LazyLock::new(Scopes::default);

/// What a credential resolves to.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The recognised credential.
    pub credential: Credential,
    /// The client it was issued to; a session has none.
    pub client: Option<Arc<Client>>,
    /// The person it speaks for; a client's own token has none.
    pub person: Option<Arc<Person>>,
}

/// A recognised credential.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An access token, opaque or JWT.
    Token(Arc<AccessToken>),
    /// A session, presented as a bearer credential.
    Session(Arc<SignedIn>),
    /// An API key.
    Key(Arc<KnownKey>),
}

impl Principal {
    /// What it is, in a word for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.credential {
            Credential::Token(_) => "access_token",
            Credential::Session(_) => "session",
            Credential::Key(_) => "key",
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn format(&self) -> &'static str {
        match &self.credential {
            Credential::Token(token) => token.format.as_str(),
            Credential::Session(_) | Credential::Key(_) => TokenFormat::Opaque.as_str(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Id {
        match &self.credential {
            Credential::Token(token) => token.id.0,
            Credential::Session(signed_in) => signed_in.session.id.0,
            Credential::Key(known) => known.key.id().0,
        }
    }

    /// The node of the revocation graph it hangs on, or is.
    #[must_use]
    pub fn grant(&self) -> Option<GrantId> {
        match &self.credential {
            Credential::Token(token) => token.grant,
            Credential::Session(signed_in) => Some(signed_in.session.id.grant()),
            Credential::Key(known) => Some(GrantId(known.key.id().0)),
        }
    }

    /// Whom it speaks for: the user, the client itself, or the organization a key belongs to.
    #[must_use]
    pub fn subject(&self) -> Cow<'_, str> {
        match &self.credential {
            Credential::Token(token) => token.subject.as_str().into(),
            Credential::Session(signed_in) => signed_in.session.user.to_string().into(),
            Credential::Key(known) => subject_of(&known.key).into(),
        }
    }

    /// The user it speaks for.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match &self.credential {
            Credential::Key(known) => known.key.owner,
            _ => self.person.as_ref().map(|person| person.user.id),
        }
    }

    /// The user it speaks for, as whoever holds it may be told. A client that knows people by pairwise
    /// names holds tokens of theirs, and would learn who they are everywhere by asking about one.
    #[must_use]
    pub fn told_user(&self) -> Option<UserId> {
        match &self.credential {
            Credential::Token(token) => UserId::parse(&token.subject).and(self.user()),
            Credential::Session(_) | Credential::Key(_) => self.user(),
        }
    }

    /// The tenant it acts in.
    #[must_use]
    pub fn organization(&self) -> Option<OrganizationId> {
        match &self.credential {
            Credential::Token(_) => self.client.as_ref().and_then(|client| client.organization),
            Credential::Session(signed_in) => signed_in.session.organization,
            Credential::Key(known) => known.key.organization,
        }
    }

    /// The project it acts in.
    #[must_use]
    pub fn project(&self) -> Option<ProjectId> {
        match &self.credential {
            Credential::Token(_) => None,
            Credential::Session(signed_in) => signed_in.session.project,
            Credential::Key(known) => known.key.project,
        }
    }

    /// The groups of its tenant that its person is in.
    #[must_use]
    pub fn groups(&self) -> &[GroupId] {
        match &self.credential {
            Credential::Key(known) => known.key.group.as_slice(),
            _ => self.place().map_or(&[], |place| &place.groups),
        }
    }

    /// What it opens.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        match &self.credential {
            Credential::Token(token) => &token.scopes,
            Credential::Session(_) if self.reach().is_some() => &ADMINISTRATION,
            Credential::Session(_) => &NOTHING,
            Credential::Key(known) => &known.scopes,
        }
    }

    /// For whom it is; a session is for this server, a key for every API behind it.
    #[must_use]
    pub fn audience<'a>(&'a self, app: &'a App) -> &'a str {
        match &self.credential {
            Credential::Token(token) => &token.audience,
            Credential::Session(_) => &app.settings.issuer,
            Credential::Key(_) => "",
        }
    }

    /// When it was issued.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        match &self.credential {
            Credential::Token(token) => token.issued_at,
            Credential::Session(signed_in) => signed_in.session.created_at,
            Credential::Key(known) => known.key.created_at,
        }
    }

    /// When it ends, if nothing extends it; a key may have no end.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match &self.credential {
            Credential::Token(token) => Some(token.expires_at),
            Credential::Session(signed_in) => {
                let session = &signed_in.session;
                Some(session.ends_at.min(signed_in.seen_at().plus(session.idle)))
            }
            Credential::Key(known) => known.key.expires_at(),
        }
    }

    /// How the audit names whoever acts with it.
    #[must_use]
    pub fn actor(&self) -> String {
        match (&self.person, &self.client) {
            (Some(person), _) => format!("user:{}", person.user.id),
            (None, Some(client)) => format!("client:{}", client.public_id),
            (None, None) => format!("{}:{}", self.kind(), self.id()),
        }
    }

    /// What it may manage, where its scopes let it manage anything. A key manages nothing. A client reaches its own
    /// organization, or all when it belongs to none; a person what they administer, and a token
    /// they gave to a client no more than both.
    #[must_use]
    pub fn reach(&self) -> Option<Reach> {
        if matches!(self.credential, Credential::Key(_)) {
            return None;
        }
        let by_client = self
            .client
            .as_ref()
            .map(|client| client.organization.map_or(Reach::Instance, Reach::Organization));
        let Some(person) = &self.person else { return by_client };
        let within = match by_client {
            Some(Reach::Organization(organization)) => Some(organization),
            _ => self.organization(),
        };
        match by_client {
            None | Some(Reach::Instance) if person.administrator_since.is_some() => {
                Some(Reach::Instance)
            }
            _ if person.administrator_since.is_some() => by_client,
            _ => {
                let place = person.place(within?)?;
                let manages = matches!(place.role, Role::Owner | Role::Admin);
                manages.then_some(Reach::Organization(place.organization))
            }
        }
    }

    fn place(&self) -> Option<&Place> {
        self.person.as_ref()?.place(self.organization()?)
    }
}

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

fn subject_of(key: &ApiKey) -> String {
    match (key.owner, key.organization) {
        (Some(owner), _) => owner.to_string(),
        (None, Some(organization)) => organization.to_string(),
        (None, None) => key.id().to_string(),
    }
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
