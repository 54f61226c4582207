//! `keyhaven explain KH-…`: the exact rule behind a refusal, what it compared, and what to do.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::caller::{Ask, Caller};
use super::hints;
use super::print::Printer;

/// The refusal to explain.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code in the answer, for example KH-4F2A-9C1D.
    code: String,
}

/// As printed.
const FIELDS: &[&str] =
    &["code", "error", "reason", "compared", "hint", "at", "organization", "request"];

impl Explain {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let refusal = caller.ask(Ask::get(&["refusals", &self.code])).await?;
        printer.item(&with_hint(refusal), FIELDS)
    }
}

/// Adds what to do about it.
pub(super) fn with_hint(mut refusal: Value) -> Value {
    let hint = refusal["reason"].as_str().and_then(hints::hint);
    if let Some(hint) = hint {
        refusal["hint"] = json!(hint);
    }
    refusal
}
