//! `keyhaven app`: apps that people gave keys to.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::Paging;
use super::print::Printer;

const FIELDS: &[&str] = &["id", "origin", "created_at", "blocked_at"];

/// Verbs on apps.
#[derive(Debug, Subcommand)]
pub(super) enum App {
    /// List apps, oldest first.
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Block an app: none of its keys counts, and it gets no others.
    Block {
        /// Its id.
        app: String,
    },
    /// Let an app act again.
    Unblock {
        /// Its id.
        app: String,
    },
}

impl App {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let (app, blocked) = match self {
            Self::List { paging } => {
                return printer.list(&paging.list(caller, Ask::get(&["apps"])).await?, FIELDS);
            }
            Self::Block { app } => (app, true),
            Self::Unblock { app } => (app, false),
        };
        let ask = Ask::patch(&["apps", &app], json!({ "blocked": blocked }));
        printer.item(&caller.ask(ask).await?, FIELDS)
    }
}
