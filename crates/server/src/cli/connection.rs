//! `keyhaven connection`: outside accounts' grants and their tokens.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::caller::{Ask, Caller};
use super::connector::pairs;
use super::members::{Paging, given, present};
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &[
    "id",
    "connector",
    "user",
    "account",
    "account_label",
    "external_id",
    "labels",
    "metadata",
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
        /// Of this outside account only.
        #[arg(long)]
        account: Option<String>,
        /// With this name of yours only.
        #[arg(long)]
        external_id: Option<String>,
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
        /// Which of its tokens, where its provider gives several.
        #[arg(long)]
        slot: Option<String>,
    },
    /// Change what is kept with a connection; its tokens stay as they are.
    Update(Change),
    /// Make a link that leads somebody to the provider and back, to connect an account.
    Invite(Invite),
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

/// What changes.
#[derive(Debug, Args)]
pub(super) struct Change {
    /// The connection's id.
    connection: String,
    /// A label, in place of those it has. Repeat for several.
    #[arg(long, value_name = "LABEL")]
    label: Option<Vec<String>>,
    /// Your own name for it.
    #[arg(long)]
    external_id: Option<String>,
    /// Something to keep with it. Repeat for several.
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Option<Vec<String>>,
    /// What people call the outside account.
    #[arg(long)]
    account_label: Option<String>,
}

/// Whom to invite.
#[derive(Debug, Args)]
pub(super) struct Invite {
    /// Under which connector: its id.
    connector: String,
    /// The user it is for: an id.
    #[arg(long)]
    user: Option<String>,
    /// The connection to authorize again: its id.
    #[arg(long)]
    connection: Option<String>,
    /// Your own name for the connection that is made.
    #[arg(long)]
    external_id: Option<String>,
    /// What it is for, in words for the page.
    #[arg(long)]
    purpose: Option<String>,
    /// Where the browser goes in the end.
    #[arg(long, value_name = "URL")]
    return_url: Option<String>,
    /// How long the link works.
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<i64>,
}

impl Change {
    async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let body = given(json!({
            "labels": self.label,
            "external_id": self.external_id,
            "metadata": self.metadata.as_deref().map(pairs).transpose()?,
            "account_label": self.account_label,
        }))?;
        let path = ["connections", self.connection.as_str()];
        printer.item(&caller.ask(Ask::patch(&path, body)).await?, FIELDS)
    }
}

impl Invite {
    async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let body = present(json!({
            "connector": self.connector,
            "user": self.user,
            "connection": self.connection,
            "external_id": self.external_id,
            "purpose": self.purpose,
            "return_url": self.return_url,
            "lifetime": self.lifetime,
        }));
        let made = caller.ask(Ask::post(&["connect-sessions"], body)).await?;
        printer.item(&made, &["id", "url", "expires_at", "status"])
    }
}

impl Connection {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::List { org, connector, status, label, account, external_id, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let ask = Ask::get(&["connections"])
                    .with("organization", org.as_deref())
                    .with("connector", connector.as_deref())
                    .with("status", status.as_deref())
                    .with("label", label.as_deref())
                    .with("account", account.as_deref())
                    .with("external_id", external_id.as_deref());
                printer.list(&paging.list(caller, ask).await?, COLUMNS)
            }
            Self::Show { connection } => {
                printer.item(&caller.ask(Ask::get(&["connections", &connection])).await?, FIELDS)
            }
            Self::Token { connection, min_ttl, purpose, slot } => {
                let wish = json!({ "min_ttl": min_ttl, "purpose": purpose, "slot": slot });
                let body = present(wish);
                let path = ["connections", connection.as_str(), "token"];
                let token = caller.ask(Ask::post(&path, body)).await?;
                if printer.is_json() {
                    return printer.document(&token);
                }
                printer.say(token["access_token"].as_str().unwrap_or_default())
            }
            Self::Update(change) => change.run(caller, printer).await,
            Self::Invite(invite) => invite.run(caller, printer).await,
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
