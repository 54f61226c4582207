//! Signing in with a code sent by mail. Asking for one answers the same whether or not the address
//! has an account: the letter is only queued here, and who it is for is looked up when it is sent.

use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::mail_code;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::sign_in::Method;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::factor_tries::Allowance;
use keyhaven_store::mail_codes::{self, Tried};
use keyhaven_store::pending_sign_ins::PendingSignIn;

use super::sign_in::{Next, Visitor, complete_first_factor};
use super::{Failure, Refused, notify};
use crate::app::App;
use crate::mail::letter::Matter;

/// Letters to one address: enough for a bad day, not enough to fill a mailbox.
const PER_ADDRESS: Allowance = Allowance { most: 5, window: Seconds(900) };
/// Letters asked for by one network.
const PER_NETWORK: Allowance = Allowance { most: 50, window: Seconds(900) };

/// Asks for a code for a sign-in under way. Beyond the allowance of an address nothing is sent, and
/// nobody is told: the answer would say that somebody else has asked.
pub async fn send(
    app: &App,
    pending: &PendingSignIn,
    address: &str,
    visitor: Visitor<'_>,
) -> Result<(), Failure> {
    let address = parse_email(address).map_err(|rule| Refusal::request(rule).on("username"))?;
    let now = app.clock.now();
    let network = crate::limits::network(visitor.origin.address);
    let network = Digest::of(&[b"mail by network\0".as_slice(), &network].concat());
    if !app.store.take_factor_try(network, PER_NETWORK, now).await? {
        let refusal =
            Refusal::new(Code::TooManyRequests, "too many letters asked for by a network");
        let wait = Some(PER_NETWORK.window.0);
        return Err(Failure::Refused(Box::new(Refused { refusal, client: None, wait })));
    }
    let what = Digest::of(&[b"mail code\0".as_slice(), address.as_bytes()].concat());
    if !app.store.take_factor_try(what, PER_ADDRESS, now).await? {
        tracing::info!("a mail code is not sent: too many to one address");
        return Ok(());
    }
    notify::ask_for(app, &address, Matter::MailCode { bound: pending.id.to_string() }).await
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
        Tried::Wrong => return Err(Refusal::grant("the mail code is not the one sent").into()),
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
    let with = mail_codes::spending(&sent, now);
    complete_first_factor(app, pending, &person, Method::MailCode, with, visitor).await
}
