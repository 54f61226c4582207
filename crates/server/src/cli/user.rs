//! `keyhaven user`: people, known to the whole instance.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::{Disabling, Paging, given};
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &["id", "email", "name", "created_at", "disabled_at"];

/// Verbs on people.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Create a user.
    Create(Create),
    /// List users, oldest first.
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a user.
    Show {
        /// The user's id or address.
        user: String,
    },
    /// Change a user.
    Update(Update),
    /// Delete a user with every membership and grant.
    Delete {
        /// The user's id or address.
        user: String,
    },
}

/// Who a new user is.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The address.
    #[arg(long)]
    email: String,
    /// The name people see.
    #[arg(long)]
    name: String,
}

/// What changes.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// The user's id or address.
    user: String,
    /// A new address.
    #[arg(long)]
    email: Option<String>,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    disabling: Disabling,
}

impl User {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Create(new) => {
                let body = json!({ "email": new.email, "name": new.name });
                printer.item(&caller.ask(Ask::post(&["users"], body)).await?, FIELDS)
            }
            Self::List { paging } => {
                printer.list(&paging.list(caller, Ask::get(&["users"])).await?, FIELDS)
            }
            Self::Show { user } => {
                let id = names::user(caller, &user).await?;
                printer.item(&caller.ask(Ask::get(&["users", &id])).await?, FIELDS)
            }
            Self::Update(update) => {
                let id = names::user(caller, &update.user).await?;
                let disabled = update.disabling.choice();
                let body = given(
                    json!({ "email": update.email, "name": update.name, "disabled": disabled }),
                )?;
                printer.item(&caller.ask(Ask::patch(&["users", &id], body)).await?, FIELDS)
            }
            Self::Delete { user } => {
                let id = names::user(caller, &user).await?;
                caller.ask(Ask::delete(&["users", &id])).await?;
                printer.done("The user is gone.", &json!({ "deleted": id }))
            }
        }
    }
}
