//! Whose account another provider's word leads to: the one that is linked, a new one where the provider
//! may bring people in, or the one that is signed in and links it.

use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::sign_in::Method;
use keyhaven_protocol::upstream::Profile;
use keyhaven_protocol::upstream::admission::{self, Facts};
use keyhaven_store::pending_sign_ins::PendingSignIn;
use keyhaven_store::people::Person;
use keyhaven_store::profiles::verifying;
use keyhaven_store::sessions::SignedIn;
use keyhaven_store::upstream_identities::{self, UpstreamIdentity};
use keyhaven_store::upstream_providers::UpstreamProvider;
use keyhaven_store::users::User;
use keyhaven_store::{Error, Outcome, Plan, Reach};

use crate::app::{App, Origin};
use crate::mail::letter::Notice;
use crate::operations::Failure;
use crate::operations::factors::{actor, changing, require_fresh, settled};
use crate::operations::sign_in::{Next, Visitor, complete_first_factor};

/// Completes the first factor of a sign-in with what a provider says of somebody.
pub(super) async fn sign_in_as(
    app: &App,
    provider: &UpstreamProvider,
    profile: &Profile,
    pending: &PendingSignIn,
    visitor: Visitor<'_>,
) -> Result<Next, Failure> {
    let now = app.clock.now();
    let known = app.store.find_upstream_identity(&provider.issuer, &profile.subject).await?;
    let (user, with) = match known {
        Some(identity) => (identity.user, upstream_identities::using(&identity, now)),
        None => (admit(app, provider, profile, visitor.origin).await?, Plan::default()),
    };
    let person: Option<Person> = app.store.find_person(user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    complete_first_factor(app, pending, &person, Method::Upstream, with, visitor).await
}

/// Makes an account for somebody nobody here knows, if the provider may bring them in.
async fn admit(
    app: &App,
    provider: &UpstreamProvider,
    profile: &Profile,
    origin: &Origin,
) -> Result<UserId, Failure> {
    let email = admission::address(profile)?;
    let account = app.store.find_user_by_email(Reach::Instance, &email).await?;
    let facts = Facts {
        admits: provider.admits,
        provider_of: provider.organization,
        claimed_by: app.store.find_home(&email).await?.organization,
        has_account: account.is_some(),
    };
    let newcomer = admission::decide(profile, &facts)?;
    let told = profile.name.as_deref().and_then(|name| parse_display_name(name).ok());
    let now = app.clock.now();
    let user = User {
        id: UserId(app.id()),
        name: told.unwrap_or_else(|| newcomer.email.clone()),
        email: newcomer.email,
        created_at: now,
        disabled_at: None,
    };
    let identity = identity(app, provider, profile, user.id);
    let act = app.act(format!("upstream:{}", provider.id), origin);
    let shown = match profile.email_verified {
        true => verifying(user.id, &user.email, now),
        false => Plan::default(),
    };
    let admitted = app.store.admit_newcomer(&user, newcomer.member_of, &identity, shown, act);
    match admitted.await? {
        Outcome::Done => Ok(user.id),
        Outcome::Taken(_) => {
            Err(Refusal::grant("an account has this address: it links the provider itself").into())
        }
        other => Err(Error::broken(format!("a newcomer was admitted as {other:?}")).into()),
    }
}

/// Links what a provider says of somebody to the account that is signed in.
pub(super) async fn link(
    app: &App,
    provider: &UpstreamProvider,
    profile: &Profile,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<(), Failure> {
    require_fresh(app, signed_in)?;
    if let Some(organization) = provider.organization
        && signed_in.person.place(organization).is_none()
    {
        return Err(Refusal::grant("the provider is for members of its organization").into());
    }
    let user = &signed_in.person.user;
    let identity = identity(app, provider, profile, user.id);
    let notice = Notice::UpstreamLinked { name: provider.name.clone() };
    let mut act = app.act(actor(user.id), origin);
    let with = changing(app, signed_in, notice, &mut act)?;
    settled(app.store.link_upstream(&identity, with, act).await?)
}

fn identity(
    app: &App,
    provider: &UpstreamProvider,
    profile: &Profile,
    user: UserId,
) -> UpstreamIdentity {
    UpstreamIdentity {
        id: app.id(),
        user,
        provider: provider.id,
        issuer: provider.issuer.clone(),
        subject: profile.subject.clone(),
        email: profile.email.clone().filter(|email| email.len() <= 254),
        created_at: app.clock.now(),
        used_at: None,
    }
}
