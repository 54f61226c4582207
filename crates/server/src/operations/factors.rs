//! Setting up and taking away the factors beside the password: each needs a fresh sign-in, leaves an
//! audit row, tells the owner by mail and ends their other sessions, all in one commit.

use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::recovery_code;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;
use keyhaven_protocol::totp::Seed;
use keyhaven_store::sessions::{SignedIn, ending_others};
use keyhaven_store::{Act, Error, Outcome, Plan};

use super::{Failure, notify};
use crate::app::{App, Origin};
use crate::mail::letter::Notice;

pub use super::passwords::FRESH;

/// A seed that is shown again as it is while the person types its first code.
const SHOWN_FOR: Seconds = Seconds(900);

/// Refuses a session whose person has not proved who they are a moment ago.
pub fn require_fresh(app: &App, signed_in: &SignedIn) -> Result<(), Failure> {
    Ok(signed_in.session.is_fresh(FRESH, app.clock.now())?)
}

/// A seed to be put into an authenticator app.
#[derive(Debug)]
pub struct Offered {
    /// As people type it.
    pub text: Secret,
    /// As a QR code holds it.
    pub uri: Secret,
}

/// Shows a new seed, or the one that was shown a moment ago and not confirmed.
pub async fn offer_totp(
    app: &App,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<Offered, Failure> {
    require_fresh(app, signed_in)?;
    let user = &signed_in.person.user;
    let seed = match app.store.find_totp(user.id).await? {
        Some(totp) if totp.confirmed_at.is_some() => {
            return Err(Refusal::request("there is an authenticator app already").into());
        }
        Some(totp) if app.clock.now() < totp.created_at.plus(SHOWN_FOR) => totp.seed,
        _ => {
            let seed = Seed::new(app.dice.bytes());
            let act = app.act(actor(user.id), origin);
            let offered = app.store.offer_totp(user.id, &seed, app.dice.bytes(), act).await?;
            settled(offered)?;
            seed
        }
    };
    let host = app.settings.origin().split("://").nth(1).unwrap_or_default();
    Ok(Offered { text: seed.text(), uri: seed.uri(host, &user.email) })
}

/// Makes the shown seed count, by its first code. New recovery codes come with it if the person has
/// none; they are shown once.
pub async fn confirm_totp(
    app: &App,
    signed_in: &SignedIn,
    typed: &str,
    origin: &Origin,
) -> Result<Option<Vec<Secret>>, Failure> {
    require_fresh(app, signed_in)?;
    let user = &signed_in.person.user;
    let shown = app.store.find_totp(user.id).await?.filter(|totp| totp.confirmed_at.is_none());
    let shown = shown.ok_or_else(|| Refusal::request("no authenticator app is being set up"))?;
    let step = shown.seed.find_step(typed, app.clock.now()).map_err(Refusal::grant)?;
    let mut act = app.act(actor(user.id), origin);
    let with = changing(app, signed_in, Notice::TotpAdded, &mut act)?;
    settled(app.store.confirm_totp(user.id, &shown, step, with, act).await?)?;
    first_recovery_codes(app, user.id, origin).await
}

/// Takes the authenticator app away.
pub async fn remove_totp(app: &App, signed_in: &SignedIn, origin: &Origin) -> Result<(), Failure> {
    require_fresh(app, signed_in)?;
    let user = &signed_in.person.user;
    let mut act = app.act(actor(user.id), origin);
    let with = changing(app, signed_in, Notice::TotpRemoved, &mut act)?;
    settled(app.store.remove_totp(user.id, with, act).await?)
}

/// Makes new recovery codes; the old ones end. They are shown once.
pub async fn make_recovery_codes(
    app: &App,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<Vec<Secret>, Failure> {
    require_fresh(app, signed_in)?;
    let user = &signed_in.person.user;
    let mut act = app.act(actor(user.id), origin);
    let with = changing(app, signed_in, Notice::RecoveryCodesMade, &mut act)?;
    mint_recovery_codes(app, user.id, with, act).await
}

/// Recovery codes for somebody who has just set up a first second factor.
pub(super) async fn first_recovery_codes(
    app: &App,
    user: UserId,
    origin: &Origin,
) -> Result<Option<Vec<Secret>>, Failure> {
    if app.store.count_recovery_codes(user).await?.made_at.is_some() {
        return Ok(None);
    }
    let act = app.act(actor(user), origin);
    mint_recovery_codes(app, user, Plan::default(), act).await.map(Some)
}

async fn mint_recovery_codes(
    app: &App,
    user: UserId,
    with: Plan,
    act: Act,
) -> Result<Vec<Secret>, Failure> {
    let codes: Vec<Secret> =
        (0..recovery_code::COUNT).map(|_| recovery_code::mint(&app.dice.bytes())).collect();
    let digests = codes.iter().map(|code| recovery_code::parse_digest(code.reveal()));
    let digests = digests.collect::<Result<Vec<_>, _>>().map_err(Error::broken)?;
    settled(app.store.replace_recovery_codes(user, &digests, with, act).await?)?;
    Ok(codes)
}

/// Takes a passkey away.
pub async fn remove_passkey(
    app: &App,
    signed_in: &SignedIn,
    passkey: Id,
    origin: &Origin,
) -> Result<(), Failure> {
    require_fresh(app, signed_in)?;
    let user = &signed_in.person.user;
    let all = app.store.list_passkeys(user.id).await?;
    let found = all.into_iter().find(|known| known.id == passkey);
    let name = found.ok_or_else(|| Refusal::request("no such passkey of the user"))?.name;
    let mut act = app.act(actor(user.id), origin);
    let with = changing(app, signed_in, Notice::PasskeyRemoved { name }, &mut act)?;
    settled(app.store.remove_passkey(user.id, passkey, with, act).await?)
}

/// Unlinks another provider.
pub async fn unlink_upstream(
    app: &App,
    signed_in: &SignedIn,
    identity: Id,
    origin: &Origin,
) -> Result<(), Failure> {
    require_fresh(app, signed_in)?;
    let user = &signed_in.person.user;
    let mut act = app.act(actor(user.id), origin);
    let with = changing(app, signed_in, Notice::UpstreamUnlinked, &mut act)?;
    settled(app.store.unlink_upstream(user.id, identity, with, act).await?)
}

/// What goes with every change of a factor: its owner hears of it, and their other sessions end.
pub(super) fn changing(
    app: &App,
    signed_in: &SignedIn,
    notice: Notice,
    act: &mut Act,
) -> Result<Plan, Error> {
    let (user, session) = (&signed_in.person.user, &signed_in.session);
    let keep = session.parent.unwrap_or(session.id);
    let told = notify::notice(app, &user.email, notice)?;
    Ok(told.and(ending_others(user.id, Some(keep), act)))
}

pub(super) fn actor(user: UserId) -> String {
    format!("user:{user}")
}

/// What a change that lost means to the person.
pub(super) fn settled(outcome: Outcome) -> Result<(), Failure> {
    let rule = match outcome {
        Outcome::Done => return Ok(()),
        Outcome::Absent => "what should change is not there any more",
        Outcome::Taken(_) => "this belongs to an account already",
        Outcome::Full("mail") => return Err(Error::busy("too many letters wait").into()),
        Outcome::Full(_) => "there are as many as there may be",
        Outcome::Moved => "somebody was faster, or it was used before",
        other => return Err(Error::broken(format!("a factor changed as {other:?}")).into()),
    };
    Err(Refusal::request(rule).into())
}
