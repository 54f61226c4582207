//! Mail: letters are queued in the commit of what they tell of and sent by a job, so that no answer
//! waits for a mail server or says whether it works (F20). By SMTP; without it, into a folder.

pub mod letter;
mod outbox;
mod page;
mod setting;
mod smtp;

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use keyhaven_protocol::id::Id;
use keyhaven_protocol::time::Timestamp;
use lettre::Message;
use lettre::message::{Mailbox, MultiPart};

pub use page::Page;
pub use setting::{Sender, Smtp};

use outbox::Outbox;
use smtp::Courier;

/// How letters leave this node.
pub struct Post {
    from: Mailbox,
    way: Way,
}

enum Way {
    Smtp(Courier),
    Outbox(Outbox),
}

/// Why a letter did not leave.
#[derive(Debug)]
pub enum Unsent {
    /// Not now; trying again may help.
    Later(String),
    /// Never: the address or the letter is refused for good.
    Never(String),
}

impl Post {
    /// By SMTP where one is configured, else into the folder `outbox` of the data directory.
    pub fn new(smtp: Option<&Smtp>, from: &Sender, data: &Path) -> Result<Self> {
        let way = match smtp {
            Some(smtp) => Way::Smtp(Courier::new(smtp).context("mail_smtp")?),
            None => Way::Outbox(Outbox::new(data.join("outbox"))),
        };
        Ok(Self { from: from.0.clone(), way })
    }

    /// The folder that letters go to when there is no SMTP.
    #[must_use]
    pub fn outbox(&self) -> Option<&Path> {
        match &self.way {
            Way::Smtp(_) => None,
            Way::Outbox(outbox) => Some(outbox.folder()),
        }
    }

    /// Sends a page to an address. `id` becomes the `Message-ID`, so that a letter that was sent
    /// twice is recognised as one.
    pub async fn send(&self, to: &str, page: &Page, id: Id, now: Timestamp) -> Result<(), Unsent> {
        let message = self.message(to, page, id, now)?;
        match &self.way {
            Way::Smtp(courier) => courier.send(message).await,
            Way::Outbox(outbox) => outbox.keep(id, now, message.formatted()).await,
        }
    }

    /// The message on the wire. The library encodes every header, so no text begins another (A20).
    fn message(&self, to: &str, page: &Page, id: Id, now: Timestamp) -> Result<Message, Unsent> {
        let never = |what: &str| Unsent::Never(what.to_owned());
        let to: Mailbox = to.parse().map_err(|_| never("the address cannot be written to"))?;
        let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(now.0).unwrap_or(0));
        Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .date(date)
            .from(self.from.clone())
            .to(to)
            .subject(page.subject())
            .multipart(MultiPart::alternative_plain_html(page.text(), page.html()?))
            .map_err(|_| never("the letter cannot be put together"))
    }
}
