//! Where a key may be used from: web origins (RFC 6454) and network addresses. An empty list
//! allows everywhere; a list that is not empty refuses a caller of whom nothing is known.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::refusal::{Code, Refusal};

/// The most entries of one list.
const MOST: usize = 32;

/// Where a use of a key comes from, as far as known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// The `Origin` of the page that sent it.
    pub origin: Option<&'a str>,
    /// The network address.
    pub address: Option<IpAddr>,
}

/// Where a key may be used from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    /// Exact origins: `https://app.example.com`.
    origins: Vec<String>,
    /// Addresses and networks.
    networks: Vec<IpNet>,
}

impl AllowList {
    /// Reads the entries of both lists.
    pub fn parse<'a>(
        origins: impl IntoIterator<Item = &'a str>,
        networks: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, &'static str> {
        let origins = origins.into_iter().map(parse_origin).collect::<Result<Vec<_>, _>>()?;
        let networks = networks.into_iter().map(parse_network).collect::<Result<Vec<_>, _>>()?;
        if origins.len() > MOST || networks.len() > MOST {
            return Err("an allow list has at most 32 entries");
        }
        Ok(Self { origins, networks })
    }

    /// The origins, in the order given.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(String::as_str)
    }

    /// The networks, as they are written.
    pub fn networks(&self) -> impl Iterator<Item = String> {
        self.networks.iter().map(|net| {
            if net.prefix_len() == net.max_prefix_len() {
                net.addr().to_string()
            } else {
                net.to_string()
            }
        })
    }

    /// Whether a use from there counts. Each list that is not empty must know the caller.
    pub fn admits(&self, caller: Caller<'_>) -> Result<(), Refusal> {
        if !self.origins.is_empty() {
            let known =
                caller.origin.is_some_and(|origin| self.origins.iter().any(|o| o == origin));
            if !known {
                let origin = caller.origin.unwrap_or("none").chars().take(100).collect::<String>();
                return Err(Refusal::new(
                    Code::NotFromHere,
                    "the key may not be used by this origin",
                )
                .with("origin", origin));
            }
        }
        if !self.networks.is_empty() {
            let address = caller.address.map(|address| address.to_canonical());
            if !address.is_some_and(|address| self.networks.iter().any(|n| n.contains(&address))) {
                let address = address.map_or("none".into(), |address| address.to_string());
                return Err(Refusal::new(
                    Code::NotFromHere,
                    "the key may not be used from this address",
                )
                .with("address", address));
            }
        }
        Ok(())
    }

    /// Whether everywhere this list admits, `wider` admits too.
    #[must_use]
    pub fn is_within(&self, wider: &Self) -> bool {
        let origins = wider.origins.is_empty()
            || !self.origins.is_empty() && self.origins.iter().all(|o| wider.origins.contains(o));
        let inside = |net: &IpNet| wider.networks.iter().any(|known| known.contains(net));
        let networks = wider.networks.is_empty()
            || !self.networks.is_empty() && self.networks.iter().all(inside);
        origins && networks
    }
}

/// A serialised origin: scheme, host and a port that is not the scheme's own.
fn parse_origin(text: &str) -> Result<String, &'static str> {
    let (scheme, authority) = text.split_once("://").ok_or(ORIGIN)?;
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return Err(ORIGIN),
    };
    let known = |byte: u8| {
        byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
    };
    let sound = !authority.is_empty() && authority.len() <= 255 && authority.bytes().all(known);
    // The redirect rule knows what a host and a port are.
    if !sound || authority.ends_with(usual) || authority.ends_with(':') {
        return Err(ORIGIN);
    }
    crate::redirect_uri::parse_redirect_uri(&format!("https://{authority}/"))
        .map_err(|_| ORIGIN)?;
    Ok(text.to_owned())
}

fn parse_network(text: &str) -> Result<IpNet, &'static str> {
    let net: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse().map_err(|_| NETWORK)?,
    };
    if net.trunc() == net { Ok(net) } else { Err("a network has no bits beyond its prefix") }
}

const ORIGIN: &str = "an origin is https:// or http:// and a host in lower case, without a path";
const NETWORK: &str = "an address is IPv4 or IPv6, or a network such as 192.0.2.0/24";

#[cfg(test)]
mod tests {
    use super::*;

    fn list(origins: &[&str], networks: &[&str]) -> AllowList {
        AllowList::parse(origins.iter().copied(), networks.iter().copied()).unwrap()
    }

    fn admits(list: &AllowList, origin: Option<&str>, address: Option<&str>) -> bool {
        let address = address.map(|address| address.parse().unwrap());
        list.admits(Caller { origin, address }).is_ok()
    }

    #[test]
    fn an_empty_list_admits_everybody() {
        assert!(admits(&list(&[], &[]), None, None));
        assert!(admits(&list(&[], &[]), Some("https://e.test"), Some("192.0.2.1")));
    }

    #[test]
    fn an_origin_is_exact() {
        let list = list(&["https://a.test", "http://localhost:3000"], &[]);
        assert!(admits(&list, Some("https://a.test"), None));
        assert!(admits(&list, Some("http://localhost:3000"), None));
        for origin in ["https://a.test.e.test", "http://a.test", "https://a.test:8443", "null", ""]
        {
            assert!(!admits(&list, Some(origin), None), "{origin}");
        }
        assert!(!admits(&list, None, None));
    }

    #[test]
    fn a_network_holds_its_addresses_however_they_are_written() {
        let list = list(&[], &["192.0.2.0/24", "2001:db8::1"]);
        for address in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"] {
            assert!(admits(&list, None, Some(address)), "{address}");
        }
        for address in ["192.0.3.7", "2001:db8::2"] {
            assert!(!admits(&list, None, Some(address)), "{address}");
        }
        assert!(!admits(&list, None, None));
    }

    #[test]
    fn both_lists_must_admit() {
        let list = list(&["https://a.test"], &["192.0.2.0/24"]);
        assert!(admits(&list, Some("https://a.test"), Some("192.0.2.1")));
        assert!(!admits(&list, Some("https://a.test"), Some("198.51.100.1")));
        assert!(!admits(&list, Some("https://b.test"), Some("192.0.2.1")));
    }

    #[test]
    fn entries_that_could_be_read_two_ways_are_refused() {
        for origin in [
            "a.test",
            "https://A.test",
            "https://a.test/",
            "https://a.test:443",
            "ftp://a.test",
            "https://u@a.test",
            "https://*.a.test",
            "https://",
            "null",
        ] {
            assert!(AllowList::parse([origin], []).is_err(), "{origin}");
        }
        for network in ["192.0.2.1/24", "192.0.2", "0x7f.1", "a.test", "192.0.2.0/33", ""] {
            assert!(AllowList::parse([], [network]).is_err(), "{network}");
        }
        assert!(AllowList::parse(std::iter::repeat_n("https://a.test", 33), []).is_err());
    }

    #[test]
    fn a_list_within_another_admits_nobody_else() {
        let wide = list(&["https://a.test", "https://b.test"], &["192.0.2.0/24"]);
        assert!(list(&["https://a.test"], &["192.0.2.128/25"]).is_within(&wide));
        assert!(list(&["https://a.test"], &[]).is_within(&list(&[], &[])));
        assert!(!list(&[], &[]).is_within(&wide));
        assert!(!list(&["https://a.test"], &["192.0.0.0/16"]).is_within(&wide));
        assert!(!list(&["https://c.test"], &["192.0.2.1"]).is_within(&wide));
    }

    #[test]
    fn a_list_is_written_as_it_was_read() {
        let networks: Vec<_> = list(&[], &["192.0.2.1", "2001:db8::/32"]).networks().collect();
        assert_eq!(networks, ["192.0.2.1", "2001:db8::/32"]);
    }
}
