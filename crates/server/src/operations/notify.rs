//! Telling people by mail. Notices go into the commit of what they tell of ([`notice`]); letters that
//! carry something secret are queued by [`ask_as_visitor`] and written when they are sent.

use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::factor_tries::Allowance;
use keyhaven_store::{Error, Outcome, Plan};

use super::{Failure, Refused};
use crate::app::{App, Origin};
use crate::mail::letter::{Letter, Matter, Notice};

/// The steps that queue a notice to `address`, for the commit of what it tells of.
pub fn notice(app: &App, address: &str, notice: Notice) -> Result<Plan, Error> {
    queueing(app, address, Matter::Notice { notice })
}

/// Queues a letter by itself.
pub async fn ask_for(app: &App, address: &str, matter: Matter) -> Result<(), Failure> {
    let plan = queueing(app, address, matter)?;
    match app.store.queue_mail(plan).await? {
        Outcome::Done => Ok(()),
        _ => Err(Error::busy("too many letters wait to be sent").into()),
    }
}

/// Queues a letter that a stranger asks for. The answer does not depend on whether the address has an
/// account: that is looked up when the letter is sent (A58). Beyond the allowance of an address
/// nothing is sent, and nobody is told: the answer would say that somebody else has asked.
pub async fn ask_as_visitor(
    app: &App,
    address: &str,
    matter: Matter,
    origin: &Origin,
) -> Result<(), Failure> {
    let now = app.clock.now();
    let network = crate::limits::network(origin.address);
    let network = Digest::of(&[b"mail by network\0".as_slice(), &network].concat());
    if !app.store.take_factor_try(network, PER_NETWORK, now).await? {
        let refusal =
            Refusal::new(Code::TooManyRequests, "too many letters asked for by a network");
        let wait = Some(PER_NETWORK.window.0);
        return Err(Failure::Refused(Box::new(Refused { refusal, client: None, wait })));
    }
    let what = Digest::of(&[b"mail to\0".as_slice(), address.as_bytes()].concat());
    if !app.store.take_factor_try(what, PER_ADDRESS, now).await? {
        tracing::info!("a letter is not sent: too many to one address");
        return Ok(());
    }
    ask_for(app, address, matter).await
}

/// Letters to one address: enough for a bad day, not enough to fill a mailbox.
const PER_ADDRESS: Allowance = Allowance { most: 5, window: Seconds(900) };
/// Letters asked for by one network.
const PER_NETWORK: Allowance = Allowance { most: 50, window: Seconds(900) };

fn queueing(app: &App, address: &str, matter: Matter) -> Result<Plan, Error> {
    let letter = Letter { to: address.to_owned(), matter };
    let text = serde_json::to_vec(&letter).map_err(Error::broken)?;
    app.store.queueing(app.id(), &text, app.dice.bytes(), app.clock.now())
}
