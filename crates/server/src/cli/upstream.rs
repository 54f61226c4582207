//! `keyhaven upstream`: other OpenID providers that people sign in with.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::{Disabling, Paging, given, present};
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &[
    "id",
    "name",
    "preset",
    "issuer",
    "client_id",
    "scope",
    "admits",
    "organization",
    "redirect_uri",
    "created_at",
    "disabled_at",
];
const COLUMNS: &[&str] = &["id", "name", "issuer", "admits", "organization", "disabled_at"];

/// Verbs on upstream providers.
#[derive(Debug, Subcommand)]
pub(super) enum Upstream {
    /// Add a provider. Prints the redirect URI to register there.
    Create(Create),
    /// List providers, oldest first.
    List(Paging),
    /// Show a provider.
    Show {
        /// Its id.
        upstream: String,
    },
    /// Change a provider.
    Update(Update),
    /// Delete a provider with every link to it.
    Delete {
        /// Its id.
        upstream: String,
    },
}

/// What a new provider is.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Which one, or `generic` for any issuer.
    #[arg(long, default_value = "generic",
          value_parser = ["generic", "google", "github", "microsoft", "gitlab"])]
    preset: String,
    /// Its issuer, exactly as its metadata says it. Google, GitHub and GitLab have one.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The name on its button [default: the preset's].
    #[arg(long)]
    name: Option<String>,
    /// Whose it is [default: the whole instance's].
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

/// What changes.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its id.
    upstream: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    disabling: Disabling,
}

/// What a provider knows of us, and may do.
#[derive(Debug, Args)]
struct Settings {
    /// Who we are there.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file with our secret there; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// What to ask for, separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// Whom it may bring in: only people who have linked it, or newcomers too.
    #[arg(long, value_parser = ["nobody", "newcomers"])]
    admits: Option<String>,
}

impl Upstream {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Create(new) => {
                let organization = names::maybe_organization(caller, new.org.as_deref()).await?;
                let body = present(json!({
                    "preset": new.preset, "issuer": new.issuer, "name": new.name,
                    "organization": organization, "client_id": new.settings.client_id,
                    "client_secret": new.settings.secret()?, "scope": new.settings.scope,
                    "admits": new.settings.admits,
                }));
                printer.item(&caller.ask(Ask::post(&["upstreams"], body)).await?, FIELDS)
            }
            Self::List(paging) => {
                printer.list(&paging.list(caller, Ask::get(&["upstreams"])).await?, COLUMNS)
            }
            Self::Show { upstream } => {
                printer.item(&caller.ask(Ask::get(&["upstreams", &upstream])).await?, FIELDS)
            }
            Self::Update(update) => {
                let body = given(json!({
                    "name": update.name, "client_id": update.settings.client_id,
                    "client_secret": update.settings.secret()?, "scope": update.settings.scope,
                    "admits": update.settings.admits, "disabled": update.disabling.choice(),
                }))?;
                let ask = Ask::patch(&["upstreams", &update.upstream], body);
                printer.item(&caller.ask(ask).await?, FIELDS)
            }
            Self::Delete { upstream } => {
                caller.ask(Ask::delete(&["upstreams", &upstream])).await?;
                printer.done("The provider is gone.", &json!({ "deleted": upstream }))
            }
        }
    }
}

impl Settings {
    /// Out of a file, because arguments are seen by everybody on the machine.
    fn secret(&self) -> Result<Option<String>> {
        let Some(path) = &self.client_secret_file else { return Ok(None) };
        let text = if path == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("the standard input")?;
            text
        } else {
            std::fs::read_to_string(path).with_context(|| path.display().to_string())?
        };
        Ok(Some(text.trim_end().to_owned()))
    }
}
