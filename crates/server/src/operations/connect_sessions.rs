//! Invitations to connect an account: made by a program or an administrator, gone through by whoever
//! holds the link.

use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::id::Id;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::connect_sessions::ConnectSession;
use keyhaven_store::connections::Held;
use keyhaven_store::connectors::Kept;
use keyhaven_store::organizations::Organization;
use keyhaven_store::sessions::SignedIn;
use keyhaven_store::{Error, Reach};

use super::Failure;
use super::refresh_connection::scopes_of;
use super::start_connection::{NoStart, Start, Started, start_connection};
use crate::app::App;
use crate::vault::provider_of::{Found, find_provider};

/// An invitation with what its page says about it.
pub struct Invited {
    /// The invitation.
    pub session: ConnectSession,
    /// Who asks.
    pub organization: Organization,
    /// Under which connector.
    pub kept: Kept,
    /// Its provider.
    pub provider: Found,
    /// The connection it renews.
    pub renews: Option<Held>,
    /// The e-mail address of the user it is for.
    pub user: Option<String>,
}

/// The token of a new invitation.
#[must_use]
pub fn mint(app: &App, id: Id) -> Secret {
    credential::mint(Kind::Flow, id, &app.dice.bytes())
}

/// The invitation of a token, if it is open and `visitor`, who may be signed in here, is not somebody
/// else than the user it is for.
pub async fn find_invited(
    app: &App,
    token: &str,
    visitor: Option<&SignedIn>,
) -> Result<Invited, Failure> {
    let presented = credential::parse_kind(Kind::Flow, token)
        .ok_or_else(|| Refusal::token("not an invitation of ours"))?;
    let session = app.store.find_connect_session(presented.digest).await?;
    let session = session.ok_or_else(|| Refusal::token("the invitation is not there"))?;
    is_open(&session, app.clock.now())?;
    if let (Some(owner), Some(visitor)) = (session.owner, visitor)
        && visitor.session.user != owner
    {
        return Err(Refusal::token("somebody else is signed in here")
            .with("invited", owner.to_string())
            .with("signed_in", visitor.session.user.to_string())
            .into());
    }
    let gone = || Refusal::token("what the invitation is about is gone");
    Ok(surroundings(app, session).await?.ok_or_else(gone)?)
}

fn is_open(session: &ConnectSession, now: Timestamp) -> Result<(), Refusal> {
    if session.made.is_some() {
        return Err(Refusal::token("the invitation has led to a connection already"));
    }
    if session.expires_at <= now {
        return Err(Refusal::token("the invitation is over")
            .with("expired_at", session.expires_at.0.to_string()));
    }
    Ok(())
}

async fn surroundings(app: &App, session: ConnectSession) -> Result<Option<Invited>, Error> {
    let reach = Reach::Organization(session.organization);
    let Some(organization) = app.store.find_organization(reach, session.organization).await? else {
        return Ok(None);
    };
    let Some(kept) = app.store.find_connector(reach, session.connector).await? else {
        return Ok(None);
    };
    let key = &kept.connector.provider;
    let Some(provider) = find_provider(app, session.organization, key).await? else {
        return Ok(None);
    };
    let renews = match session.connection {
        Some(id) => app.store.find_held(reach, id).await?,
        None => None,
    };
    let user = match session.owner {
        Some(owner) => app.store.find_person(owner).await?.map(|person| person.user.email.clone()),
        None => None,
    };
    let stands = kept.connector.deleting_since.is_none()
        && organization.disabled_at.is_none()
        && session.connection.is_some() == renews.is_some();
    let whole = Invited { session, organization, kept, provider, renews, user };
    Ok(Some(whole).filter(|_| stands))
}

/// Begins the flow of an invitation.
pub async fn follow(app: &App, invited: &Invited) -> Result<Started, NoStart> {
    let session = &invited.session;
    let start = Start {
        kept: &invited.kept,
        provider: &invited.provider,
        renews: invited.renews.as_ref(),
        owner: session.owner,
        starter: &session.starter,
        base: &session.base,
        scopes: &scopes_of(&session.scopes),
        session: Some(session.hash),
    };
    start_connection(app, &start).await
}
