//! `keyhaven doctor`: looks at this machine's instance before somebody has to ask why. Each finding
//! is a line with its fix. It changes nothing but one row that is gone within a day: the proof that
//! the database takes writes.

use std::process::ExitCode;

use anyhow::Result;
use keyhaven_store::engine::Location;
use serde::Serialize;
use serde_json::json;

use super::World;
use super::print::{Ink, Printer, harmless};
use crate::boot;
use crate::config::Config;

mod database;
mod disk;
mod network;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failure,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, state: State::Ok, detail: detail.into(), fix: None }
    }

    fn warning(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Warning, detail: detail.into(), fix: Some(fix.into()) }
    }

    fn failure(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Failure, detail: detail.into(), fix: Some(fix.into()) }
    }
}

pub(super) async fn run(config: &Config, world: &World, printer: &Printer) -> Result<ExitCode> {
    let mut findings = disk::look(config);
    if is_begun(config) {
        findings.extend(database::look(config, world).await);
    } else {
        let detail = format!("there is no instance in {} yet", config.data.display());
        findings.push(Finding::warning("database", detail, "keyhaven serve begins one"));
    }
    findings.extend(network::look(config).await);
    let healthy = findings.iter().all(|finding| finding.state != State::Failure);
    if printer.is_json() {
        printer.document(&json!({ "healthy": healthy, "checks": findings }))?;
    } else {
        for finding in &findings {
            printer.say(&line(printer, finding))?;
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether there is something to open; opening would make it.
fn is_begun(config: &Config) -> bool {
    match boot::location(config) {
        Some(Location::Sqlite(directory)) => directory.join("keyhaven.db").exists(),
        _ => true,
    }
}

fn line(printer: &Printer, finding: &Finding) -> String {
    let (mark, ink) = match finding.state {
        State::Ok => ("✓", Ink::Good),
        State::Warning => ("!", Ink::Warn),
        State::Failure => ("✗", Ink::Bad),
    };
    let head = format!("{} {:<18}", printer.paint(ink, mark), finding.check);
    let mut line = format!("{head}{}", harmless(&finding.detail));
    if let Some(fix) = &finding.fix {
        line.push_str(&format!("\n{:20}{}", "", printer.paint(Ink::Dim, &format!("→ {fix}"))));
    }
    line
}
