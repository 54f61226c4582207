//! `keyhaven budget`: what may be spent, at each level from the organization to the key.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::{Paging, present};
use super::names;
use super::print::Printer;

const FIELDS: &[&str] =
    &["id", "level", "subject", "unit", "period", "limit", "spent", "held", "left", "resets_at"];

/// Verbs on budgets.
#[derive(Debug, Subcommand)]
pub(super) enum Budget {
    /// Create a budget.
    Create {
        /// The organization: id, slug or name.
        #[arg(long, value_name = "ORG")]
        org: String,
        /// What it limits.
        #[arg(long, default_value = "organization",
              value_parser = ["organization", "project", "group", "user", "app", "key"])]
        level: String,
        /// Which one: its id, or the origin of an app.
        #[arg(long)]
        subject: Option<String>,
        /// How much may be spent in a period.
        #[arg(long, value_name = "AMOUNT")]
        limit: String,
        /// What it counts: a currency such as USD, or a name such as tokens.
        #[arg(long)]
        unit: String,
        /// When it begins anew.
        #[arg(long, default_value = "none", value_parser = ["none", "daily", "weekly", "monthly"])]
        period: String,
    },
    /// List budgets with their balances, oldest first.
    List {
        /// Only budgets of this organization: id, slug or name.
        #[arg(long)]
        org: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a budget.
    Show {
        /// Its id.
        budget: String,
    },
    /// Set how much may be spent. What is spent stays spent.
    Set {
        /// Its id.
        budget: String,
        /// How much, in the budget's unit.
        amount: String,
    },
    /// Delete a budget: what it limited is limited by the others only.
    Delete {
        /// Its id.
        budget: String,
    },
}

impl Budget {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Create { org, level, subject, limit, unit, period } => {
                let org = names::organization(caller, &org).await?;
                let body = present(json!({
                    "organization": org, "level": level, "subject": subject,
                    "limit": { "amount": limit, "unit": unit, "period": period },
                }));
                printer.item(&caller.ask(Ask::post(&["budgets"], body)).await?, FIELDS)
            }
            Self::List { org, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let ask = Ask::get(&["budgets"]).with("organization", org.as_deref());
                printer.list(&paging.list(caller, ask).await?, FIELDS)
            }
            Self::Show { budget } => {
                printer.item(&caller.ask(Ask::get(&["budgets", &budget])).await?, FIELDS)
            }
            Self::Set { budget, amount } => {
                let ask = Ask::patch(&["budgets", &budget], json!({ "amount": amount }));
                printer.item(&caller.ask(ask).await?, FIELDS)
            }
            Self::Delete { budget } => {
                caller.ask(Ask::delete(&["budgets", &budget])).await?;
                printer.done("The budget is gone.", &json!({ "deleted": budget }))
            }
        }
    }
}
