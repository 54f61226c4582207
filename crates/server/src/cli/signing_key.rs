//! `keyhaven signing-key`: what signs access tokens.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::present;
use super::print::Printer;

const COLUMNS: &[&str] = &["alg", "generation", "state", "signs_from", "created_at", "kid"];

/// Verbs on signing keys.
#[derive(Debug, Subcommand)]
pub(super) enum SigningKey {
    /// List the published keys.
    List,
    /// Publish the next key. It signs ten minutes later, when every verifier has it.
    Rotate {
        /// Only this algorithm; without it every one in use.
        #[arg(long, value_parser = ["ES256", "EdDSA", "PS256", "RS256"])]
        alg: Option<String>,
        /// It signs at once, for when a key may have leaked: verifiers that keep a copy of the
        /// published set may refuse its tokens for five minutes.
        #[arg(long)]
        now: bool,
    },
}

impl SigningKey {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let ask = match self {
            Self::List => Ask::get(&["signing-keys"]),
            Self::Rotate { alg, now } => {
                Ask::post(&["signing-keys"], present(json!({ "alg": alg, "now": now })))
            }
        };
        printer.list(&caller.ask(ask).await?, COLUMNS)
    }
}
