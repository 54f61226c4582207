//! `keyhaven client`: OAuth clients. Secrets are in `client_secret.rs`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::caller::{Ask, Caller};
use super::client_secret::ClientSecret;
use super::client_sign_in::{self, SignIn};
use super::members::{Disabling, Paging, given};
use super::names;
use super::print::Printer;
use super::span::parse_span;

pub(super) const FIELDS: &[&str] = &[
    "client_id",
    "client_secret",
    "name",
    "organization",
    "grant_types",
    "scope",
    "groups",
    "auth_method",
    "redirect_uris",
    "sign_in",
];
const COLUMNS: &[&str] =
    &["client_id", "name", "organization", "grant_types", "scope", "created_at", "disabled_at"];

/// Verbs on clients.
#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Create a client. Prints its id and, this once, its secret.
    Create(Box<Create>),
    /// List clients, oldest first.
    List {
        /// Only clients of this organization: id, slug or name.
        #[arg(long)]
        org: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a client.
    Show {
        /// Its client id.
        client: String,
    },
    /// Change a client. Flags that are not given change nothing.
    Update(Box<Update>),
    /// Delete a client: its secrets and all that was issued to it die at once.
    Delete {
        /// Its client id.
        client: String,
    },
    /// Revoke everything issued to a client so far. Its secrets stay.
    Revoke {
        /// Its client id.
        client: String,
    },
    /// A client's secrets: two at most, so that it moves from one to the next without a pause.
    #[command(subcommand)]
    Secret(ClientSecret),
}

/// What a new client is.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The organization that owns it: id, slug or name. Without one it is a client of the instance.
    #[arg(long)]
    org: Option<String>,
    /// The name people see.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    settings: Settings,
}

/// What changes.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its client id.
    client: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Remove a setting.
    #[arg(long, value_name = "SETTING",
          value_parser = clap::builder::PossibleValuesParser::new(clearable()))]
    clear: Vec<String>,
    #[command(flatten)]
    disabling: Disabling,
}

/// What creating and changing have in common.
#[derive(Debug, Args)]
struct Settings {
    /// A grant type it may use: authorization_code, client_credentials, refresh_token. Repeat for several.
    #[arg(long, value_name = "GRANT")]
    grant: Option<Vec<String>>,
    /// A scope it may ask for; keyhaven:admin opens the management interface. Repeat for several.
    #[arg(long, value_name = "SCOPE")]
    scope: Option<Vec<String>>,
    /// A group of its organization it is tied to: id or name. Repeat for several.
    #[arg(long, value_name = "GROUP")]
    group: Option<Vec<String>>,
    /// An exact redirect URI. Repeat for several.
    #[arg(long, value_name = "URI")]
    redirect_uri: Option<Vec<String>>,
    /// Its set of rules.
    #[arg(long, value_parser = ["strict", "oidc-compat", "fapi2"])]
    profile: Option<String>,
    /// How it authenticates.
    #[arg(long, value_name = "METHOD",
          value_parser = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"])]
    auth_method: Option<String>,
    /// It cannot keep a secret: the same as --auth-method none.
    #[arg(long, conflicts_with = "auth_method")]
    public: bool,
    /// A file with its public keys as a JWK Set; it then authenticates by private_key_jwt.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Where it publishes its public keys: https. It then authenticates by private_key_jwt.
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    jwks_uri: Option<String>,
    /// The one algorithm its assertions may use.
    #[arg(long, value_name = "ALG")]
    assertion_alg: Option<String>,
    /// What its access tokens are made of.
    #[arg(long, value_name = "FORMAT", value_parser = ["jwt", "opaque"])]
    token_format: Option<String>,
    /// What signs its JWTs.
    #[arg(long, value_name = "ALG", value_parser = ["ES256", "EdDSA", "PS256", "RS256"])]
    token_alg: Option<String>,
    /// The audience of its access tokens; the issuer without.
    #[arg(long, value_name = "URL")]
    audience: Option<String>,
    /// Life of its access tokens, for example 300s or 5m.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    access_ttl: Option<i64>,
    /// A refresh token ends when unused this long.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    refresh_idle_ttl: Option<i64>,
    /// A refresh family ends this long after it began.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    refresh_absolute_ttl: Option<i64>,
    /// A spent refresh token still answers with its successor this long.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    refresh_grace: Option<i64>,
    #[command(flatten)]
    sign_in: SignIn,
}

impl Settings {
    /// The members of the body; those not given are null.
    fn members(&self) -> Result<Value> {
        let jwks = self.jwks.as_ref().map(read_json).transpose()?;
        let keyed = (jwks.is_some() || self.jwks_uri.is_some()).then_some("private_key_jwt");
        let scope = self.scope.as_ref().map(|words| words.join(" "));
        Ok(json!({
            "grant_types": self.grant,
            "scope": scope,
            "redirect_uris": self.redirect_uri,
            "profile": self.profile,
            "auth_method": self.auth_method.as_deref().or(keyed),
            "public": self.public.then_some(true),
            "jwks": jwks,
            "jwks_uri": self.jwks_uri,
            "assertion_alg": self.assertion_alg,
            "token_format": self.token_format,
            "token_alg": self.token_alg,
            "audience": self.audience,
            "access_ttl": self.access_ttl,
            "refresh_idle_ttl": self.refresh_idle_ttl,
            "refresh_absolute_ttl": self.refresh_absolute_ttl,
            "refresh_grace": self.refresh_grace,
        }))
    }

    /// Adds the ids of the groups that were named.
    async fn add_groups(
        &self,
        caller: &Caller,
        organization: Option<&str>,
        body: &mut Value,
    ) -> Result<()> {
        let Some(groups) = &self.group else { return Ok(()) };
        let organization = organization.context("--group needs a client of an organization")?;
        let mut ids = Vec::new();
        for group in groups {
            ids.push(names::group(caller, organization, group).await?);
        }
        body["groups"] = json!(ids);
        Ok(())
    }
}

impl Client {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Create(new) => new.run(caller, printer).await,
            Self::Update(update) => update.run(caller, printer).await,
            Self::Secret(verb) => verb.run(caller, printer).await,
            Self::List { org, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let ask = Ask::get(&["clients"]).with("organization", org.as_deref());
                printer.list(&paging.list(caller, ask).await?, COLUMNS)
            }
            Self::Show { client } => {
                printer.item(&caller.ask(Ask::get(&["clients", &client])).await?, FIELDS)
            }
            Self::Delete { client } => {
                caller.ask(Ask::delete(&["clients", &client])).await?;
                printer.done("The client is gone.", &json!({ "deleted": client }))
            }
            Self::Revoke { client } => {
                let ask = Ask::post(&["clients", &client, "revocation"], json!({}));
                printer.item(&caller.ask(ask).await?, &["revoked_at", "effective_by"])
            }
        }
    }
}

impl Create {
    async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let org = names::maybe_organization(caller, self.org.as_deref()).await?;
        let mut body = self.settings.members()?;
        body["name"] = json!(self.name);
        body["sign_in"] = json!(self.settings.sign_in.member(&Value::Null, &[]));
        body["organization"] = json!(org);
        let mut body = given(body)?;
        self.settings.add_groups(caller, org.as_deref(), &mut body).await?;
        let made = caller.ask(Ask::post(&["clients"], body)).await?;
        printer.item(&made, FIELDS)?;
        printer.shown_once(made["client_secret"].is_string())
    }
}

impl Update {
    async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let path = ["clients", self.client.as_str()];
        let before = caller.ask(Ask::get(&path)).await?;
        let mut body = self.settings.members()?;
        body["name"] = json!(self.name);
        body["sign_in"] = json!(self.settings.sign_in.member(&before["sign_in"], &self.clear));
        body["disabled"] = json!(self.disabling.choice());
        self.settings.add_groups(caller, before["organization"].as_str(), &mut body).await?;
        let mut body = super::members::present(body);
        if let Some(members) = body.as_object_mut() {
            clear(&self.clear, members);
        }
        if body.as_object().is_some_and(Map::is_empty) {
            return given(body).map(drop);
        }
        printer.item(&caller.ask(Ask::patch(&path, body)).await?, FIELDS)
    }
}

/// Removing a setting is null, or an empty list.
fn clear(settings: &[String], members: &mut Map<String, Value>) {
    for setting in settings.iter().filter(|it| !client_sign_in::is_ours(it)) {
        let name = setting.replace('-', "_");
        let empty = matches!(name.as_str(), "groups" | "redirect_uris");
        members.insert(name, if empty { json!([]) } else { Value::Null });
    }
}

/// The settings that can be removed.
fn clearable() -> impl Iterator<Item = &'static str> {
    let own = ["audience", "jwks", "jwks-uri", "assertion-alg", "groups", "redirect-uris"];
    own.into_iter().chain(client_sign_in::CLEARABLE)
}

fn read_json(path: &PathBuf) -> Result<Value> {
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))
}
