//! `keyhaven factor`: how a person signs in beside the password, and taking lost factors away.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::names;
use super::print::Printer;

/// Verbs on the factors of a user.
#[derive(Debug, Subcommand)]
pub(super) enum Factor {
    /// List a user's factors.
    List {
        /// The user's id or address.
        user: String,
    },
    /// Remove a factor that its user has lost. The user is told by mail.
    Remove {
        /// The user's id or address.
        user: String,
        /// `totp`, `recovery-codes`, or the id of a passkey or link.
        factor: String,
    },
}

impl Factor {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::List { user } => {
                let id = names::user(caller, &user).await?;
                let page = caller.ask(Ask::get(&["users", &id, "factors"])).await?;
                printer.list(&page, &["id", "method", "name", "left", "created_at", "used_at"])
            }
            Self::Remove { user, factor } => {
                let id = names::user(caller, &user).await?;
                caller.ask(Ask::delete(&["users", &id, "factors", &factor])).await?;
                printer.done("The factor is gone.", &json!({ "deleted": factor }))
            }
        }
    }
}
