//! `keyhaven rekey`: everything that an older master key sealed is sealed again under the current one,
//! while the server runs. It can be interrupted and started again.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::caller::{Ask, Caller};
use super::print::Printer;

const COLUMNS: &[&str] = &["column", "key", "count"];

/// Turns the master key.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Rekey {
    /// Only show how much is sealed under which key.
    #[arg(long)]
    status: bool,
}

impl Rekey {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let mut at = caller.ask(Ask::get(&["master-key"])).await?;
        if self.status {
            return shown(&at, printer);
        }
        let total = remaining(&at);
        while remaining(&at) > 0 {
            let before = remaining(&at);
            at = caller.ask(Ask::post(&["master-key", "rekey"], json!({}))).await?;
            if !printer.is_json() {
                let done = total.saturating_sub(remaining(&at));
                printer.say(&format!("{done} of {total} values are under the current key"))?;
            }
            if remaining(&at) >= before && at["failed"].as_u64() > Some(0) {
                shown(&at, printer)?;
                bail!(
                    "{} values do not open: their master key is not loaded, or they were altered. \
                     The log names them; nothing of theirs was changed.",
                    remaining(&at)
                );
            }
        }
        if total == 0 {
            at = caller.ask(Ask::post(&["master-key", "rekey"], json!({}))).await?;
        }
        shown(&at, printer)
    }
}

fn remaining(at: &Value) -> u64 {
    at["remaining"].as_u64().unwrap_or(0)
}

fn shown(at: &Value, printer: &Printer) -> Result<()> {
    if printer.is_json() {
        return printer.document(at);
    }
    printer.list(&json!({ "items": at["sealed"] }), COLUMNS)?;
    match remaining(at) {
        0 => printer.say("Everything is under the current key: older ones can be dropped."),
        left => printer.say(&format!("{left} values are still under an older key.")),
    }
}
