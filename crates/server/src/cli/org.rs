//! `keyhaven org`: the tenants.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::{Disabling, Paging, given};
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &["id", "name", "slug", "created_at", "disabled_at"];

/// Verbs on organizations.
#[derive(Debug, Subcommand)]
pub(super) enum Org {
    /// Create an organization.
    Create(Create),
    /// List organizations, oldest first.
    List(Paging),
    /// Show an organization.
    Show {
        /// Its id, slug or name.
        organization: String,
    },
    /// Change an organization.
    Update(Update),
    /// Delete an organization with everything in it.
    Delete {
        /// Its id, slug or name.
        organization: String,
    },
}

/// What a new organization is.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The name people see.
    #[arg(long)]
    name: String,
    /// The unique short name [default: made from the name].
    #[arg(long)]
    slug: Option<String>,
}

/// What changes.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its id, slug or name.
    organization: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// A new slug.
    #[arg(long)]
    slug: Option<String>,
    #[command(flatten)]
    disabling: Disabling,
}

impl Org {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Create(new) => {
                let slug = new.slug.unwrap_or_else(|| names::slug_of(&new.name));
                let body = json!({ "name": new.name, "slug": slug });
                let made = caller.ask(Ask::post(&["organizations"], body)).await?;
                printer.item(&made, FIELDS)
            }
            Self::List(paging) => {
                printer.list(&paging.list(caller, Ask::get(&["organizations"])).await?, FIELDS)
            }
            Self::Show { organization } => {
                let id = names::organization(caller, &organization).await?;
                printer.item(&caller.ask(Ask::get(&["organizations", &id])).await?, FIELDS)
            }
            Self::Update(update) => {
                let id = names::organization(caller, &update.organization).await?;
                let disabled = update.disabling.choice();
                let body = given(
                    json!({ "name": update.name, "slug": update.slug, "disabled": disabled }),
                )?;
                let now = caller.ask(Ask::patch(&["organizations", &id], body)).await?;
                printer.item(&now, FIELDS)
            }
            Self::Delete { organization } => {
                let id = names::organization(caller, &organization).await?;
                caller.ask(Ask::delete(&["organizations", &id])).await?;
                printer.done("The organization is gone.", &json!({ "deleted": id }))
            }
        }
    }
}
