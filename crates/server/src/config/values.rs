//! The kinds of values settings have: spans with their bounds, lists, networks, the issuer, choices.
//! A value that exists is valid; nothing downstream checks again.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keyhaven_connect::egress::Egress;
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;

use super::Setting;

/// A setting that may be absent (empty text).
#[derive(Clone, Debug, Default)]
pub struct Optional<T>(pub Option<T>);

impl<T: Setting> Setting for Optional<T> {
    const JOIN: fn(&[String]) -> String = T::JOIN;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(Self(None)) } else { T::parse(text).map(|value| Self(Some(value))) }
    }
}

/// Several values separated by commas.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<T>);

impl<T: Setting> Setting for List<T> {
    fn parse(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(T::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Several secrets separated by commas.
pub type Secrets = List<Secret>;

fn whole(text: &str, min: i64, max: i64, unit: &str) -> Result<i64, String> {
    let expected = || format!("expected a whole number of {unit} from {min} to {max}");
    let value = text.parse::<i64>().map_err(|_| expected())?;
    if (min..=max).contains(&value) { Ok(value) } else { Err(expected()) }
}

/// A number of seconds between two bounds.
#[derive(Clone, Copy, Debug)]
pub struct Span<const MIN: i64, const MAX: i64>(pub Seconds);

impl<const MIN: i64, const MAX: i64> Setting for Span<MIN, MAX> {
    fn parse(text: &str) -> Result<Self, String> {
        whole(text, MIN, MAX, "seconds").map(|seconds| Self(Seconds(seconds)))
    }
}

impl<const MIN: i64, const MAX: i64> Span<MIN, MAX> {
    /// As the duration a timer takes.
    #[must_use]
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0.0.unsigned_abs())
    }
}

/// A number of days between two bounds.
#[derive(Clone, Copy, Debug)]
pub struct Days<const MIN: i64, const MAX: i64>(pub i64);

impl<const MIN: i64, const MAX: i64> Setting for Days<MIN, MAX> {
    fn parse(text: &str) -> Result<Self, String> {
        whole(text, MIN, MAX, "days").map(Self)
    }
}

impl<const MIN: i64, const MAX: i64> Days<MIN, MAX> {
    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> Seconds {
        Seconds(self.0 * 86_400)
    }
}

/// A count between two bounds.
#[derive(Clone, Copy, Debug)]
pub struct Whole<const MIN: i64, const MAX: i64>(pub usize);

impl<const MIN: i64, const MAX: i64> Setting for Whole<MIN, MAX> {
    fn parse(text: &str) -> Result<Self, String> {
        let value = whole(text, MIN, MAX, "them")?;
        usize::try_from(value).map(Self).map_err(|_| "too large for this machine".to_owned())
    }
}

/// An address range in CIDR form (RFC 4632 §3.1); a single address is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u128,
    mask: u128,
}

impl Network {
    /// Whether `address` lies in the range. IPv4 and IPv4-mapped IPv6 are the same address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        wide(address) & self.mask == self.address
    }
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Setting for Network {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("'{text}' is no network such as 10.0.0.0/8 or fd00::/8");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => {
                (address, Some(length.parse::<u32>().map_err(|_| expected())?))
            }
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| expected())?;
        let (most, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let length = length.unwrap_or(most);
        if length > most {
            return Err(expected());
        }
        let mask = u128::MAX.checked_shl(128 - offset - length).unwrap_or(0);
        let network = Self { address: wide(address) & mask, mask };
        if wide(address) == network.address {
            Ok(network)
        } else {
            Err(format!("'{text}' has bits set outside its network"))
        }
    }
}

/// What outgoing requests may reach beyond the public internet.
#[derive(Clone, Debug, Default)]
pub struct Reachable(pub Egress);

impl Setting for Reachable {
    fn parse(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Egress::parse(entries).map(Self).map_err(|error| error.to_string())
    }
}

/// The issuer identifier (RFC 8414 §2): `https`, or `http` on loopback; no query, fragment, user
/// information or trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    https: bool,
}

impl Issuer {
    /// The issuer of a server nobody configured.
    #[must_use]
    pub fn on_loopback(port: u16) -> Self {
        Self { text: format!("http://localhost:{port}"), https: false }
    }

    /// The issuer of a server with a certificate that nobody configured further.
    #[must_use]
    pub fn on_loopback_by_tls(port: u16) -> Self {
        Self { text: format!("https://localhost:{port}"), https: true }
    }

    /// The text, as it appears in `iss`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether browsers reach it by TLS (and may be told to insist on it).
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Setting for Issuer {
    fn parse(text: &str) -> Result<Self, String> {
        let (https, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err("expected a URL that begins with https://".to_owned()),
        };
        if text.ends_with('/') {
            return Err("an issuer has no trailing slash".to_owned());
        }
        if text.contains(['?', '#']) {
            return Err("an issuer has no query and no fragment".to_owned());
        }
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.contains('@') {
            return Err("an issuer has no user name".to_owned());
        }
        let uri = text.parse::<axum::http::Uri>().map_err(|_| "expected a URL".to_owned())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("the URL has no host")?;
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err("write the host in lower case".to_owned());
        }
        if has_empty_or_dot_segment(uri.path()) {
            return Err("the path has an empty or a dot segment".to_owned());
        }
        if !https && !is_loopback(host) {
            return Err("http is for loopback only; use https".to_owned());
        }
        Ok(Self { text: text.to_owned(), https })
    }
}

/// The origin of a web site (RFC 6454 §6.2): `https`, or `http` on loopback; nothing behind the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(pub String);

impl Setting for WebOrigin {
    fn parse(text: &str) -> Result<Self, String> {
        let issuer = Issuer::parse(text)?;
        if issuer.text.splitn(4, '/').nth(3).is_some() {
            return Err("an origin has no path".to_owned());
        }
        Ok(Self(issuer.text))
    }
}

/// A path on an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(pub String);

impl Setting for LocalPath {
    fn parse(text: &str) -> Result<Self, String> {
        Continuation::parse(text).map(|path| Self(path.to_string())).map_err(str::to_owned)
    }
}

fn has_empty_or_dot_segment(path: &str) -> bool {
    path != "/" && path.split('/').skip(1).any(|segment| matches!(segment, "" | "." | ".."))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

macro_rules! choices {
    ($($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $meaning:literal])+ $variant:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $meaning])+ $variant),+ }

        impl $name {
            /// The word as it is written in the file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl Setting for $name {
            fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(concat!("expected one of", $(" ", $text),+).to_owned()),
                }
            }
        }
    )+};
}

choices! {
    /// How log lines look.
    LogFormat {
        /// `pretty` on a terminal, `json` elsewhere.
        Auto = "auto",
        /// For people.
        Pretty = "pretty",
        /// For machines.
        Json = "json",
    }
    /// The least important lines that are still written.
    LogLevel {
        /// Failures of ours.
        Error = "error",
        /// Things an operator should look at.
        Warn = "warn",
        /// Refusals and the life of the process.
        Info = "info",
        /// A line for each request.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
    /// Who may make an account.
    SignUp {
        /// People who were invited.
        Invitation = "invitation",
        /// Anybody who proves an address.
        Open = "open",
    }
    /// JWS algorithms we sign with.
    SigningAlgorithm {
        /// ECDSA on P-256 (RFC 7518 §3.4).
        Es256 = "ES256",
        /// Ed25519 (RFC 8037 §3.1).
        EdDsa = "EdDSA",
        /// RSASSA-PSS (RFC 7518 §3.5).
        Ps256 = "PS256",
        /// RSASSA-PKCS1-v1_5 (RFC 7518 §3.3).
        Rs256 = "RS256",
    }
    /// `token_type` in the JSON token family.
    JsonTokenType {
        /// `jwt` or `opaque`: what the token is made of.
        Format = "format",
        /// `Bearer`.
        Bearer = "bearer",
    }
    /// `expires_in` in the JSON token family.
    JsonExpiresIn {
        /// A Unix timestamp.
        Timestamp = "timestamp",
        /// Seconds from now, as RFC 6749 §5.1 has it.
        Seconds = "seconds",
    }
    /// `errors` in the JSON:API family.
    JsonApiErrors {
        /// An array, as JSON:API has it.
        Array = "array",
        /// A single object, as the published schema has it.
        Object = "object",
    }
    /// Organizations in `included` of the JSON:API family.
    JsonApiInclude {
        /// Included when asked for.
        Organization = "include",
        /// Left out: clients generated from the published schema know groups only.
        GroupsOnly = "omit",
    }
    /// Whether DPoP proofs must carry a nonce of ours.
    DpopNonces {
        /// They may; one is offered with every answer.
        Offered = "offered",
        /// They must (RFC 9449 §8).
        Required = "required",
    }
    /// Who may read the organization of a token in the JSON:API family.
    JsonApiOrganization {
        /// The bearer of the token.
        Bearer = "bearer",
        /// Whoever knows the token's id, as the published contract has it.
        Anyone = "none",
    }
}
