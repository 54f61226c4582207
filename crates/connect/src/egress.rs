//! Where we may connect to: https on port 443 at public addresses, and what the operator allows
//! beyond that.
//!
//! Two gates. [`Egress::vet_url`] judges the text, so that a bad URL is refused when somebody
//! registers it; [`Egress::vet_address`] judges what a name resolved to, each time, because a name
//! that was public yesterday may point inwards today.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::address;

/// What the operator allows beyond the public internet. The default allows nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    exceptions: Vec<Exception>,
}

/// One entry of the operator's list. Where one applies, plain http and other ports are allowed too.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    /// A host by its name, on one port or any. Whatever it resolves to is allowed.
    Name { host: String, port: Option<u16> },
    /// Every address of a network.
    Network { network: IpAddr, length: u8 },
}

/// An entry that is neither `host`, `host:port`, an address nor `address/length`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadException(String);

impl fmt::Display for BadException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a host, host:port or address/length", self.0)
    }
}

impl std::error::Error for BadException {}

impl Egress {
    /// Reads the operator's list: `idp.internal`, `localhost:9001`, `10.1.0.0/16`, `fd00::/8`.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, BadException> {
        let exceptions: Result<_, _> = entries.into_iter().map(Exception::parse).collect();
        Ok(Self { exceptions: exceptions? })
    }

    /// Whether nothing beyond the public internet is allowed.
    #[must_use]
    pub const fn is_strict(&self) -> bool {
        self.exceptions.is_empty()
    }

    /// The entries, as the operator should see them at start.
    pub fn entries(&self) -> impl Iterator<Item = String> {
        self.exceptions.iter().map(ToString::to_string)
    }

    /// Judges the text of a URL, without resolving anything.
    pub fn vet_url(&self, url: &Url) -> Result<(), &'static str> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("URL holds user information");
        }
        if url.fragment().is_some() {
            return Err("URL has a fragment");
        }
        let host = url.host().ok_or("URL has no host")?;
        let port = url.port_or_known_default().ok_or("URL has no port")?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err("URL is not https");
        }
        if self.excepts_host(&host, port) {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err("URL is not https");
        }
        if port != 443 {
            return Err("URL's port is not 443");
        }
        match host {
            Host::Domain(name) => vet_name(name),
            Host::Ipv4(v4) => address::why_not_public(v4.into()).map_or(Ok(()), Err),
            Host::Ipv6(v6) => address::why_not_public(v6.into()).map_or(Ok(()), Err),
        }
    }

    /// Judges one address that the host of a URL resolved to.
    pub fn vet_address(&self, url: &Url, address: IpAddr) -> Result<(), &'static str> {
        let named = url.host().zip(url.port_or_known_default());
        if named.is_some_and(|(host, port)| self.excepts_name(&host, port)) {
            return Ok(());
        }
        if self.excepts_address(address) {
            return Ok(());
        }
        if url.scheme() != "https" || url.port().is_some() {
            return Err("plain http or another port outside the allowed networks");
        }
        address::why_not_public(address).map_or(Ok(()), Err)
    }

    /// Whether the text alone may go on to be resolved: names may be excepted by what they resolve
    /// to, so with a network on the list that is decided in `vet_address`.
    fn excepts_host(&self, host: &Host<&str>, port: u16) -> bool {
        let by_network = match host {
            Host::Ipv4(v4) => self.excepts_address((*v4).into()),
            Host::Ipv6(v6) => self.excepts_address((*v6).into()),
            Host::Domain(_) => {
                self.exceptions.iter().any(|one| matches!(one, Exception::Network { .. }))
            }
        };
        by_network || self.excepts_name(host, port)
    }

    fn excepts_name(&self, host: &Host<&str>, port: u16) -> bool {
        let text = host.to_string();
        self.exceptions.iter().any(|one| match one {
            Exception::Name { host, port: only } => {
                *host == text && only.is_none_or(|only| only == port)
            }
            Exception::Network { .. } => false,
        })
    }

    fn excepts_address(&self, address: IpAddr) -> bool {
        let address = address::canonical(address);
        self.exceptions.iter().any(|one| match one {
            Exception::Network { network, length } => {
                address::is_in_network(address, *network, *length)
            }
            Exception::Name { .. } => false,
        })
    }
}

/// Names that never lead to the public internet, refused before any resolver hears of them.
fn vet_name(name: &str) -> Result<(), &'static str> {
    const INWARD: [&str; 6] = ["localhost", "local", "internal", "home.arpa", "onion", "test"];
    let name = name.trim_end_matches('.');
    if INWARD.iter().any(|end| {
        name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }) {
        return Err("name of a private network");
    }
    if name.contains('.') { Ok(()) } else { Err("name of a private network") }
}

impl Exception {
    fn parse(text: &str) -> Result<Self, BadException> {
        let text = text.trim();
        let bad = || BadException(text.to_owned());
        if let Some((network, length)) = text.split_once('/') {
            let network: IpAddr = network.parse().map_err(|_| bad())?;
            let length: u8 = length.parse().map_err(|_| bad())?;
            let longest = if network.is_ipv4() { 32 } else { 128 };
            return if length <= longest {
                Ok(Self::Network { network, length })
            } else {
                Err(bad())
            };
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            let length = if address.is_ipv4() { 32 } else { 128 };
            return Ok(Self::Network { network: address, length });
        }
        Self::parse_name(text).ok_or_else(bad)
    }

    /// The URL parser spells the host the way it will spell the host of the URLs we compare with.
    fn parse_name(text: &str) -> Option<Self> {
        if text.is_empty() || text.contains(['/', '@', '?', '#', ' ', '\\']) {
            return None;
        }
        let url = Url::parse(&format!("https://{text}")).ok()?;
        let port = text.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        if text.contains(':') && port.is_none() && !text.ends_with(']') {
            return None;
        }
        Some(Self::Name { host: url.host()?.to_string(), port })
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { host, port: Some(port) } => write!(f, "{host}:{port}"),
            Self::Name { host, port: None } => f.write_str(host),
            Self::Network { network, length } => write!(f, "{network}/{length}"),
        }
    }
}

#[cfg(test)]
mod tests;
