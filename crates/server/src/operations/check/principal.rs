//! What a credential resolves to: whose it is, what it opens, what it may manage.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use keyhaven_protocol::api_key::ApiKey;
use keyhaven_protocol::client::{Client, TokenFormat};
use keyhaven_protocol::id::{GrantId, GroupId, Id, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::scope::{ADMIN, Scopes};
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::AccessToken;
use keyhaven_store::Reach;
use keyhaven_store::keys::KnownKey;
use keyhaven_store::memberships::Role;
use keyhaven_store::people::{Person, Place};
use keyhaven_store::sessions::SignedIn;

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

fn subject_of(key: &ApiKey) -> String {
    match (key.owner, key.organization) {
        (Some(owner), _) => owner.to_string(),
        (None, Some(organization)) => organization.to_string(),
        (None, None) => key.id().to_string(),
    }
}
