//! `keyhaven config`: what is set, and where each value came from.

use anyhow::Result;
use serde_json::json;

use super::print::Printer;
use crate::config::{self, Loaded};

pub(super) fn run(loaded: &Loaded, printer: &Printer) -> Result<()> {
    printer.list(&json!({ "items": config::lines(loaded) }), &["key", "value", "from"])
}
