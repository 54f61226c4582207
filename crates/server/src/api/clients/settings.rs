//! What a client may be: every member parsed, and the members fitted to each other.

use keyhaven_connect::egress::Egress;
use keyhaven_protocol::client::{AuthMethod, Client, Profile, Standing, TokenFormat};
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::id::{ClientId, GroupId, OrganizationId};
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::jwk_set::JwkSet;
use keyhaven_protocol::redirect_uri::parse_redirect_uri;
use keyhaven_protocol::relying_party::RelyingParty;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::clients::ClientRecord;

use crate::app::NewClients;
use serde_json::Value;
use url::Url;

use super::sign_in::SignIn;

use crate::api::body::Members;

/// The longest life of an access token (security bar §1).
const MOST_ACCESS_TTL: i64 = 600;
const MOST_REFRESH_TTL: i64 = 365 * 24 * 60 * 60;
const MOST_GRACE: i64 = 300;
const MOST_GROUPS: usize = 100;
const MOST_REDIRECT_URIS: usize = 20;
const MOST_URI_BYTES: usize = 2048;
const GRANT_TYPES: [&str; 3] = ["authorization_code", "client_credentials", "refresh_token"];

/// The members that creating and changing have in common, as sent.
pub(super) struct Settings<'a> {
    pub(super) grant_types: Option<&'a [String]>,
    pub(super) scope: Option<&'a str>,
    pub(super) groups: Option<&'a [String]>,
    pub(super) redirect_uris: Option<&'a [String]>,
    pub(super) sign_in: Option<&'a SignIn>,
    pub(super) profile: Option<&'a str>,
    pub(super) auth_method: Option<&'a str>,
    pub(super) public: Option<bool>,
    pub(super) jwks: Option<Option<&'a Value>>,
    pub(super) jwks_uri: Option<Option<&'a str>>,
    pub(super) assertion_alg: Option<Option<&'a str>>,
    pub(super) token_format: Option<&'a str>,
    pub(super) token_alg: Option<&'a str>,
    pub(super) audience: Option<Option<&'a str>>,
    pub(super) access_ttl: Option<i64>,
    pub(super) refresh_idle_ttl: Option<i64>,
    pub(super) refresh_absolute_ttl: Option<i64>,
    pub(super) refresh_grace: Option<i64>,
}

/// A client with the configured default of every setting.
pub(super) fn fresh(
    id: ClientId,
    organization: Option<OrganizationId>,
    defaults: &NewClients,
    now: Timestamp,
) -> ClientRecord {
    let client = Client {
        id,
        public_id: id.to_string(),
        organization,
        name: String::new(),
        standing: Standing::Active,
        profile: Profile::Strict,
        auth_method: AuthMethod::Basic,
        secrets: Vec::new(),
        assertion_alg: None,
        keys: None,
        keys_uri: None,
        grant_types: vec!["client_credentials".to_owned()],
        scopes: Scopes::default(),
        audience: None,
        token_format: TokenFormat::Jwt,
        token_alg: defaults.token_alg.clone(),
        access_ttl: defaults.access_ttl,
        refresh_idle: defaults.refresh_idle,
        refresh_absolute: defaults.refresh_absolute,
        refresh_grace: defaults.refresh_grace,
        not_before: Timestamp(0),
        party: RelyingParty::default(),
    };
    ClientRecord { client, groups: Vec::new(), created_at: now, disabled_at: None, revision: 1 }
}

/// Gives the client a name.
pub(super) fn rename(record: &mut ClientRecord, name: &str, members: &mut Members) {
    if let Some(name) = members.read("/name", parse_display_name(name)) {
        record.client.name = name;
    }
}

/// Whether the client authenticates with a secret of ours.
pub(super) const fn holds_secret(record: &ClientRecord) -> bool {
    matches!(record.client.auth_method, AuthMethod::Basic | AuthMethod::Post)
}

/// The rules between members, once all are written.
pub(super) fn fit(record: &ClientRecord, members: &mut Members) {
    let client = &record.client;
    let keyed = client.keys.is_some() || client.keys_uri.is_some();
    if client.keys.is_some() && client.keys_uri.is_some() {
        members.wrong("/jwks_uri", "stands beside jwks: send one of them, and null for the other");
    }
    if client.auth_method == AuthMethod::PrivateKeyJwt && !keyed {
        members.wrong("/jwks", "or jwks_uri is required for private_key_jwt");
    }
    let signs_requests = client.party.request_object_alg.is_some();
    if client.auth_method != AuthMethod::PrivateKeyJwt && keyed && !signs_requests {
        let sent = if client.keys.is_some() { "/jwks" } else { "/jwks_uri" };
        members.wrong(sent, "is for private_key_jwt and request objects only");
    }
    if client.auth_method == AuthMethod::None && client.may_use("client_credentials") {
        members
            .wrong("/grant_types", "client_credentials is for clients that can prove themselves");
    }
    if signs_requests && !keyed {
        members.wrong("/jwks", "or jwks_uri is required for request objects");
    }
    let proven = client.is_confidential();
    if client.profile == Profile::OidcCompat && !proven {
        members.wrong("/profile", "oidc-compat is for clients that can prove themselves");
    }
    if client.profile == Profile::Fapi2 && client.auth_method != AuthMethod::PrivateKeyJwt {
        members.wrong("/profile", "fapi2 is for clients with private_key_jwt");
    }
    if client.profile == Profile::Fapi2 && client.token_alg == Algorithm::Rs256.name() {
        members.wrong("/token_alg", "fapi2 has ES256, EdDSA or PS256");
    }
    members.read("/sign_in/sector", client.party.owns_its_sector());
    if client.refresh_absolute < client.refresh_idle {
        members.wrong("/refresh_absolute_ttl", "is not less than refresh_idle_ttl");
    }
    if client.organization.is_none() && !record.groups.is_empty() {
        members.wrong("/groups", "are those of an organization, and this client has none");
    }
}

/// Where a client publishes its keys must be a place we may ask (A55): nothing is asked now.
pub(super) fn fit_keys_uri(record: &ClientRecord, egress: &Egress, members: &mut Members) {
    let Some(uri) = &record.client.keys_uri else { return };
    let sound = uri.len() <= MOST_URI_BYTES;
    let url = Url::parse(uri).ok().filter(|_| sound);
    let judged = url.ok_or("is a URL of at most 2048 bytes").and_then(|url| egress.vet_url(&url));
    members.read("/jwks_uri", judged);
}

impl Settings<'_> {
    /// Writes what was sent into `record`, noting what breaks a rule.
    pub(super) fn apply(&self, record: &mut ClientRecord, members: &mut Members) {
        self.apply_grants(&mut record.client, members);
        self.apply_lists(record, members);
        if let Some(sign_in) = self.sign_in {
            sign_in.apply(&mut record.client.party, members);
        }
        self.apply_authentication(&mut record.client, members);
        self.apply_tokens(&mut record.client, members);
        self.apply_lifetimes(&mut record.client, members);
    }

    fn apply_grants(&self, client: &mut Client, members: &mut Members) {
        let profile =
            self.profile.map(|word| Profile::parse(word).ok_or("is strict, oidc-compat or fapi2"));
        put(&mut client.profile, "/profile", profile, members);
        let scopes = self.scope.map(Scopes::parse);
        put(&mut client.scopes, "/scope", scopes, members);
        let Some(words) = self.grant_types else { return };
        client.grant_types.clear();
        for (at, word) in words.iter().enumerate() {
            if !GRANT_TYPES.contains(&word.as_str()) {
                let rule = "is authorization_code, client_credentials or refresh_token";
                members.wrong(format!("/grant_types/{at}"), rule);
            } else if !client.grant_types.contains(word) {
                client.grant_types.push(word.clone());
            }
        }
    }

    fn apply_lists(&self, record: &mut ClientRecord, members: &mut Members) {
        if let Some(uris) = self.redirect_uris {
            if uris.len() > MOST_REDIRECT_URIS {
                members.wrong("/redirect_uris", "has at most 20 entries");
                return;
            }
            let parsed = uris.iter().enumerate().filter_map(|(at, uri)| {
                members.read(format!("/redirect_uris/{at}"), parse_redirect_uri(uri))
            });
            record.client.party.redirect_uris = parsed.collect();
        }
        if let Some(groups) = self.groups {
            if groups.len() > MOST_GROUPS {
                members.wrong("/groups", "has at most 100 entries");
                return;
            }
            let parsed = groups.iter().enumerate().filter_map(|(at, group)| {
                members.read(format!("/groups/{at}"), GroupId::parse(group).ok_or("is not an id"))
            });
            record.groups = parsed.collect();
            record.groups.sort_unstable();
            record.groups.dedup();
        }
    }

    fn apply_authentication(&self, client: &mut Client, members: &mut Members) {
        let method = self.auth_method.map(|word| {
            AuthMethod::parse(word)
                .ok_or("is client_secret_basic, client_secret_post, private_key_jwt or none")
        });
        put(&mut client.auth_method, "/auth_method", method, members);
        match (self.public, self.auth_method) {
            (Some(true), None) => client.auth_method = AuthMethod::None,
            (Some(public), Some(_)) if public == client.is_confidential() => {
                members.wrong("/public", "disagrees with auth_method");
            }
            (Some(false), None) if !client.is_confidential() => {
                client.auth_method = AuthMethod::Basic;
            }
            _ => {}
        }
        match self.jwks_uri {
            None => {}
            Some(None) => client.keys_uri = None,
            Some(Some(uri)) => client.keys_uri = Some(uri.to_owned()),
        }
        match self.jwks {
            None => {}
            Some(None) => client.keys = None,
            Some(Some(set)) => {
                if let Some(keys) = members.read("/jwks", parse_keys(set)) {
                    client.keys = Some(keys);
                }
            }
        }
        match self.assertion_alg {
            None => {}
            Some(None) => client.assertion_alg = None,
            Some(Some(word)) => {
                let parsed = parse_algorithm(word).map(Some);
                put(&mut client.assertion_alg, "/assertion_alg", Some(parsed), members);
            }
        }
    }

    fn apply_tokens(&self, client: &mut Client, members: &mut Members) {
        let format =
            self.token_format.map(|word| TokenFormat::parse(word).ok_or("is jwt or opaque"));
        put(&mut client.token_format, "/token_format", format, members);
        put(&mut client.token_alg, "/token_alg", self.token_alg.map(parse_algorithm), members);
        match self.audience {
            None => {}
            Some(None) => client.audience = None,
            Some(Some(text)) => {
                let parsed = parse_audience(text).map(Some);
                put(&mut client.audience, "/audience", Some(parsed), members);
            }
        }
    }

    fn apply_lifetimes(&self, client: &mut Client, members: &mut Members) {
        let access = self.access_ttl.map(|n| within(n, 1, MOST_ACCESS_TTL, "is 1 to 600"));
        put(&mut client.access_ttl, "/access_ttl", access, members);
        let refresh = |n: i64| within(n, 60, MOST_REFRESH_TTL, "is 60 to 31536000");
        let idle = self.refresh_idle_ttl.map(refresh);
        put(&mut client.refresh_idle, "/refresh_idle_ttl", idle, members);
        let absolute = self.refresh_absolute_ttl.map(refresh);
        put(&mut client.refresh_absolute, "/refresh_absolute_ttl", absolute, members);
        let grace = self.refresh_grace.map(|n| within(n, 0, MOST_GRACE, "is 0 to 300"));
        put(&mut client.refresh_grace, "/refresh_grace", grace, members);
    }
}

/// Writes a member that was sent and read.
fn put<T>(
    slot: &mut T,
    pointer: &str,
    parsed: Option<Result<T, &'static str>>,
    members: &mut Members,
) {
    if let Some(value) = parsed.and_then(|parsed| members.read(pointer, parsed)) {
        *slot = value;
    }
}

fn within(n: i64, least: i64, most: i64, rule: &'static str) -> Result<Seconds, &'static str> {
    if (least..=most).contains(&n) { Ok(Seconds(n)) } else { Err(rule) }
}

fn parse_algorithm(word: &str) -> Result<String, &'static str> {
    let known = Algorithm::parse(word).ok_or("is ES256, EdDSA, PS256 or RS256")?;
    Ok(known.name().to_owned())
}

/// A resource indicator (RFC 8707 §2): absolute, without fragment.
pub(super) fn parse_audience(text: &str) -> Result<String, &'static str> {
    let rule = "is an absolute URI without fragment";
    let sound = text.len() <= 2048 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let scheme = text.split_once(':').filter(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && !rest.is_empty()
    });
    if sound && scheme.is_some() && !text.contains('#') { Ok(text.to_owned()) } else { Err(rule) }
}

/// The client's keys as they are kept: public parts only, bounded (A56).
fn parse_keys(set: &Value) -> Result<String, &'static str> {
    let set = JwkSet::from_value(set)?;
    if set.keys().is_empty() {
        return Err("has at least one key");
    }
    Ok(set.to_value().to_string())
}
