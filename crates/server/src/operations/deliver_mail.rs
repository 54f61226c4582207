//! Sending what waits: take, write, send, remove. A letter that cannot be sent is tried again later
//! and later, and given up after a day.

use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::mail_code;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::mail_queue::Queued;
use keyhaven_store::{Error, Reach};

use super::accounts::sign_up_link;
use super::recovery::{address_link, recovery_link};
use crate::app::{App, Origin};
use crate::mail::letter::{self, Letter, Matter};
use crate::mail::{Page, Unsent};

/// Letters taken at once.
const BATCH: u32 = 20;
/// A letter that is this old is given up.
const GIVEN_UP: Seconds = Seconds(86_400);
const LONGEST_PAUSE: i64 = 900;

/// Sends letters that are due, at most a batch. How many there were.
pub async fn deliver_mail(app: &App) -> Result<usize, Error> {
    let due = app.store.list_due_mail(BATCH, app.clock.now()).await?;
    for mail in &due {
        if app.store.take_mail(mail, app.clock.now()).await? {
            deliver(app, mail).await?;
        }
    }
    Ok(due.len())
}

async fn deliver(app: &App, mail: &Queued) -> Result<(), Error> {
    let now = app.clock.now();
    let letter = match read(mail) {
        Ok(letter) => letter,
        Err(error) => {
            tracing::error!(mail = %mail.id, %error, "a letter does not read and is dropped");
            return app.store.remove_mail(mail).await;
        }
    };
    let Some(page) = write(app, &letter, now).await? else {
        return app.store.remove_mail(mail).await;
    };
    match app.post.send(&letter.to, &page, mail.id, now).await {
        Ok(()) => app.store.remove_mail(mail).await,
        Err(Unsent::Never(why)) => give_up(app, mail, &why).await,
        Err(Unsent::Later(why)) if mail.created_at.plus(GIVEN_UP) <= now => {
            give_up(app, mail, &why).await
        }
        Err(Unsent::Later(why)) => {
            tracing::warn!(mail = %mail.id, tries = mail.tries + 1, why, "mail was not sent");
            app.store.put_mail_off(mail, now.plus(pause(mail.tries))).await
        }
    }
}

fn read(mail: &Queued) -> Result<Letter, Error> {
    let text = mail.letter.as_ref().map_err(|error| Error::broken(error.to_string()))?;
    serde_json::from_slice(text).map_err(Error::broken)
}

/// What the letter says now; `None` when there is nothing to say to that address.
async fn write(app: &App, letter: &Letter, now: Timestamp) -> Result<Option<Page>, Error> {
    let issuer = &app.settings.issuer;
    match &letter.matter {
        Matter::Notice { notice } => Ok(Some(letter::notice(notice, issuer))),
        Matter::Invitation { organization, link } => {
            let link = Secret::from(link.as_str());
            Ok(Some(letter::invitation(organization.as_deref(), link, issuer)))
        }
        Matter::Reauthorize { asker, connector, provider, account, link } => {
            let (from, link) = ((asker.as_str(), connector.as_str()), Secret::from(link.as_str()));
            let page = letter::reauthorize(from, provider, account.as_deref(), link, issuer);
            Ok(Some(page))
        }
        Matter::Recovery => {
            let link = recovery_link(app, &letter.to, &origin()).await?;
            Ok(link.map(|link| letter::recovery(link, issuer)))
        }
        Matter::SignUp { name, phc } => {
            let link = sign_up_link(app, &letter.to, name, phc.as_deref(), &origin()).await?;
            let known = || letter::known_already(issuer);
            Ok(Some(link.map_or_else(known, |link| letter::sign_up(link, issuer))))
        }
        Matter::Address { user } => {
            let Some(user) = UserId::parse(user) else { return Ok(None) };
            let link = address_link(app, user, &letter.to, &origin()).await?;
            Ok(Some(letter::address(link, issuer)))
        }
        Matter::MailCode { bound } => {
            let user = app.store.find_user_by_email(Reach::Instance, &letter.to).await?;
            let (Some(user), Some(bound)) = (user, Id::parse(bound)) else { return Ok(None) };
            if user.disabled_at.is_some() {
                return Ok(None);
            }
            let code = mail_code::mint(app.dice.bytes());
            app.store.keep_mail_code(bound, user.id, &letter.to, &code, now).await?;
            Ok(Some(letter::code(&code, issuer)))
        }
    }
}

/// Where what this job does comes from.
fn origin() -> Origin {
    Origin { address: std::net::Ipv4Addr::LOCALHOST.into(), request: "job:mail".into() }
}

async fn give_up(app: &App, mail: &Queued, why: &str) -> Result<(), Error> {
    tracing::error!(mail = %mail.id, why, "mail is given up");
    app.store.remove_mail(mail).await
}

/// Five seconds, then twice as long each time, up to a quarter of an hour.
fn pause(tries: i64) -> Seconds {
    let doublings = u32::try_from(tries.clamp(0, 10)).unwrap_or(10);
    Seconds(5_i64.saturating_mul(1 << doublings).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let pauses: Vec<i64> = [0, 1, 2, 7, 8, 1_000].map(|tries| pause(tries).0).to_vec();
        assert_eq!(pauses, [5, 10, 20, 640, 900, 900]);
    }
}
