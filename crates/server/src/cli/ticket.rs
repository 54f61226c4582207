//! `keyhaven ticket`: sign-in tickets for a backend that has authenticated somebody itself.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::names;
use super::print::Printer;

/// Verbs on tickets.
#[derive(Debug, Subcommand)]
pub(super) enum Ticket {
    /// Create a ticket: whoever brings it within a minute is signed in as the user, once.
    Create {
        /// The user: id or address.
        #[arg(long)]
        user: String,
    },
}

impl Ticket {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let Self::Create { user } = self;
        let id = names::user(caller, &user).await?;
        let ticket = caller.ask(Ask::post(&["tickets"], json!({ "user": id }))).await?;
        printer.item(&ticket, &["shared_token", "expires_at"])?;
        printer.shown_once(true)
    }
}
