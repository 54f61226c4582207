//! `keyhaven usage`: what keys used, by day.

use anyhow::Result;
use clap::Args;

use super::caller::{Ask, Caller};
use super::names;
use super::print::Printer;

/// Which use to list.
#[derive(Debug, Args)]
pub(super) struct Usage {
    /// Only use by keys of this organization: id, slug or name.
    #[arg(long)]
    org: Option<String>,
    /// Only use by this key.
    #[arg(long)]
    key: Option<String>,
    /// The first day in UTC, for example 2026-11-01 [default: 30 days ago].
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last day [default: today].
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
}

impl Usage {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let org = names::maybe_organization(caller, self.org.as_deref()).await?;
        let ask = Ask::get(&["usage"])
            .with("organization", org.as_deref())
            .with("key", self.key.as_deref())
            .with("from", self.from.as_deref())
            .with("to", self.to.as_deref());
        let columns = ["day", "key", "unit", "amount", "charges"];
        printer.list(&caller.ask(ask).await?, &columns)
    }
}
