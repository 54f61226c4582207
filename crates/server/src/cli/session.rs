//! `keyhaven session`: who is signed in, what a session is called, and how to end it.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::Paging;
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &[
    "id",
    "user",
    "email",
    "organization",
    "project",
    "name",
    "agent",
    "address",
    "methods",
    "authenticated_at",
    "created_at",
    "seen_at",
    "expires_at",
    "parent",
];
const COLUMNS: &[&str] = &["id", "email", "address", "methods", "seen_at", "expires_at"];

/// Verbs on sessions.
#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List live sessions, newest first.
    List {
        /// Only sessions that act in this organization: id, slug or name.
        #[arg(long)]
        org: Option<String>,
        /// Only this user's: id or address.
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a session.
    Show {
        /// Its id.
        session: String,
    },
    /// Give a session a name.
    Name {
        /// Its id.
        session: String,
        /// What it is called; empty takes the name away.
        name: String,
    },
    /// End a session, and what was issued under it; or all of a user's. Prints the receipt.
    End {
        /// Its id.
        #[arg(required_unless_present = "user", conflicts_with = "user")]
        session: Option<String>,
        /// End all sessions of this user: id or address.
        #[arg(long)]
        user: Option<String>,
    },
}

impl Session {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::List { org, user, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let user = match user {
                    None => None,
                    Some(user) => Some(names::user(caller, &user).await?),
                };
                let ask = Ask::get(&["sessions"])
                    .with("organization", org.as_deref())
                    .with("user", user.as_deref());
                printer.list(&paging.list(caller, ask).await?, COLUMNS)
            }
            Self::Show { session } => {
                printer.item(&caller.ask(Ask::get(&["sessions", &session])).await?, FIELDS)
            }
            Self::Name { session, name } => {
                let ask = Ask::patch(&["sessions", &session], json!({ "name": name }));
                printer.item(&caller.ask(ask).await?, FIELDS)
            }
            Self::End { session, user } => {
                let ask = match (session, user) {
                    (_, Some(user)) => {
                        let id = names::user(caller, &user).await?;
                        Ask::delete(&["users", &id, "sessions"])
                    }
                    (session, None) => Ask::delete(&["sessions", &session.unwrap_or_default()]),
                };
                printer.item(&caller.ask(ask).await?, &["revoked_at", "effective_by"])
            }
        }
    }
}
