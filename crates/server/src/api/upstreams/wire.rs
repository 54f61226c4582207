//! Upstream providers on the wire: what is sent in, what is shown.

use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_protocol::upstream::preset::{Preset, parse_issuer};
use keyhaven_store::upstream_providers::{UpstreamEdit, UpstreamProvider};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::body::{Members, set};
use crate::api::organizations::power;
use crate::app::App;
use crate::http::error::ApiError;
use crate::operations::upstream_sign_in::redirect_uri;

/// A provider people may sign in with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "name": "Google", "preset": "google",
    "issuer": "https://accounts.google.com", "client_id": "1234.apps.googleusercontent.com",
    "scope": "openid profile email", "admits": "nobody",
    "redirect_uri": "https://auth.example.com/login/with/019a2b3c-4d5e-7f60-8123-456789abcdef/callback",
    "created_at": 1_764_000_000
}))]
pub struct Upstream {
    /// Its id.
    pub id: String,
    /// The organization whose provider it is; absent for the whole instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The name on its button.
    pub name: String,
    /// `generic`, `google`, `github`, `microsoft` or `gitlab`.
    pub preset: &'static str,
    /// Its issuer.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// What is asked for, separated by spaces.
    pub scope: String,
    /// Whom it may bring in: `nobody` but those who linked it, or `newcomers` too.
    pub admits: &'static str,
    /// What must be registered there as our redirect URI.
    pub redirect_uri: String,
    /// When it was added, in seconds since 1970.
    pub created_at: i64,
    /// Since when nobody signs in with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<i64>,
}

impl Upstream {
    pub(super) fn of(app: &App, provider: &UpstreamProvider) -> Self {
        Self {
            id: provider.id.to_string(),
            organization: provider.organization.map(|id| id.to_string()),
            name: provider.name.clone(),
            preset: provider.preset.as_str(),
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            scope: provider.scopes.clone(),
            admits: provider.admits.as_str(),
            redirect_uri: redirect_uri(app, provider.id),
            created_at: provider.created_at.0,
            disabled_at: provider.disabled_at.map(|at| at.0),
        }
    }
}

/// A provider to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "preset": "google", "client_id": "1234.apps.googleusercontent.com", "client_secret": "…"
}))]
pub struct CreateUpstream {
    /// `generic` (then `issuer` and `name` are needed), `google`, `github`, `microsoft` (then
    /// `issuer` is needed: `https://login.microsoftonline.com/TENANT/v2.0`) or `gitlab`.
    preset: String,
    /// Its issuer, exactly as its metadata says it. Never changes.
    #[serde(default)]
    issuer: Option<String>,
    /// The name on its button; presets have one.
    #[serde(default)]
    name: Option<String>,
    /// Who we are there.
    client_id: String,
    /// Our secret there. Kept sealed and never shown again.
    #[serde(default)]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    client_secret: Option<String>,
    /// What to ask for; presets know.
    #[serde(default)]
    scope: Option<String>,
    /// `nobody` (the default) or `newcomers`.
    #[serde(default)]
    admits: Option<String>,
    /// Whose it is: id or slug. Absent: the caller's organization, or the instance.
    #[serde(default)]
    pub(super) organization: Option<String>,
}

/// What to change of a provider; absent members stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"disabled": true}))]
pub struct UpdateUpstream {
    /// Another name.
    #[serde(deserialize_with = "set")]
    name: Option<String>,
    /// Another client there.
    #[serde(deserialize_with = "set")]
    client_id: Option<String>,
    /// A new secret.
    #[serde(deserialize_with = "set")]
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    client_secret: Option<String>,
    /// What to ask for.
    #[serde(deserialize_with = "set")]
    scope: Option<String>,
    /// `nobody` or `newcomers`.
    #[serde(deserialize_with = "set")]
    admits: Option<String>,
    /// `true`: nobody signs in with it until it is enabled again.
    #[serde(deserialize_with = "set")]
    disabled: Option<bool>,
}

impl CreateUpstream {
    /// The provider the body describes, without id, owner and time.
    pub(super) fn parse(&self, members: &mut Members) -> Option<UpstreamProvider> {
        let preset = members.read("/preset", parse_preset(&self.preset))?;
        let issuer = members.read("/issuer", self.issuer(preset));
        let name = self.name.as_deref().or(preset.label());
        let name = name.ok_or("is required").and_then(parse_display_name);
        let name = members.read("/name", name);
        let client_id = members.read("/client_id", parse_client_id(&self.client_id));
        let scope = self.scope.as_deref().unwrap_or(preset.scopes());
        let scopes = members.read("/scope", parse_scope(scope));
        let secret = self.client_secret.as_deref().map(parse_secret).transpose();
        let client_secret = members.read("/client_secret", secret);
        let admits = self.admits.as_deref().map(parse_admits).transpose();
        let admits = members.read("/admits", admits);
        Some(UpstreamProvider {
            id: keyhaven_protocol::id::Id([0; 16]),
            organization: None,
            name: name?,
            preset,
            issuer: issuer?,
            client_id: client_id?,
            client_secret: client_secret?,
            scopes: scopes?,
            admits: admits?.unwrap_or_default(),
            created_at: keyhaven_protocol::time::Timestamp(0),
            disabled_at: None,
            revision: 1,
        })
    }

    /// A preset's own issuer; GitLab may be somebody's own, GitHub and Google are where they are.
    fn issuer(&self, preset: Preset) -> Result<String, &'static str> {
        match (self.issuer.as_deref(), preset.issuer()) {
            (None, Some(known)) => Ok(known.to_owned()),
            (None, None) => Err("is required for this preset"),
            (Some(text), Some(known)) if preset != Preset::Gitlab && text != known => {
                Err("is another than the preset's: use generic")
            }
            (Some(text), _) => parse_issuer(text).map(str::to_owned),
        }
    }
}

/// What is changed of a provider, read.
pub(super) struct Changes {
    name: Option<String>,
    client_id: Option<String>,
    secret: Option<Secret>,
    scopes: Option<String>,
    admits: Option<Admits>,
    disabled: Option<bool>,
}

impl UpdateUpstream {
    pub(super) fn parse(self) -> Result<Changes, ApiError> {
        let mut members = Members::default();
        let name = self.name.and_then(|name| members.read("/name", parse_display_name(&name)));
        let client_id = self.client_id;
        let client_id = client_id.and_then(|id| members.read("/client_id", parse_client_id(&id)));
        let secret = self.client_secret;
        let secret = secret.and_then(|text| members.read("/client_secret", parse_secret(&text)));
        let scopes = self.scope.and_then(|scope| members.read("/scope", parse_scope(&scope)));
        let admits = self.admits.and_then(|word| members.read("/admits", parse_admits(&word)));
        members.finish()?;
        Ok(Changes { name, client_id, secret, scopes, admits, disabled: self.disabled })
    }
}

impl Changes {
    pub(super) fn edit(&self) -> UpstreamEdit<'_> {
        UpstreamEdit {
            name: self.name.as_deref(),
            client_id: self.client_id.as_deref(),
            client_secret: self.secret.as_ref(),
            scopes: self.scopes.as_deref(),
            admits: self.admits,
            standing: self.disabled.map(power),
        }
    }

    /// What the audit keeps of it; never the secret.
    pub(super) fn detail(&self) -> Value {
        json!({
            "name": &self.name, "client_id": &self.client_id,
            "client_secret": self.secret.as_ref().map(|_| "new"), "scope": &self.scopes,
            "admits": self.admits.map(Admits::as_str), "disabled": self.disabled,
        })
    }
}

fn parse_preset(word: &str) -> Result<Preset, &'static str> {
    Preset::parse(word).ok_or("is generic, google, github, microsoft or gitlab")
}

fn parse_admits(word: &str) -> Result<Admits, &'static str> {
    Admits::parse(word).ok_or("is nobody or newcomers")
}

fn parse_scope(text: &str) -> Result<String, &'static str> {
    let scopes = Scopes::parse(text).map_err(|_| "is a list of scopes separated by spaces")?;
    Ok(scopes.as_str().to_owned())
}

fn parse_client_id(text: &str) -> Result<String, &'static str> {
    visible(text, "is 1 to 512 visible ASCII characters").map(str::to_owned)
}

fn parse_secret(text: &str) -> Result<Secret, &'static str> {
    visible(text, "is 1 to 512 visible ASCII characters").map(Secret::from)
}

fn visible<'a>(text: &'a str, rule: &'static str) -> Result<&'a str, &'static str> {
    let fine = (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fine { Ok(text) } else { Err(rule) }
}
