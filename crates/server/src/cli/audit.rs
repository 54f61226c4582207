//! `keyhaven audit`: what happened.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::caller::{Ask, Caller};
use super::members::Paging;
use super::names;
use super::print::{Printer, harmless, moment};

const COLUMNS: &[&str] = &["at", "actor", "action", "target", "detail"];

/// Between two looks at a followed audit.
const PAUSE: Duration = Duration::from_millis(500);

/// How much of the past a follower sees first, unless it asks for more.
const PAST: usize = 10;

/// A follower begins with the second of the newest row: this many of it are known not to be news.
const SAME_SECOND: usize = 1_000;

/// Verbs on the audit.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List what happened, newest first.
    List(List),
}

/// What to list.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only what concerns this organization: id, slug or name.
    #[arg(long)]
    org: Option<String>,
    /// Only this action, for example client.registered.
    #[arg(long)]
    action: Option<String>,
    /// Print the last few rows, oldest first, then go on with what happens, until stopped. With
    /// --json: one document in each line.
    #[arg(long, conflicts_with = "cursor")]
    follow: bool,
    #[command(flatten)]
    paging: Paging,
}

impl Audit {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let Self::List(list) = self;
        let org = names::maybe_organization(caller, list.org.as_deref()).await?;
        let ask = Ask::get(&["audit"])
            .with("organization", org.as_deref())
            .with("action", list.action.as_deref());
        if list.follow {
            return follow(caller, printer, &ask, list.paging.limit().min(PAST)).await;
        }
        printer.list(&list.paging.list(caller, ask).await?, COLUMNS)
    }
}

/// Goes on from the newest rows. The server shows a follower only what no later row can precede.
async fn follow(caller: &Caller, printer: &Printer, ask: &Ask, past: usize) -> Result<()> {
    let newest = caller.list(ask.clone(), SAME_SECOND, None).await?;
    let mut seen: HashSet<String> = rows(&newest).iter().map(id).collect();
    let since = rows(&newest).first().and_then(|row| row["at"].as_i64()).unwrap_or(0);
    for row in rows(&newest).iter().take(past).rev() {
        line(printer, row)?;
    }
    let since = since.to_string();
    let ask = ask.clone().with("order", Some("oldest")).with("since", Some(&since));
    let mut cursor = None;
    loop {
        let page = caller.ask(ask.clone().with("cursor", cursor.as_deref())).await?;
        for row in rows(&page) {
            if !seen.remove(&id(row)) {
                line(printer, row)?;
            }
        }
        cursor = page["next"].as_str().map(str::to_owned);
        if rows(&page).is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn rows(page: &Value) -> &[Value] {
    page["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap_or_default().to_owned()
}

fn line(printer: &Printer, row: &Value) -> Result<()> {
    if printer.is_json() {
        return printer.say(&row.to_string());
    }
    let word = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let at = row["at"].as_i64().and_then(moment).unwrap_or_default();
    let text =
        [at, word("action"), word("target"), word("actor"), row["detail"].to_string()].join("  ");
    printer.say(&harmless(&text))
}
