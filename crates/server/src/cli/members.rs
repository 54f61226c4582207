//! Flags that several nouns share, and the members of a body that were given by flags.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use super::caller::{Ask, Caller};

/// How much of a list to print.
#[derive(Clone, Debug, Args)]
pub(super) struct Paging {
    /// How many items at most.
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    limit: usize,
    /// Begin where an earlier list ended.
    #[arg(long)]
    cursor: Option<String>,
}

impl Paging {
    /// The items asked for.
    pub(super) async fn list(&self, caller: &Caller, ask: Ask) -> Result<Value> {
        caller.list(ask, self.limit, self.cursor.as_deref()).await
    }

    /// How many items at most.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }
}

/// Stops something, or lets it act again.
#[derive(Clone, Debug, Args)]
pub(super) struct Disabling {
    /// Stop it: nothing it holds counts until it is enabled again.
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Let it act again.
    #[arg(long)]
    enable: bool,
}

impl Disabling {
    /// What `disabled` should become; `None` leaves it as it is.
    pub(super) const fn choice(&self) -> Option<bool> {
        match (self.disable, self.enable) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            (false, false) => None,
        }
    }
}

/// The members that flags gave: those without a value are left out. A change of nothing is a
/// mistake.
pub(super) fn given(body: Value) -> Result<Value> {
    let body = present(body);
    match body.as_object() {
        Some(members) if members.is_empty() => bail!("nothing to change: give at least one flag"),
        _ => Ok(body),
    }
}

/// `body` without its null members.
pub(super) fn present(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    body
}
