//! Telling people by mail. Notices go into the commit of what they tell of ([`notice`]); letters that
//! carry something secret are queued by [`ask_for`] and written when they are sent.

use keyhaven_store::{Error, Outcome, Plan};

use super::Failure;
use crate::app::App;
use crate::mail::letter::{Letter, Matter, Notice};

/// The steps that queue a notice to `address`, for the commit of what it tells of.
pub fn notice(app: &App, address: &str, notice: Notice) -> Result<Plan, Error> {
    queueing(app, address, Matter::Notice { notice })
}

/// Queues a letter by itself. The answer to whoever asked does not depend on whether the address has
/// an account: that is looked up when the letter is sent (A58).
pub async fn ask_for(app: &App, address: &str, matter: Matter) -> Result<(), Failure> {
    let plan = queueing(app, address, matter)?;
    match app.store.queue_mail(plan).await? {
        Outcome::Done => Ok(()),
        _ => Err(Error::busy("too many letters wait to be sent").into()),
    }
}

fn queueing(app: &App, address: &str, matter: Matter) -> Result<Plan, Error> {
    let letter = Letter { to: address.to_owned(), matter };
    let text = serde_json::to_vec(&letter).map_err(Error::broken)?;
    app.store.queueing(app.id(), &text, app.dice.bytes(), app.clock.now())
}
