//! `keyhaven consent`: what people let clients do.

use anyhow::Result;
use clap::Subcommand;

use super::caller::{Ask, Caller};
use super::names;
use super::print::Printer;

const COLUMNS: &[&str] = &["client", "client_name", "audience", "scope", "given_at", "used_at"];

/// Verbs on consents.
#[derive(Debug, Subcommand)]
pub(super) enum Consent {
    /// List what a user agreed to, by client and resource.
    List {
        /// The user's id or address.
        #[arg(long)]
        user: String,
    },
    /// Withdraw what a user gave to a client, with all that came of it. Prints the receipt.
    Withdraw {
        /// The user's id or address.
        #[arg(long)]
        user: String,
        /// The client id.
        client: String,
    },
}

impl Consent {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::List { user } => {
                let user = names::user(caller, &user).await?;
                let given = caller.ask(Ask::get(&["users", &user, "consents"])).await?;
                printer.list(&given, COLUMNS)
            }
            Self::Withdraw { user, client } => {
                let user = names::user(caller, &user).await?;
                let ask = Ask::delete(&["users", &user, "consents", &client]);
                printer.item(&caller.ask(ask).await?, &["revoked_at", "effective_by"])
            }
        }
    }
}
