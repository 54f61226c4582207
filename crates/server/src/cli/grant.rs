//! `keyhaven grant`: the revocation graph.

use anyhow::Result;
use clap::Subcommand;

use super::caller::{Ask, Caller};
use super::members::Paging;
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &["id", "kind", "client", "user", "organization", "scope", "created_at"];
const COLUMNS: &[&str] =
    &["id", "kind", "client", "scope", "created_at", "expires_at", "revoked_at"];

/// Verbs on grants.
#[derive(Debug, Subcommand)]
pub(super) enum Grant {
    /// List grants, newest first.
    List {
        /// Only grants of this organization: id, slug or name.
        #[arg(long)]
        org: Option<String>,
        /// Only grants held by this client.
        #[arg(long, conflicts_with = "user")]
        client: Option<String>,
        /// Only grants given by this user: id or address.
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a grant.
    Show {
        /// Its id.
        grant: String,
    },
    /// Revoke a grant, and with it everything below. Prints the receipt.
    Revoke {
        /// Its id.
        grant: String,
    },
}

impl Grant {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::List { org, client, user, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let user = match user {
                    None => None,
                    Some(user) => Some(names::user(caller, &user).await?),
                };
                let ask = Ask::get(&["grants"])
                    .with("organization", org.as_deref())
                    .with("client", client.as_deref())
                    .with("user", user.as_deref());
                printer.list(&paging.list(caller, ask).await?, COLUMNS)
            }
            Self::Show { grant } => {
                printer.item(&caller.ask(Ask::get(&["grants", &grant])).await?, FIELDS)
            }
            Self::Revoke { grant } => {
                let receipt = caller.ask(Ask::delete(&["grants", &grant])).await?;
                printer.item(&receipt, &["revoked_at", "effective_by"])
            }
        }
    }
}
