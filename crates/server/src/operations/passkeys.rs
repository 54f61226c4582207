//! Passkeys: what a browser is asked, and what becomes of its answer. A challenge is bound to the
//! session or the sign-in under way it was made for, and spent in the commit of what it allowed.

mod browser;

use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::sign_in::Method;
use keyhaven_protocol::webauthn::{
    Expected, Presence, SignedIn as Signed, verify_authentication, verify_registration,
};
use keyhaven_store::Plan;
use keyhaven_store::passkey_challenges::{self, Ceremony};
use keyhaven_store::passkeys::{self, Passkey, Registration};
use keyhaven_store::pending_sign_ins::PendingSignIn;
use keyhaven_store::sessions::SignedIn;

use super::Failure;
use super::factors::{actor, changing, first_recovery_codes, require_fresh, settled};
use super::passwords::note_failure;
use super::sign_in::{Next, Visitor, complete_first_factor};
use super::sign_in_tries::{TOO_MANY_OPENINGS, openings, take};
use crate::app::{App, Origin};
use crate::mail::letter::Notice;

use browser::{Created, Used};

/// What a browser is asked to make a new passkey: `PublicKeyCredentialCreationOptions` as JSON.
pub async fn creation_options(app: &App, signed_in: &SignedIn) -> Result<String, Failure> {
    let user = &signed_in.person.user;
    let known = app.store.list_passkeys(user.id).await?;
    let challenge = new_challenge(app, Ceremony::Register, signed_in.session.id.0).await?;
    Ok(browser::creation_options(rp_id(app), user, &known, &challenge))
}

/// Keeps a new passkey. Recovery codes come with it if the person has none; they are shown once.
pub async fn register(
    app: &App,
    signed_in: &SignedIn,
    credential: &str,
    name: &str,
    origin: &Origin,
) -> Result<Option<Vec<Secret>>, Failure> {
    require_fresh(app, signed_in)?;
    let name = parse_display_name(name).map_err(|rule| Refusal::request(rule).on("name"))?;
    let created = Created::parse(credential).map_err(Refusal::request)?;
    let bound = signed_in.session.id.0;
    let challenge = find_challenge(app, Ceremony::Register, bound, &created.client_data).await?;
    // Every passkey may be used without a password, so every passkey must know its user.
    let expected = expected(app, &challenge, Presence::Verified);
    let passkey = verify_registration(created.attestation(), &expected).map_err(Refusal::grant)?;
    let user = &signed_in.person.user;
    let new = Registration {
        id: app.id(),
        passkey: &passkey,
        transports: &created.transports,
        name: &name,
    };
    let with = passkey_challenges::spending(
        Ceremony::Register,
        bound,
        Digest::of(&challenge),
        app.clock.now(),
    );
    let notice = Notice::PasskeyAdded { name: name.clone() };
    let mut act = app.act(actor(user.id), origin);
    let with = with.and(changing(app, signed_in, notice, &mut act)?);
    settled(app.store.register_passkey(user.id, new, with, act).await?)?;
    first_recovery_codes(app, user.id, origin).await
}

/// What a browser is asked for a passkey: `PublicKeyCredentialRequestOptions` as JSON. Before a
/// first factor it names no credential, so that it says nothing of who has an account (A58), and one
/// network is given so many.
pub async fn request_options(
    app: &App,
    pending: &PendingSignIn,
    origin: &Origin,
) -> Result<String, Failure> {
    let known = match pending.user {
        Some(user) => app.store.list_passkeys(user).await?,
        None => {
            take(app, &[openings(origin)], TOO_MANY_OPENINGS).await?;
            Vec::new()
        }
    };
    let challenge = new_challenge(app, Ceremony::SignIn, pending.id).await?;
    Ok(browser::request_options(rp_id(app), &known, &challenge))
}

/// Signs in with a passkey alone.
pub async fn sign_in(
    app: &App,
    pending: &PendingSignIn,
    credential: &str,
    visitor: Visitor<'_>,
) -> Result<Next, Failure> {
    let used = Used::parse(credential).map_err(Refusal::request)?;
    if used.user_handle.is_none() {
        return Err(Refusal::grant("the passkey does not say whose it is").into());
    }
    let origin = visitor.origin;
    let (passkey, with) = proved(app, pending.id, &used, Presence::Verified, origin).await?;
    let person = app.store.find_person(passkey.user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    complete_first_factor(app, pending, &person, Method::Passkey, with, visitor).await
}

/// Checks a passkey as the second factor of a sign-in; the plan spends what it used.
pub(super) async fn second(
    app: &App,
    pending: &PendingSignIn,
    credential: &str,
    origin: &Origin,
) -> Result<Plan, Failure> {
    let used = Used::parse(credential).map_err(Refusal::request)?;
    let (passkey, with) = proved(app, pending.id, &used, Presence::Touched, origin).await?;
    if pending.user != Some(passkey.user) {
        return Err(Refusal::grant("the passkey belongs to another user").into());
    }
    Ok(with)
}

/// A passkey that answered the challenge of `bound`, and what that spends.
async fn proved(
    app: &App,
    bound: Id,
    used: &Used,
    presence: Presence,
    origin: &Origin,
) -> Result<(Passkey, Plan), Failure> {
    let challenge = find_challenge(app, Ceremony::SignIn, bound, &used.client_data).await?;
    let passkey = app.store.find_passkey(&used.id).await?;
    let passkey = passkey.ok_or_else(|| Refusal::grant("the passkey is not known"))?;
    let expected = expected(app, &challenge, presence);
    let signed: Signed = match verify_authentication(used.assertion(), passkey.known(), &expected) {
        Ok(signed) => signed,
        Err(rule) => {
            note_failure(app, Some(passkey.user), Method::Passkey, rule, origin).await?;
            return Err(Refusal::grant(rule).into());
        }
    };
    let now = app.clock.now();
    let spent = passkey_challenges::spending(Ceremony::SignIn, bound, Digest::of(&challenge), now);
    let with = spent.and(passkeys::using(&passkey, signed, now));
    Ok((passkey, with))
}

async fn new_challenge(app: &App, ceremony: Ceremony, bound: Id) -> Result<[u8; 32], Failure> {
    let challenge: [u8; 32] = app.dice.bytes();
    let hash = Digest::of(&challenge);
    app.store.keep_passkey_challenge(ceremony, bound, hash, app.clock.now()).await?;
    Ok(challenge)
}

/// The challenge the browser answered, if it was made for `bound`.
async fn find_challenge(
    app: &App,
    ceremony: Ceremony,
    bound: Id,
    client_data: &[u8],
) -> Result<[u8; 32], Failure> {
    let challenge = browser::challenge_of(client_data).map_err(Refusal::grant)?;
    let hash = Digest::of(&challenge);
    if app.store.has_passkey_challenge(ceremony, bound, hash, app.clock.now()).await? {
        return Ok(challenge);
    }
    Err(Refusal::grant("the challenge is over, was answered, or is of another sign-in").into())
}

fn expected<'a>(app: &'a App, challenge: &'a [u8; 32], presence: Presence) -> Expected<'a> {
    Expected { rp_id: rp_id(app), origin: app.settings.origin(), challenge, presence }
}

/// The host of the issuer (WebAuthn Level 3 §5.1.3): never what a request says in `Host`.
fn rp_id(app: &App) -> &str {
    let authority = app.settings.origin().split("://").nth(1).unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The user handle of a person: the id, which says nothing about them (§14.6.1).
pub(super) fn handle(user: UserId) -> [u8; 16] {
    user.0.0
}
