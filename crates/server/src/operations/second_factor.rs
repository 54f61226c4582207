//! The second step of a sign-in: a code from an app, a recovery code, or a passkey. Tries are counted
//! per sign-in and per account, across factors, and taken before anything is compared (A63).

use keyhaven_protocol::id::UserId;
use keyhaven_protocol::recovery_code;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::sign_in::{Method, decide_second};
use keyhaven_store::pending_sign_ins::PendingSignIn;
use keyhaven_store::sign_in_tries::{Counter, giving_back};
use keyhaven_store::{Plan, recovery_codes, totp_seeds};

use super::passwords::note_failure;
use super::sign_in::{Opened, Visitor, complete_second_factor, take_try};
use super::sign_in_tries::take;
use super::{Failure, known_device, notify, passkeys};
use crate::app::{App, Origin};
use crate::mail::letter::Notice;

/// What a person answers with.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Six digits from an app.
    Totp(&'a str),
    /// A recovery code.
    RecoveryCode(&'a str),
    /// What the browser made of a passkey, as JSON.
    Passkey(&'a str),
}

impl Answer<'_> {
    const fn method(self) -> Method {
        match self {
            Self::Totp(_) => Method::Totp,
            Self::RecoveryCode(_) => Method::RecoveryCode,
            Self::Passkey(_) => Method::Passkey,
        }
    }
}

/// Completes a sign-in whose first factor was shown.
pub async fn prove_second_factor(
    app: &App,
    pending: &PendingSignIn,
    answer: Answer<'_>,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    decide_second(&pending.wanted, answer.method())?;
    take_try(app, pending).await?;
    let tries = take_account_try(app, pending, visitor).await?;
    let origin = visitor.origin;
    let spent = match answer {
        Answer::Totp(typed) => totp(app, pending, typed, origin).await?,
        Answer::RecoveryCode(typed) => recovery_code(app, pending, typed, origin).await?,
        Answer::Passkey(credential) => passkeys::second(app, pending, credential, origin).await?,
    };
    let with = spent.and(giving_back(&[tries], None));
    complete_second_factor(app, pending, answer.method(), with, visitor).await
}

/// Whoever knows the password may not guess for ever; a known device of the person has tries of its
/// own, so that strangers do not use up theirs.
async fn take_account_try(
    app: &App,
    pending: &PendingSignIn,
    visitor: Visitor<'_>,
) -> Result<Counter, Failure> {
    let user = user(pending)?;
    let device = visitor.device.and_then(|cookie| known_device::recognise(app, cookie));
    let device = device.filter(|device| device.user == user).map(|device| device.id);
    let counter = Counter::of_second_factors(user, device);
    take(app, &[counter], "too many wrong second factors on an account").await?;
    Ok(counter)
}

/// Leaves the wrong answer in the person's history.
async fn wrong(
    app: &App,
    user: UserId,
    method: Method,
    rule: &'static str,
    origin: &Origin,
) -> Result<Plan, Failure> {
    note_failure(app, Some(user), method, rule, origin).await?;
    Err(Refusal::grant(rule).into())
}

fn user(pending: &PendingSignIn) -> Result<UserId, Refusal> {
    pending.user.ok_or_else(|| Refusal::request("no first factor was shown"))
}

async fn totp(
    app: &App,
    pending: &PendingSignIn,
    typed: &str,
    origin: &Origin,
) -> Result<Plan, Failure> {
    let (user, now) = (user(pending)?, app.clock.now());
    let found = app.store.find_totp(user).await?.filter(|totp| totp.confirmed_at.is_some());
    let totp = found.ok_or_else(|| Refusal::grant("the user has no authenticator app"))?;
    match totp.seed.find_step(typed, now) {
        Ok(step) => Ok(totp_seeds::spending(user, step, now)),
        Err(rule) => wrong(app, user, Method::Totp, rule, origin).await,
    }
}

/// The owner hears of it: a recovery code is what somebody uses who found the paper.
async fn recovery_code(
    app: &App,
    pending: &PendingSignIn,
    typed: &str,
    origin: &Origin,
) -> Result<Plan, Failure> {
    let (user, now) = (user(pending)?, app.clock.now());
    let digest = recovery_code::parse_digest(typed).map_err(Refusal::grant)?;
    if !app.store.has_recovery_code(user, digest).await? {
        let rule = "not a recovery code of this user, or used before";
        return wrong(app, user, Method::RecoveryCode, rule, origin).await;
    }
    let person = app.store.find_person(user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    let notice = notify::notice(app, &person.user.email, Notice::RecoveryCodeUsed)?;
    Ok(recovery_codes::spending(user, digest, now).and(notice))
}
