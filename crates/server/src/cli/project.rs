//! `keyhaven project`: what a tenant's work is divided into.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::{Paging, given};
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &["id", "name", "slug", "created_at"];

/// Verbs on projects.
#[derive(Debug, Subcommand)]
pub(super) enum Project {
    /// Create a project.
    Create {
        #[command(flatten)]
        of: Of,
        /// The name people see.
        #[arg(long)]
        name: String,
        /// The short name, unique within the organization [default: made from the name].
        #[arg(long)]
        slug: Option<String>,
    },
    /// List the projects of an organization, oldest first.
    List {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a project.
    Show {
        #[command(flatten)]
        of: Of,
        /// Its id, slug or name.
        project: String,
    },
    /// Change a project.
    Update {
        #[command(flatten)]
        of: Of,
        /// Its id, slug or name.
        project: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// A new slug.
        #[arg(long)]
        slug: Option<String>,
    },
    /// Delete a project.
    Delete {
        #[command(flatten)]
        of: Of,
        /// Its id, slug or name.
        project: String,
    },
}

/// Whose it is.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// The organization: id, slug or name.
    #[arg(long, value_name = "ORG")]
    pub(super) org: String,
}

impl Project {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let org = names::organization(caller, self.of()).await?;
        let all = ["organizations", org.as_str(), "projects"];
        match self {
            Self::Create { name, slug, .. } => {
                let slug = slug.unwrap_or_else(|| names::slug_of(&name));
                let body = json!({ "name": name, "slug": slug });
                printer.item(&caller.ask(Ask::post(&all, body)).await?, FIELDS)
            }
            Self::List { paging, .. } => {
                printer.list(&paging.list(caller, Ask::get(&all)).await?, FIELDS)
            }
            Self::Show { project, .. } => {
                let id = names::project(caller, &org, &project).await?;
                let one = [all[0], all[1], all[2], id.as_str()];
                printer.item(&caller.ask(Ask::get(&one)).await?, FIELDS)
            }
            Self::Update { project, name, slug, .. } => {
                let id = names::project(caller, &org, &project).await?;
                let one = [all[0], all[1], all[2], id.as_str()];
                let body = given(json!({ "name": name, "slug": slug }))?;
                printer.item(&caller.ask(Ask::patch(&one, body)).await?, FIELDS)
            }
            Self::Delete { project, .. } => {
                let id = names::project(caller, &org, &project).await?;
                caller.ask(Ask::delete(&[all[0], all[1], all[2], id.as_str()])).await?;
                printer.done("The project is gone.", &json!({ "deleted": id }))
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
