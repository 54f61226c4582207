//! What an operator can set. One table below is the whole of it: adding a key is one entry, and
//! loading, printing, the reference page and the error for a misspelt key follow from it.
//! It decides no behaviour; rooms take the values they need.

mod hand_out;
mod load;
mod print;
mod reference;
mod secret_file;
mod setting;
mod values;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use hand_out::{KeyPrefix, KeyScopes, LimitUnit};
pub use load::{ConfigError, Loaded, Sources};
pub use print::{Line, json, lines, table};
pub use reference::{FLAGS, reference};
pub use setting::Setting;
pub use values::{
    Days, DpopNonces, Issuer, JsonApiErrors, JsonApiInclude, JsonApiOrganization, JsonExpiresIn,
    JsonTokenType, List, LocalPath, LogFormat, LogLevel, Network, Optional, Reachable, Secrets,
    SignUp, SigningAlgorithm, Span, WebOrigin, Whole,
};
pub use words::Words;

use keyhaven_protocol::secret::Secret;

use crate::mail::{Sender, Smtp};

/// What is known of a key without a value: the reference page is made from this.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The name in the file. The environment variable is `KEYHAVEN_` and this in capitals; the flag,
    /// where there is one ([`FLAGS`]), is `--` and this with hyphens.
    pub name: &'static str,
    /// The default as it would be written in the file; empty means "not set".
    pub default: &'static str,
    /// What one is counted in, or the kind of value.
    pub unit: &'static str,
    /// Sentences for people.
    pub about: &'static str,
    /// Whether the value is masked when printed and may be a reference to a file.
    pub secret: bool,
    /// How an array of the file becomes the text of the value.
    pub join: fn(&[String]) -> String,
}

macro_rules! config {
    (@secret secret) => { true };
    (@secret) => { false };
    ($($(#[doc = $about:literal])+ $name:ident: $type:ty = $default:literal, $unit:literal $(, $secret:ident)?;)*) => {
        /// The settings of one node, parsed.
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[doc = $about])+ pub $name: $type,)*
        }

        impl Config {
            /// Every key, in the order of the reference page.
            pub const KEYS: &'static [Key] = &[$(Key {
                name: stringify!($name),
                default: $default,
                unit: $unit,
                about: concat!($($about, "\n"),+),
                secret: config!(@secret $($secret)?),
                join: <$type as Setting>::JOIN,
            },)*];

            /// Parses every value; `text` gives the winning text of a key.
            fn parse(text: impl Fn(&'static str) -> Result<Found, ConfigError>) -> Result<Self, ConfigError> {
                Ok(Self { $($name: text(stringify!($name))?.parse()?,)* })
            }
        }
    };
}

use load::Found;

config! {
    /// The directory of this instance: the embedded database, the master key, `keyhaven.toml`.
    data: PathBuf = "./keyhaven-data", "path";
    /// The address of the public listener. Port 0 picks a free port.
    listen: SocketAddr = "127.0.0.1:8484", "address";
    /// A PEM file with the certificate of the public listener and those it hangs on. With it and
    /// `tls_key` the listener speaks TLS itself; both files are read anew when they change.
    tls_certificate: Optional<PathBuf> = "", "path";
    /// A PEM file with the private key of `tls_certificate`.
    tls_key: Optional<PathBuf> = "", "path";
    /// The address of the operator listener (health, readiness, metrics). Keep it private.
    operator_listen: SocketAddr = "127.0.0.1:8485", "address";
    /// The URL clients know this server by: `iss` in every token and document. `https`, except on
    /// loopback; no trailing slash. Not set: `http://localhost` and the port of `listen`; `https://`
    /// with `tls_certificate`.
    issuer: Optional<Issuer> = "", "URL";
    /// A PostgreSQL URL. Not set: SQLite in the data directory.
    database: Optional<Secret> = "", "URL", secret;
    /// The key that seals secrets at rest, as `id:base64` of 32 bytes. Not set: what
    /// `master_key_command` prints; without that `master.key` in the data directory, made on first run.
    master_key: Optional<Secret> = "", "key", secret;
    /// A command that prints the master key, as `master_key` has it, such as one that has a key service
    /// unwrap it: an array of words, as JSON in the environment; words between spaces will do. No shell
    /// reads it. It runs at every start and has 30 seconds. See `docs/master-key.md`.
    master_key_command: Optional<Words> = "", "words";
    /// Earlier master keys, separated by commas: they still open what they sealed.
    previous_master_keys: Secrets = "", "keys", secret;
    /// A command, as `master_key_command`, that prints earlier master keys, one a line.
    previous_master_keys_command: Optional<Words> = "", "words";
    /// Networks whose `X-Forwarded-For` is believed, separated by commas. The client is the
    /// right-most address that is not one of these.
    trusted_proxies: List<Network> = "", "networks";
    /// How log lines look. `auto` is `pretty` on a terminal and `json` elsewhere.
    log_format: LogFormat = "auto", "auto, pretty, json";
    /// The least important lines that are still written.
    log_level: LogLevel = "info", "error, warn, info, debug, trace";
    /// How long an access token lives, at most 600.
    access_token_ttl: Span<1, 600> = "300", "seconds";
    /// How long a refresh token lives without being used.
    refresh_idle_ttl: Span<60, 31_536_000> = "1209600", "seconds";
    /// How long a refresh family lives, however often it is used.
    refresh_absolute_ttl: Span<60, 63_072_000> = "7776000", "seconds";
    /// How long a spent refresh token still returns its unused successor, at most 300. 0 turns it off.
    refresh_grace: Span<0, 300> = "90", "seconds";
    /// What access tokens are signed with unless a client or resource asks for another.
    signing_algorithm: SigningAlgorithm = "ES256", "ES256, EdDSA, PS256, RS256";
    /// How long a signing key signs before the next takes over.
    signing_rotation: Days<1, 366> = "30", "days";
    /// `token_type` in answers of the JSON token family: the token's make, or `Bearer`.
    moov_token_type: JsonTokenType = "format", "format, bearer";
    /// `expires_in` in answers of the JSON token family: a Unix timestamp, or seconds from now.
    moov_expires_in: JsonExpiresIn = "timestamp", "timestamp, seconds";
    /// `errors` of the JSON:API family: an array, or a single object as its published schema has it.
    jsonapi_error_shape: JsonApiErrors = "array", "array, object";
    /// Whether the JSON:API family puts an organization into `included` when it is asked for.
    jsonapi_include_organization: JsonApiInclude = "include", "include, omit";
    /// Who may read a token's organization: its bearer, or whoever knows the token's id.
    jsonapi_organization_auth: JsonApiOrganization = "bearer", "bearer, none";
    /// The origin of the dashboard that `/rpc/auth.*` serves: sign-ins end there, and its pages may
    /// send requests with the session cookie. Not set: the origin of the issuer.
    dashboard_origin: Optional<WebOrigin> = "", "origin";
    /// The dashboard's path that a sign-in leads to when it asked for none. `{organization}` stands
    /// for the slug of the organization.
    dashboard_landing: LocalPath = "/{organization}", "path";
    /// Whether DPoP proofs must carry a nonce of this server, or only may.
    dpop_nonces: DpopNonces = "offered", "offered, required";
    /// Who may make an account: people who were invited, or anybody who proves an address.
    sign_up: SignUp = "invitation", "invitation, open";
    /// How long a session lives without being used.
    session_idle_ttl: Span<300, 31_536_000> = "604800", "seconds";
    /// How long a session lives, however often it is used.
    session_absolute_ttl: Span<300, 31_536_000> = "1296000", "seconds";
    /// What requests of ours may reach beyond https at public addresses, separated by commas:
    /// `host`, `host:port`, `address` or `address/length`. Each entry is announced at start.
    egress_allow: Reachable = "", "hosts and networks";
    /// A PEM file of authorities that requests of ours believe beside the system's. Announced at start.
    extra_ca: Optional<PathBuf> = "", "path";
    /// Where mail is handed in: `smtps://user:password@host`, or `smtp://…?tls=required`. Not set:
    /// letters become files in the folder `outbox` of the data directory.
    mail_smtp: Optional<Smtp> = "", "URL", secret;
    /// Whose name letters bear.
    mail_from: Sender = "Keyhaven <keyhaven@localhost>", "name and address";
    /// What limits of keys that people hand to apps are counted in: a currency of ISO 4217, or a name.
    hand_out_unit: LimitUnit = "USD", "unit";
    /// What is written in front of keys that people hand to apps, such as `sk-or-v1-` for apps that
    /// look for it. Keys are recognised with and without it.
    hand_out_key_prefix: KeyPrefix = "", "text";
    /// What keys open that people hand to apps, separated by spaces. A key that is handed out by a
    /// key opens what that one opens.
    hand_out_scopes: KeyScopes = "", "scopes";
    /// Origins of front ends that users may be sent back to after connecting an account, separated by
    /// commas. The first one counts where a request names none; this server itself is always allowed.
    connector_return_origins: List<WebOrigin> = "", "origins";
    /// The page of a user's connector there; the connector's id is appended.
    connector_settings_path: String = "/account/individual/settings/connector", "path";
    /// The page of a team's connector there; the connector's id is appended.
    connector_team_settings_path: String = "/account/company-settings/settings/connector", "path";
    /// How long audit rows are kept.
    audit_retention_days: Days<1, 36_500> = "365", "days";
    /// Open connections on the public listener, all clients together.
    max_connections: Whole<1, 1_000_000> = "10000", "connections";
    /// Open connections of one client address (IPv6: of one /64). Trusted proxies are not counted.
    max_connections_per_address: Whole<1, 1_000_000> = "1000", "connections";
    /// The largest request body that is passed on to an outside API through a connection. It is passed on
    /// while it arrives and not held here.
    max_proxied_kib: Whole<64, 4_194_304> = "10240", "KiB";
    /// How long requests may go on after a stop was asked for.
    shutdown_grace: Span<0, 600> = "20", "seconds";
    /// Threads that serve requests. 0 is one for each processor.
    worker_threads: Whole<0, 1024> = "0", "threads";
}

impl Config {
    /// The issuer, with its default worked out from the bound public address.
    #[must_use]
    pub fn issuer_for(&self, bound: SocketAddr) -> Issuer {
        let usual = || match &self.tls_certificate.0 {
            None => Issuer::on_loopback(bound.port()),
            Some(_) => Issuer::on_loopback_by_tls(bound.port()),
        };
        self.issuer.0.clone().unwrap_or_else(usual)
    }
}

#[cfg(test)]
mod tests;
