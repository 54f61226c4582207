//! `keyhaven client secret`: rotation without a pause.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::print::Printer;
use super::span::parse_span;

/// Verbs on the secrets of a client.
#[derive(Debug, Subcommand)]
pub(super) enum ClientSecret {
    /// Make the next secret and print it, this once. The present one keeps working for a while.
    Rotate {
        /// The client id.
        client: String,
        /// For how long the present secret keeps working.
        #[arg(long, value_name = "SPAN", default_value = "1d", value_parser = parse_span)]
        overlap: i64,
    },
    /// List the live secrets, never their text.
    List {
        /// The client id.
        client: String,
    },
    /// Delete a secret: it stops working at once.
    Delete {
        /// The client id.
        client: String,
        /// The secret's id, as listed.
        secret: String,
    },
}

impl ClientSecret {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Rotate { client, overlap } => {
                let body = json!({ "overlap_seconds": overlap });
                let made = caller.ask(Ask::post(&["clients", &client, "secrets"], body)).await?;
                printer.item(&made, &["client_id", "client_secret", "previous_expires_at"])?;
                printer.shown_once(true)
            }
            Self::List { client } => {
                let page = caller.ask(Ask::get(&["clients", &client, "secrets"])).await?;
                printer.list(&page, &["id", "last_four", "created_at", "expires_at"])
            }
            Self::Delete { client, secret } => {
                caller.ask(Ask::delete(&["clients", &client, "secrets", &secret])).await?;
                printer.done("The secret is gone.", &json!({ "deleted": secret }))
            }
        }
    }
}
