//! `keyhaven connector`: a provider and one app registered there.

use std::io::Read as _;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::caller::{Ask, Caller};
use super::members::{Paging, given, present};
use super::names;
use super::print::Printer;

const FIELDS: &[&str] =
    &["id", "name", "provider", "organization", "client_id", "scopes", "redirect_uri", "status"];
const COLUMNS: &[&str] = &["id", "name", "provider", "method", "sharing", "status", "created_at"];

/// Verbs on connectors.
#[derive(Debug, Subcommand)]
pub(super) enum Connector {
    /// Create a connector. Register the redirect URI it prints with the provider.
    Create(Box<Create>),
    /// List the connectors of an organization, oldest first.
    List {
        /// The organization: id, slug or name.
        #[arg(long)]
        org: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a connector.
    Show {
        /// Its id.
        connector: String,
    },
    /// Change a connector. Another secret of the same app takes over with its first success.
    Update(Box<Update>),
    /// Test a connector: a dry run that says what is wrong.
    Test {
        /// Its id.
        connector: String,
    },
    /// Import grants that another system holds, as JSON on standard input: a list of objects with
    /// `external_id` and tokens. Safe to repeat.
    Import {
        /// The connector's id.
        connector: String,
        /// How each is proved.
        #[arg(long, value_parser = ["refresh", "account"])]
        prove: Option<String>,
    },
    /// Ask the users of all its connections to authorize again; access tokens serve to their end.
    Reauthorize {
        /// The connector's id.
        connector: String,
        /// Send each user a letter with the link, once a day at most.
        #[arg(long)]
        mail: bool,
        /// What the state of its connections will say.
        #[arg(long, value_parser = ["requested", "scope_change", "client_change"])]
        reason: Option<String>,
    },
    /// Revoke all its connections; the connector stays.
    RevokeConnections {
        /// The connector's id.
        connector: String,
    },
    /// Delete a connector: its connections end, and their provider is told.
    Delete {
        /// Its id.
        connector: String,
    },
}

/// What a new connector is.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The organization that owns it: id, slug or name.
    #[arg(long)]
    org: Option<String>,
    /// The provider's key, for example google.
    #[arg(long)]
    provider: String,
    /// Whose its connections are.
    #[arg(long, value_parser = ["private", "project", "organization"])]
    sharing: Option<String>,
    /// What its connections hold.
    #[arg(long, value_parser = ["oauth", "client_credentials", "api_key", "basic", "jwt_bearer", "password"])]
    method: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

/// What changes.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its id.
    connector: String,
    #[command(flatten)]
    settings: Settings,
}

/// What creating and changing have in common.
#[derive(Debug, Args)]
struct Settings {
    /// The name people see.
    #[arg(long)]
    name: Option<String>,
    /// The client id of the app registered with the provider.
    #[arg(long)]
    client_id: Option<String>,
    /// Read the app's secret, or its private key, from standard input: it then stands in no list of
    /// processes.
    #[arg(long)]
    client_secret_stdin: bool,
    /// A scope to ask for. Repeat for several.
    #[arg(long, value_name = "SCOPE")]
    scope: Option<Vec<String>>,
    /// One of the scopes without which a connection needs its user again. Repeat for several.
    #[arg(long, value_name = "SCOPE")]
    required_scope: Option<Vec<String>>,
    /// A variable of the provider. Repeat for several.
    #[arg(long, value_name = "NAME=VALUE")]
    var: Option<Vec<String>>,
    /// A further parameter of the authorization request. Repeat for several.
    #[arg(long, value_name = "NAME=VALUE")]
    param: Option<Vec<String>>,
}

impl Settings {
    fn members(&self) -> Result<Value> {
        let secret = self.client_secret_stdin.then(read_secret).transpose()?;
        Ok(json!({
            "name": self.name,
            "client_id": self.client_id,
            "client_secret": secret,
            "scopes": self.scope,
            "required_scopes": self.required_scope,
            "vars": self.var.as_deref().map(pairs).transpose()?,
            "params": self.param.as_deref().map(pairs).transpose()?,
        }))
    }
}

impl Connector {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Create(new) => new.run(caller, printer).await,
            Self::List { org, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let ask = Ask::get(&["connectors"]).with("organization", org.as_deref());
                printer.list(&paging.list(caller, ask).await?, COLUMNS)
            }
            Self::Show { connector } => {
                printer.item(&caller.ask(Ask::get(&["connectors", &connector])).await?, FIELDS)
            }
            Self::Update(update) => {
                let body = given(update.settings.members()?)?;
                let path = ["connectors", update.connector.as_str()];
                printer.item(&caller.ask(Ask::patch(&path, body)).await?, FIELDS)
            }
            Self::Test { connector } => {
                let path = ["connectors", connector.as_str(), "test"];
                let found = caller.ask(Ask::post(&path, json!({}))).await?;
                if printer.is_json() {
                    return printer.document(&found);
                }
                printer.list(&json!({ "items": found["checks"] }), &["check", "status", "detail"])
            }
            Self::Import { connector, prove } => import(caller, printer, &connector, prove).await,
            Self::Reauthorize { connector, mail, reason } => {
                let change = json!({ "action": "reauthorize", "mail": mail, "reason": reason });
                let change = present(change);
                change_all(caller, printer, &connector, &change).await
            }
            Self::RevokeConnections { connector } => {
                change_all(caller, printer, &connector, &json!({ "action": "revoke" })).await
            }
            Self::Delete { connector } => {
                caller.ask(Ask::delete(&["connectors", &connector])).await?;
                let told = json!({ "deleted": connector });
                printer.done("The connector is going; its connections end.", &told)
            }
        }
    }
}

impl Create {
    async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let org = names::maybe_organization(caller, self.org.as_deref()).await?;
        let mut body = self.settings.members()?;
        body["organization"] = json!(org);
        body["provider"] = json!(self.provider);
        body["sharing"] = json!(self.sharing);
        body["method"] = json!(self.method);
        printer.item(&caller.ask(Ask::post(&["connectors"], present(body))).await?, FIELDS)
    }
}

/// Steps without progress, after which the rest is left: whatever is in the way stays there.
const IDLE_STEPS: u32 = 3;

/// Changes a connector's connections step by step. It can be interrupted and started again.
async fn change_all(
    caller: &Caller,
    printer: &Printer,
    connector: &str,
    change: &Value,
) -> Result<()> {
    let (mut changed, mut mailed, mut idle) = (0, 0, 0);
    loop {
        let ask = Ask::post(&["connectors", connector, "bulk"], change.clone());
        let step = caller.ask(ask).await?;
        let (now, left) = (step["changed"].as_i64().unwrap_or(0), &step["remaining"]);
        changed += now;
        mailed += step["mailed"].as_i64().unwrap_or(0);
        idle = if now == 0 { idle + 1 } else { 0 };
        if left.as_i64() == Some(0) {
            let told = json!({ "changed": changed, "mailed": mailed, "remaining": 0 });
            return printer.done(&format!("{changed} connections, {mailed} letters."), &told);
        }
        if idle == IDLE_STEPS {
            bail!("{changed} connections changed; {left} change too often. Start again.");
        }
        if !printer.is_json() {
            printer.say(&format!("{changed} connections, {left} to go"))?;
        }
    }
}

/// Rows of one call of `import`.
const ROWS: usize = 25;

async fn import(
    caller: &Caller,
    printer: &Printer,
    connector: &str,
    prove: Option<String>,
) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("the grants cannot be read")?;
    let rows: Vec<Value> = serde_json::from_str(&text).context("standard input is no JSON list")?;
    let mut results = Vec::with_capacity(rows.len());
    for rows in rows.chunks(ROWS) {
        let body = present(json!({ "connections": rows, "prove": prove }));
        let report = caller.ask(Ask::post(&["connectors", connector, "import"], body)).await?;
        results.extend(report["results"].as_array().cloned().unwrap_or_default());
    }
    let columns = ["external_id", "status", "connection", "proof", "reason"];
    printer.list(&json!({ "items": results }), &columns)
}

fn read_secret() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("the secret cannot be read")?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("standard input holds no secret");
    }
    Ok(text.to_owned())
}

pub(super) fn pairs(texts: &[String]) -> Result<Map<String, Value>> {
    let pair = |text: &String| {
        let (name, value) =
            text.split_once('=').with_context(|| format!("'{text}' is not NAME=VALUE"))?;
        Ok((name.to_owned(), json!(value)))
    };
    texts.iter().map(pair).collect()
}
