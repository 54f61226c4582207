//! `keyhaven group`: groups of a tenant. Who is in one: `keyhaven member --group`.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::caller::{Ask, Caller};
use super::members::{Paging, given, present};
use super::names;
use super::print::Printer;
use super::project::Of;

const FIELDS: &[&str] = &["id", "name", "bio", "created_at"];

/// Verbs on groups.
#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// Create a group.
    Create {
        #[command(flatten)]
        of: Of,
        /// The name people see.
        #[arg(long)]
        name: String,
        /// A few words about it.
        #[arg(long)]
        bio: Option<String>,
    },
    /// List the groups of an organization, oldest first.
    List {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a group.
    Show {
        #[command(flatten)]
        of: Of,
        /// Its id or name.
        group: String,
    },
    /// Change a group.
    Update {
        #[command(flatten)]
        of: Of,
        /// Its id or name.
        group: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// A new bio; an empty one removes it.
        #[arg(long)]
        bio: Option<String>,
    },
    /// Delete a group. Its clients and members remain.
    Delete {
        #[command(flatten)]
        of: Of,
        /// Its id or name.
        group: String,
    },
}

impl Group {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let org = names::organization(caller, self.of()).await?;
        let all = ["organizations", org.as_str(), "groups"];
        match self {
            Self::Create { name, bio, .. } => {
                let body = present(json!({ "name": name, "bio": bio }));
                printer.item(&caller.ask(Ask::post(&all, body)).await?, FIELDS)
            }
            Self::List { paging, .. } => {
                printer.list(&paging.list(caller, Ask::get(&all)).await?, FIELDS)
            }
            Self::Show { group, .. } => {
                let id = names::group(caller, &org, &group).await?;
                let one = [all[0], all[1], all[2], id.as_str()];
                printer.item(&caller.ask(Ask::get(&one)).await?, FIELDS)
            }
            Self::Update { group, name, bio, .. } => {
                let id = names::group(caller, &org, &group).await?;
                let one = [all[0], all[1], all[2], id.as_str()];
                let mut body = given(json!({ "name": name, "bio": bio }))?;
                if bio.as_deref() == Some("") {
                    body["bio"] = Value::Null;
                }
                printer.item(&caller.ask(Ask::patch(&one, body)).await?, FIELDS)
            }
            Self::Delete { group, .. } => {
                let id = names::group(caller, &org, &group).await?;
                caller.ask(Ask::delete(&[all[0], all[1], all[2], id.as_str()])).await?;
                printer.done("The group is gone.", &json!({ "deleted": id }))
            }
        }
    }

    fn of(&self) -> &str {
        match self {
            Self::Create { of, .. }
            | Self::List { of, .. }
            | Self::Show { of, .. }
            | Self::Update { of, .. }
            | Self::Delete { of, .. } => &of.org,
        }
    }
}
