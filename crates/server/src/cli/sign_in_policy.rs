//! `keyhaven sign-in-policy` and `keyhaven domain`: what an organization asks of those who act in
//! it, and the domains of addresses that are its own.

use anyhow::Result;
use axum::http::Method;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::present;
use super::names;
use super::print::Printer;
use super::project::Of;

/// Verbs on sign-in policies.
#[derive(Debug, Subcommand)]
pub(super) enum SignInPolicy {
    /// Show what an organization asks.
    Show {
        #[command(flatten)]
        of: Of,
    },
    /// Decide what an organization asks. It counts at once.
    Set {
        #[command(flatten)]
        of: Of,
        /// What those who act in it must have shown.
        #[arg(value_parser = ["nothing", "second_factor", "passkey", "upstream"])]
        demand: String,
        /// With `upstream`: the id of the provider.
        #[arg(long, value_name = "ID")]
        upstream: Option<String>,
    },
}

impl SignInPolicy {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let (Self::Show { of } | Self::Set { of, .. }) = &self;
        let org = names::organization(caller, &of.org).await?;
        let path = ["organizations", org.as_str(), "sign-in-policy"];
        let ask = match self {
            Self::Show { .. } => Ask::get(&path),
            Self::Set { demand, upstream, .. } => Ask::new(Method::PUT, &path)
                .body(present(json!({ "demand": demand, "upstream": upstream }))),
        };
        printer.item(&caller.ask(ask).await?, &["demand", "upstream", "changed_at"])
    }
}

/// Verbs on claimed domains.
#[derive(Debug, Subcommand)]
pub(super) enum Domain {
    /// List the domains an organization has claimed.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Claim a domain. Nothing asks the DNS: that it is the organization's is your word.
    Claim {
        #[command(flatten)]
        of: Of,
        /// For example `example.com`.
        domain: String,
    },
    /// Release a domain.
    Release {
        #[command(flatten)]
        of: Of,
        /// For example `example.com`.
        domain: String,
    },
}

impl Domain {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let (Self::List { of } | Self::Claim { of, .. } | Self::Release { of, .. }) = &self;
        let org = names::organization(caller, &of.org).await?;
        let all = ["organizations", org.as_str(), "domains"];
        match self {
            Self::List { .. } => {
                printer.list(&caller.ask(Ask::get(&all)).await?, &["domain", "claimed_at"])
            }
            Self::Claim { domain, .. } => {
                let one = [all[0], all[1], all[2], domain.as_str()];
                caller.ask(Ask::new(Method::PUT, &one)).await?;
                printer.done("The domain is claimed.", &json!({ "claimed": domain }))
            }
            Self::Release { domain, .. } => {
                caller.ask(Ask::delete(&[all[0], all[1], all[2], &domain])).await?;
                printer.done("The domain is nobody's.", &json!({ "released": domain }))
            }
        }
    }
}
