//! A forgotten password and another address: a code that only the mailbox's owner reads, spent by the
//! change itself. Recovery sets a password and removes nothing else: whoever has a second factor is
//! asked for it at the next sign-in (V6.4.3).

use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Error;
use keyhaven_store::Outcome;
use keyhaven_store::one_time_codes::{Purpose, spending};
use keyhaven_store::passwords::PasswordChange;
use keyhaven_store::profiles::verifying;
use keyhaven_store::sessions::SignedIn;

use super::Failure;
use super::accounts::{find_code, link, mint_code};
use super::notify::{ask_as_visitor, notice, take_letter};
use super::passwords::{FRESH, canonical, changed, refuse_weak};
use crate::app::{App, Origin};
use crate::mail::letter::{Matter, Notice};

/// Asks for a recovery link to be sent. The answer, and the work, are the same whether the address
/// has an account or not; that is looked up when the letter is written (A58).
pub async fn request_recovery(app: &App, email: &str, origin: &Origin) -> Result<(), Failure> {
    let email = canonical(email);
    let letters = take_letter(app, &email, origin).await?;
    // What is no address gets no letter, and nobody is told.
    if parse_email(&email).is_err() {
        return Ok(());
    }
    letters.ask_for(app, &email, Matter::Recovery).await
}

/// Asks for a link to another address of the signed-in person to be sent there. Needs a fresh
/// sign-in (V7.5.1).
pub async fn request_address(
    app: &App,
    signed_in: &SignedIn,
    email: &str,
    origin: &Origin,
) -> Result<(), Failure> {
    signed_in.session.is_fresh(FRESH, app.clock.now())?;
    let email = parse_email(email).map_err(|rule| Refusal::request(rule).on("email"))?;
    let user = signed_in.session.user.to_string();
    ask_as_visitor(app, &email, Matter::Address { user }, origin).await
}

/// The link with which the owner of this canonical address chooses a new password; `None` where it
/// has no account that may sign in. Made when the letter is written, so its life begins there.
pub async fn recovery_link(
    app: &App,
    email: &str,
    origin: &Origin,
) -> Result<Option<Secret>, Error> {
    let account = app.store.find_password_account(email).await?;
    let user = account.map(|account| account.user).filter(|user| user.disabled_at.is_none());
    let Some(user) = user else { return Ok(None) };
    let (mut code, text) = mint_code(app, Purpose::Recovery);
    code.user = Some(user.id);
    code.subject = user.email;
    let act = app.act("visitor", origin);
    app.store.keep_one_time_code(&code, "recovery.offered", act).await?;
    Ok(Some(link(app, "/reset", &text)))
}

/// Sets a new password with a recovery code. Every session of the person ends.
pub async fn recover(
    app: &App,
    code: &str,
    new: &Secret,
    origin: &Origin,
) -> Result<UserId, Failure> {
    let code = find_code(app, Purpose::Recovery, code).await?;
    let user = code.user.ok_or_else(|| Error::broken("a recovery code without a user"))?;
    let account = app.store.find_password_of(user).await?;
    let account = account.ok_or_else(|| Refusal::grant("the user is gone"))?;
    if account.user.email != code.subject {
        return Err(Refusal::grant("the address was changed since the link was sent").into());
    }
    refuse_weak(new, &account.user.email)?;
    let phc = app.passwords.hash(new, app.dice.bytes()).await?;
    let was = account.password.map(|stored| stored.revision);
    let change = PasswordChange { user, phc: &phc, was, keep: None };
    let act = app.act(format!("user:{user}"), origin);
    let told = notice(app, &code.subject, Notice::PasswordChanged)?;
    let now = app.clock.now();
    let shown = verifying(user, &code.subject, now);
    let with = spending(&code, now).and(told).and(shown);
    changed(app.store.change_password(change, with, act).await?)?;
    Ok(user)
}

/// The link with which a person proves another address, which is canonical. Whether it is free is
/// decided when the link is used.
pub async fn address_link(
    app: &App,
    user: UserId,
    email: &str,
    origin: &Origin,
) -> Result<Secret, Error> {
    let (mut code, text) = mint_code(app, Purpose::EmailChange);
    code.user = Some(user);
    email.clone_into(&mut code.subject);
    let act = app.act(format!("user:{user}"), origin);
    app.store.keep_one_time_code(&code, "address.offered", act).await?;
    Ok(link(app, "/account/email", &text))
}

/// Gives the signed-in person the address that a code proves. Their other sessions end, and the
/// address they had is told.
pub async fn change_address(
    app: &App,
    code: &str,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<(), Failure> {
    let code = find_code(app, Purpose::EmailChange, code).await?;
    let user = &signed_in.person.user;
    if code.user != Some(user.id) {
        return Err(Refusal::grant("the code was sent for another account").into());
    }
    let keep = signed_in.session.parent.unwrap_or(signed_in.session.id);
    let act = app.act(format!("user:{}", user.id), origin);
    let told = notice(app, &user.email, Notice::EmailChanged)?;
    let with = spending(&code, app.clock.now()).and(told);
    let change = app.store.change_address(user.id, &code.subject, Some(keep), with, act);
    match change.await? {
        Outcome::Done => Ok(()),
        Outcome::Taken(_) => Err(Refusal::grant("the address has an account already").into()),
        Outcome::Moved => {
            Err(Refusal::grant("the one-time code was spent at the same time").into())
        }
        Outcome::Absent => Err(Refusal::grant("the user is gone or disabled").into()),
        Outcome::Full(_) => Err(Error::busy("too many letters wait to be sent").into()),
        other => Err(Error::broken(format!("an address change ended as {other:?}")).into()),
    }
}
