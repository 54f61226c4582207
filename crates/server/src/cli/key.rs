//! `keyhaven key`: API keys of people and organizations.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::caller::{Ask, Caller};
use super::members::{Paging, given, present};
use super::names;
use super::print::Printer;
use super::span::parse_span;

const FIELDS: &[&str] = &["secret", "id", "label", "prefix", "last_four", "scopes", "organization"];
const COLUMNS: &[&str] = &[
    "id",
    "label",
    "prefix",
    "last_four",
    "scopes",
    "app",
    "created_at",
    "expires_at",
    "disabled_at",
];

/// Verbs on API keys.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Create a key. Its text is printed once.
    Create(Create),
    /// List keys, newest first.
    List {
        /// Only keys of this organization: id, slug or name.
        #[arg(long)]
        org: Option<String>,
        /// Only keys made from this one.
        #[arg(long, value_name = "KEY", conflicts_with = "owner")]
        parent: Option<String>,
        /// Only keys of this user: id or address.
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        /// Only those that this app holds: its id.
        #[arg(long, requires = "owner")]
        app: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a key.
    Show {
        /// Its id.
        key: String,
    },
    /// Change a key.
    Update(Update),
    /// Stop a key and every key below it, until it is enabled again.
    Disable {
        /// Its id.
        key: String,
    },
    /// Let a key act again.
    Enable {
        /// Its id.
        key: String,
    },
    /// Give a key a new text. It is printed once; id, budgets and history stay.
    Rotate {
        /// Its id.
        key: String,
        /// How long the text before keeps working, for example 90s, 1h or 7d.
        #[arg(long, value_name = "SPAN", default_value = "0s", value_parser = parse_span)]
        overlap: i64,
    },
    /// Delete a key and every key below it, for good; or all of a user's. Prints the receipt.
    Delete {
        /// Its id.
        #[arg(required_unless_present = "owner", conflicts_with = "owner")]
        key: Option<String>,
        /// Delete all keys of this user: id or address.
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        /// Only those that this app holds: its id.
        #[arg(long, requires = "owner")]
        app: Option<String>,
    },
}

/// A key to make.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The organization: id, slug or name.
    #[arg(long, value_name = "ORG", conflicts_with = "parent")]
    org: Option<String>,
    /// The member it belongs to: id or address.
    #[arg(long, value_name = "USER", conflicts_with = "parent")]
    owner: Option<String>,
    /// The project it works for: id, slug or name.
    #[arg(long, requires = "org")]
    project: Option<String>,
    /// The group it works for: id or name.
    #[arg(long, requires = "org")]
    group: Option<String>,
    /// The key it is made from.
    #[arg(long, value_name = "KEY")]
    parent: Option<String>,
    /// The name people see.
    #[arg(long)]
    label: String,
    /// How much it may spend, for example 25.00.
    #[arg(long, value_name = "AMOUNT", requires = "unit")]
    limit: Option<String>,
    /// What the limit counts: a currency such as USD, or a name such as tokens.
    #[arg(long, requires = "limit")]
    unit: Option<String>,
    /// When the limit begins anew.
    #[arg(long, requires = "limit", value_parser = ["none", "daily", "weekly", "monthly"])]
    period: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

/// What to change of a key.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its id.
    key: String,
    /// A new name.
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

/// What a key says.
#[derive(Debug, Args)]
struct Terms {
    /// What it opens; may be given again.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// When it ends, in seconds since 1970.
    #[arg(long, value_name = "SECONDS")]
    expires_at: Option<i64>,
    /// A web origin it may be used by; may be given again.
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// An address or network it may be used from; may be given again.
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// A rate limit as NAME=USES/SECONDS; may be given again.
    #[arg(long = "rate-limit", value_name = "LIMIT", value_parser = parse_rate_limit)]
    rate_limits: Vec<Value>,
    /// How many generations of keys may be made from it.
    #[arg(long, value_name = "N")]
    depth: Option<u8>,
}

impl Terms {
    /// The members that were given.
    fn members(self) -> Value {
        let list = |items: Vec<String>| (!items.is_empty()).then_some(items);
        let limits = (!self.rate_limits.is_empty()).then_some(self.rate_limits);
        json!({
            "scopes": (!self.scopes.is_empty()).then(|| self.scopes.join(" ")),
            "expires_at": self.expires_at,
            "origins": list(self.origins),
            "addresses": list(self.addresses),
            "rate_limits": limits,
            "depth": self.depth,
        })
    }
}

fn parse_rate_limit(text: &str) -> Result<Value, String> {
    let limits = keyhaven_protocol::rate_limit::parse_list(text)?;
    let [limit] = limits.as_slice() else { return Err("one limit as NAME=USES/SECONDS".into()) };
    Ok(json!({"name": limit.name, "limit": limit.most, "window": limit.window}))
}

impl Key {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Create(create) => {
                let body = create.body(caller).await?;
                printer.item(&caller.ask(Ask::post(&["keys"], body)).await?, FIELDS)?;
                printer.shown_once(true)
            }
            Self::List { org, parent, owner, app, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let owner = match owner {
                    None => None,
                    Some(owner) => Some(names::user(caller, &owner).await?),
                };
                let ask = Ask::get(&["keys"])
                    .with("organization", org.as_deref())
                    .with("parent", parent.as_deref())
                    .with("owner", owner.as_deref())
                    .with("app", app.as_deref());
                printer.list(&paging.list(caller, ask).await?, COLUMNS)
            }
            Self::Show { key } => {
                printer.item(&caller.ask(Ask::get(&["keys", &key])).await?, FIELDS)
            }
            Self::Update(Update { key, label, terms }) => {
                let mut body = terms.members();
                body["label"] = json!(label);
                change(caller, printer, &key, given(body)?).await
            }
            Self::Disable { key } => change(caller, printer, &key, json!({"disabled": true})).await,
            Self::Enable { key } => change(caller, printer, &key, json!({"disabled": false})).await,
            Self::Rotate { key, overlap } => {
                let body = json!({ "overlap_seconds": overlap });
                let ask = Ask::post(&["keys", &key, "rotate"], body);
                printer.item(&caller.ask(ask).await?, FIELDS)?;
                printer.shown_once(true)
            }
            Self::Delete { key, owner, app } => {
                let ask = match (key, owner) {
                    (_, Some(owner)) => {
                        let id = names::user(caller, &owner).await?;
                        Ask::delete(&["users", &id, "keys"]).with("app", app.as_deref())
                    }
                    (key, None) => Ask::delete(&["keys", &key.unwrap_or_default()]),
                };
                let receipt = caller.ask(ask).await?;
                printer.item(&receipt, &["revoked_at", "effective_by"])
            }
        }
    }
}

async fn change(caller: &Caller, printer: &Printer, key: &str, body: Value) -> Result<()> {
    printer.item(&caller.ask(Ask::patch(&["keys", key], body)).await?, FIELDS)
}

impl Create {
    async fn body(self, caller: &Caller) -> Result<Value> {
        let org = names::maybe_organization(caller, self.org.as_deref()).await?;
        let mut body = self.terms.members();
        body["organization"] = json!(org);
        body["label"] = json!(self.label);
        body["parent"] = json!(self.parent);
        if let Some(owner) = &self.owner {
            body["owner"] = json!(names::user(caller, owner).await?);
        }
        if let (Some(org), Some(project)) = (&org, &self.project) {
            body["project"] = json!(names::project(caller, org, project).await?);
        }
        if let (Some(org), Some(group)) = (&org, &self.group) {
            body["group"] = json!(names::group(caller, org, group).await?);
        }
        if let Some(amount) = &self.limit {
            let limit = json!({ "amount": amount, "unit": self.unit, "period": self.period });
            body["limit"] = present(limit);
        }
        Ok(present(body))
    }
}
