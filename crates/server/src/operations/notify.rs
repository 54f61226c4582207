//! Telling people by mail. Notices go into the commit of what they tell of ([`notice`]); letters that
//! carry something secret are queued by [`ask_as_visitor`] and written when they are sent.

use keyhaven_store::sign_in_tries::Counter;
use keyhaven_store::{Error, Outcome, Plan};

use super::Failure;
use super::sign_in_tries::take;
use crate::app::{App, Origin};
use crate::limits::network;
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
    let from = Counter::of_mail_from(network(origin.address));
    take(app, &[from], "too many letters asked for by a network").await?;
    let to = Counter::of_mail_to(address);
    if app.store.take_sign_in_try(&[to], app.clock.now()).await?.is_some() {
        tracing::info!("a letter is not sent: too many to one address");
        return Ok(());
    }
    ask_for(app, address, matter).await
}

fn queueing(app: &App, address: &str, matter: Matter) -> Result<Plan, Error> {
    let letter = Letter { to: address.to_owned(), matter };
    let text = serde_json::to_vec(&letter).map_err(Error::broken)?;
    app.store.queueing(app.id(), &text, app.dice.bytes(), app.clock.now())
}
