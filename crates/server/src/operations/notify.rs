//! Telling people by mail. Notices go into the commit of what they tell of ([`notice`]); letters that
//! carry something secret are queued by [`ask_as_visitor`] and written when they are sent.
//!
//! Nobody floods a mailbox: whoever asks for a letter takes it from two allowances first.

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

/// Queues a letter that somebody asks for. The answer does not depend on whether the address has an
/// account: that is looked up when the letter is sent (A58).
pub async fn ask_as_visitor(
    app: &App,
    address: &str,
    matter: Matter,
    origin: &Origin,
) -> Result<(), Failure> {
    take_letter(app, address, origin).await?.ask_for(app, address, matter).await
}

/// What is left of the letters to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// One was taken and may be sent.
    Left,
    /// There was none left. Nothing is sent, and nobody is told: the answer would say that somebody
    /// else has asked.
    UsedUp,
}

impl Letters {
    /// Queues the letter that was taken, if one was.
    pub async fn ask_for(self, app: &App, address: &str, matter: Matter) -> Result<(), Failure> {
        match self {
            Self::Left => ask_for(app, address, matter).await,
            Self::UsedUp => {
                tracing::info!("a letter is not sent: too many to one address");
                Ok(())
            }
        }
    }
}

/// Takes one of the letters that a network may ask for, beyond which it is refused, and one of those
/// that an address may get.
pub async fn take_letter(app: &App, address: &str, origin: &Origin) -> Result<Letters, Failure> {
    let from = Counter::of_mail_from(network(origin.address));
    take(app, &[from], "too many letters asked for by a network").await?;
    let to = Counter::of_mail_to(address);
    let wait = app.store.take_sign_in_try(&[to], app.clock.now()).await?;
    Ok(if wait.is_some() { Letters::UsedUp } else { Letters::Left })
}

/// The steps that queue a letter, for the commit of what it tells of.
pub fn queueing(app: &App, address: &str, matter: Matter) -> Result<Plan, Error> {
    let letter = Letter { to: address.to_owned(), matter };
    let text = serde_json::to_vec(&letter).map_err(Error::broken)?;
    app.store.queueing(app.id(), &text, app.dice.bytes(), app.clock.now())
}
