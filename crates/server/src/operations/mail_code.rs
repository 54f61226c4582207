//! Signing in with a code sent by mail. Asking for one answers the same whether or not the address
//! has an account: the letter is only queued here, and who it is for is looked up when it is sent.

use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::mail_code;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::sign_in::Method;
use keyhaven_store::mail_codes::{self, Tried};
use keyhaven_store::pending_sign_ins::PendingSignIn;
use keyhaven_store::profiles::verifying;

use super::passwords::note_failure;
use super::sign_in::{Next, Visitor, complete_first_factor};
use super::{Failure, notify};
use crate::app::App;
use crate::mail::letter::Matter;

/// Asks for a code for a sign-in under way.
pub async fn send(
    app: &App,
    pending: &PendingSignIn,
    address: &str,
    visitor: Visitor<'_>,
) -> Result<(), Failure> {
    let address = parse_email(address).map_err(|rule| Refusal::request(rule).on("username"))?;
    let matter = Matter::MailCode { bound: pending.id.to_string() };
    notify::ask_as_visitor(app, &address, matter, visitor.origin).await
}

/// Signs in with a code that was sent for this sign-in.
pub async fn sign_in(
    app: &App,
    pending: &PendingSignIn,
    typed: &str,
    visitor: Visitor<'_>,
) -> Result<Next, Failure> {
    let typed = mail_code::parse(typed).map_err(Refusal::grant)?;
    let now = app.clock.now();
    let sent = match app.store.try_mail_code(pending.id, &typed, now).await? {
        Tried::Right(sent) => sent,
        Tried::Wrong(user) => {
            let reason = "the mail code is not the one sent";
            note_failure(app, Some(user), Method::MailCode, reason, visitor.origin).await?;
            return Err(Refusal::grant(reason).into());
        }
        Tried::Nothing => {
            return Err(
                Refusal::grant("no mail code was sent, or its time or tries are over").into()
            );
        }
    };
    let person = app.store.find_person(sent.user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    if person.user.email != sent.address {
        return Err(Refusal::grant("the user has another address by now").into());
    }
    let shown = verifying(sent.user, &sent.address, now);
    let with = mail_codes::spending(&sent, now).and(shown);
    complete_first_factor(app, pending, &person, Method::MailCode, with, visitor).await
}
