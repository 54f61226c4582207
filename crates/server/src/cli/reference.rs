//! `keyhaven reference`: the pages that are written from the code, for `cargo xtask generate`.

mod providers;

use std::fmt::Write;

use anyhow::Result;
use clap::{Command, CommandFactory, Subcommand};
use serde_json::json;

use super::Cli;
use super::print::Printer;
use crate::config;

/// Which page.
#[derive(Debug, Subcommand)]
pub(super) enum Reference {
    /// The settings: docs/reference/configuration.md.
    Configuration,
    /// The commands: docs/reference/cli.md.
    Cli,
    /// The providers that ship: docs/reference/providers.md.
    Providers,
}

impl Reference {
    pub(super) fn run(&self, printer: &Printer) -> Result<()> {
        let page = match self {
            Self::Configuration => config::reference(),
            Self::Cli => commands(),
            Self::Providers => providers::page(),
        };
        if printer.is_json() {
            return printer.document(&json!({ "page": page }));
        }
        printer.say(page.trim_end())
    }
}

const HEAD: &str = "\
<!-- Written by `cargo xtask generate` from crates/server/src/cli/. Do not edit. -->

# Command line

Without a command, `keyhaven` serves. Every command takes these flags:

- `--data DIR`: the directory of the instance, opened in this process. It does not matter whether a
  server runs on it. With PostgreSQL, `KEYHAVEN_DATABASE` or `keyhaven.toml` says where it is.
- `--url URL`: a running server instead, with `--credential TOKEN` (scope `keyhaven:admin`) or
  `KEYHAVEN_CREDENTIAL`, or `KEYHAVEN_CLIENT_ID` and `KEYHAVEN_CLIENT_SECRET`.
- `--config FILE`: a configuration file other than `keyhaven.toml` in the data directory.
- `--json`: one JSON document on the output; of a failure, one on the error output.

It ends with 0 when done, 1 when refused or failed, 2 when the line was not understood.
";

fn commands() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut page = HEAD.to_owned();
    describe(&cli, "keyhaven", &mut page);
    page
}

/// One section for each command that does something.
fn describe(command: &Command, path: &str, page: &mut String) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() {
            describe(sub, &path, page);
        } else {
            section(sub, &path, page);
        }
    }
}

fn section(command: &Command, path: &str, page: &mut String) {
    let mut words = vec![path.to_owned()];
    let mut flags = String::new();
    let own = |arg: &&clap::Arg| !arg.is_global_set() && !arg.is_hide_set();
    for arg in command.get_arguments().filter(own) {
        if matches!(arg.get_id().as_str(), "help" | "version") {
            continue;
        }
        let shown = shown(arg);
        words.push(if arg.is_required_set() { shown.clone() } else { format!("[{shown}]") });
        // Writing to a String cannot fail.
        let _ = writeln!(flags, "- `{shown}`: {}", about(arg));
    }
    let what = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = write!(page, "\n## `{path}`\n\n{what}.\n\n```\n{}\n```\n", folded(&words));
    if !flags.is_empty() {
        let _ = write!(page, "\n{flags}");
    }
}

/// Words in lines of at most this width, as a shell takes them.
const WIDTH: usize = 96;

fn folded(words: &[String]) -> String {
    let (mut text, mut used) = (String::new(), 0);
    for word in words {
        if used > 0 && used + word.len() + 3 > WIDTH {
            text.push_str(" \\\n   ");
            used = 3;
        }
        if used > 0 {
            text.push(' ');
        }
        text.push_str(word);
        used += word.len() + 1;
    }
    text
}

fn shown(arg: &clap::Arg) -> String {
    let takes = arg.get_action().takes_values();
    let value = arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string);
    let value = value.unwrap_or_else(|| arg.get_id().as_str().to_uppercase());
    match arg.get_long() {
        None => value,
        Some(long) if takes => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
    }
}

fn about(arg: &clap::Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    text.push('.');
    let choices: Vec<_> =
        arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if arg.get_action().takes_values() && !choices.is_empty() {
        let _ = write!(text, " One of {}.", choices.join(", "));
    }
    let defaults = arg.get_default_values().iter().filter(|_| arg.get_action().takes_values());
    for default in defaults {
        let _ = write!(text, " Default: `{}`.", default.to_string_lossy());
    }
    text
}
