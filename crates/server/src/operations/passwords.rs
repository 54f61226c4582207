//! Passwords: signing in with one, changing it. Known and unknown accounts cost the
//! same work and get the same refusal (A58); the private reason tells them apart.

use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::password;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::sign_in::Method;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::passwords::{PasswordAccount, PasswordChange, holding};
use keyhaven_store::pending_sign_ins::PendingSignIn;
use keyhaven_store::sessions::SignedIn;
use keyhaven_store::{Error, Outcome, Plan};
use serde_json::json;

use super::Failure;
use super::notify::notice;
use super::sign_in::{Next, Visitor, complete_first_factor};
use super::sign_in_tries::{Taken, take_at_account};
use crate::app::{App, Origin};
use crate::mail::letter::Notice;
use crate::password_pool::Verdict;

/// How fresh a sign-in must be for changes of password, address and factors (V7.5.1).
pub const FRESH: Seconds = Seconds(15 * 60);

/// The address an account is looked for by. What is no address is nobody's, and costs the same.
#[must_use]
pub fn canonical(email: &str) -> String {
    parse_email(email)
        .unwrap_or_else(|_| email.chars().take(254).collect::<String>().to_lowercase())
}

/// The first factor of a pending sign-in: a password.
pub async fn sign_in_with_password(
    app: &App,
    pending: &PendingSignIn,
    email: &str,
    password: &Secret,
    visitor: Visitor<'_>,
) -> Result<Next, Failure> {
    let email = canonical(email);
    let account = app.store.find_password_account(&email).await?;
    let user = account.as_ref().map(|account| account.user.id);
    let taken = take_at_account(app, &email, user, visitor).await?;
    let proved = prove(app, account, password, &taken, visitor.origin).await?;
    let person = app.store.find_person(proved.user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    complete_first_factor(app, pending, &person, Method::Password, proved.with, visitor).await
}

/// Gives the signed-in person a new password: with the old one, or within [`FRESH`] of a sign-in
/// where there is none yet. Their other sessions end.
pub async fn change_password(
    app: &App,
    signed_in: &SignedIn,
    old: Option<&Secret>,
    new: &Secret,
    visitor: Visitor<'_>,
) -> Result<(), Failure> {
    let user = &signed_in.person.user;
    refuse_weak(new, &user.email)?;
    let account = app.store.find_password_of(user.id).await?;
    let account = account.ok_or_else(|| Refusal::grant("the user is gone"))?;
    let was = account.password.as_ref().map(|stored| stored.revision);
    let with = match (was, old) {
        (Some(_), Some(old)) => {
            let taken = take_at_account(app, &user.email, Some(user.id), visitor).await?;
            prove(app, Some(account), old, &taken, visitor.origin).await?.with
        }
        (Some(_), None) => return Err(Refusal::missing("password").into()),
        (None, _) => {
            signed_in.session.is_fresh(FRESH, app.clock.now())?;
            Plan::default()
        }
    };
    let phc = app.passwords.hash(new, app.dice.bytes()).await?;
    let keep = signed_in.session.parent.unwrap_or(signed_in.session.id);
    let change = PasswordChange { user: user.id, phc: &phc, was, keep: Some(keep) };
    let with = with.and(notice(app, &user.email, Notice::PasswordChanged)?);
    let act = app.act(format!("user:{}", user.id), visitor.origin);
    changed(app.store.change_password(change, with, act).await?)
}

/// What a change of password ended as.
pub(super) fn changed(outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Moved => Err(Refusal::grant("the password was changed at the same time").into()),
        Outcome::Absent => Err(Refusal::grant("the user is gone or disabled").into()),
        Outcome::Full(_) => Err(Error::busy("too many letters wait to be sent").into()),
        other => Err(Error::broken(format!("a password change ended as {other:?}")).into()),
    }
}

/// Refuses what cannot become a password. The reason is fit to be shown: it says what to change.
pub fn refuse_weak(new: &Secret, email: &str) -> Result<(), Failure> {
    password::parse_new(new.reveal(), email)
        .map_err(|rule| Refusal::request(rule).on("new_password").into())
}

/// A password that was right, and what must still be true when it is acted on.
struct Proved {
    user: UserId,
    with: Plan,
}

async fn prove(
    app: &App,
    account: Option<PasswordAccount>,
    password: &Secret,
    taken: &Taken,
    origin: &Origin,
) -> Result<Proved, Failure> {
    password::parse_length(password.reveal())
        .map_err(|rule| Refusal::request(rule).on("password"))?;
    let stored = account.as_ref().and_then(|account| account.password.as_ref());
    let verdict = app.passwords.compare(password, stored.map(|stored| &*stored.phc)).await?;
    let reason = match (&account, stored, verdict) {
        (None, ..) => "no account has this address",
        (Some(_), None, _) => "the account has no password",
        (Some(_), Some(_), Verdict::Wrong) => "wrong password",
        (Some(account), Some(stored), right) => {
            let user = account.user.id;
            if right == Verdict::RightButCheap {
                let phc = app.passwords.hash(password, app.dice.bytes()).await?;
                app.store.rehash_password(user, &phc, stored.revision).await?;
            }
            let with = holding(user, stored.revision).and(taken.given_back());
            return Ok(Proved { user, with });
        }
    };
    let user = account.map(|account| account.user.id);
    note_failure(app, user, Method::Password, reason, origin).await?;
    Err(Refusal::grant(reason).into())
}

/// Writes down that a factor was wrong, for the person's history.
pub async fn note_failure(
    app: &App,
    user: Option<UserId>,
    method: Method,
    reason: &str,
    origin: &Origin,
) -> Result<(), Failure> {
    let address = origin.address.to_string();
    let detail = json!({ "method": method.as_str(), "reason": reason, "address": address });
    let act = app.act("visitor", origin);
    app.store.note_failed_sign_in(user, &detail.to_string(), act).await?;
    Ok(())
}
