//! `keyhaven connection`: outside accounts' grants and their tokens.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::{Paging, present};
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &[
    "id",
    "connector",
    "user",
    "account",
    "account_label",
    "status",
    "reason",
    "since",
    "scopes",
    "expires_at",
];
const COLUMNS: &[&str] =
    &["id", "connector", "account_label", "account", "status", "reason", "since"];
const EVENTS: &[&str] =
    &["at", "what", "reason", "class", "upstream_status", "upstream_request", "actor", "node"];

/// Verbs on connections.
#[derive(Debug, Subcommand)]
pub(super) enum Connection {
    /// List connections, oldest first.
    List {
        /// The organization: id, slug or name.
        #[arg(long)]
        org: Option<String>,
        /// Under this connector only.
        #[arg(long)]
        connector: Option<String>,
        /// In this state only.
        #[arg(long, value_parser = ["pending", "active", "expired", "needs_reauth", "error", "revoked"])]
        status: Option<String>,
        /// With this label only.
        #[arg(long)]
        label: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a connection.
    Show {
        /// Its id.
        connection: String,
    },
    /// Print a token of a connection that works. It is refreshed where that is needed.
    Token {
        /// The connection's id.
        connection: String,
        /// How many seconds it should last at least.
        #[arg(long, value_name = "SECONDS")]
        min_ttl: Option<i64>,
        /// What it is for; the audit keeps it.
        #[arg(long)]
        purpose: Option<String>,
    },
    /// Revoke a connection: its tokens are erased, and its provider is told.
    Revoke {
        /// Its id.
        connection: String,
    },
    /// What happened to a connection, newest first.
    Timeline {
        /// Its id.
        connection: String,
        #[command(flatten)]
        paging: Paging,
    },
}

impl Connection {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::List { org, connector, status, label, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let ask = Ask::get(&["connections"])
                    .with("organization", org.as_deref())
                    .with("connector", connector.as_deref())
                    .with("status", status.as_deref())
                    .with("label", label.as_deref());
                printer.list(&paging.list(caller, ask).await?, COLUMNS)
            }
            Self::Show { connection } => {
                printer.item(&caller.ask(Ask::get(&["connections", &connection])).await?, FIELDS)
            }
            Self::Token { connection, min_ttl, purpose } => {
                let body = present(json!({ "min_ttl": min_ttl, "purpose": purpose }));
                let path = ["connections", connection.as_str(), "token"];
                let token = caller.ask(Ask::post(&path, body)).await?;
                if printer.is_json() {
                    return printer.document(&token);
                }
                printer.say(token["access_token"].as_str().unwrap_or_default())
            }
            Self::Revoke { connection } => {
                caller.ask(Ask::delete(&["connections", &connection])).await?;
                printer.done("The connection is revoked.", &json!({ "revoked": connection }))
            }
            Self::Timeline { connection, paging } => {
                let ask = Ask::get(&["connections", &connection, "timeline"]);
                printer.list(&paging.list(caller, ask).await?, EVENTS)
            }
        }
    }
}
