//! Whose request is it? The peer of the connection, unless the peer is a configured proxy: then the
//! right-most address of `X-Forwarded-For` that is no configured proxy. Nothing else is read, and
//! nothing at all without configuration (CVE-2024-47070).

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

use crate::config::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_proxy(peer, proxies) {
        return peer;
    }
    let mut client = peer;
    for value in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        // A value that is no text was not written by a proxy we trust.
        let Ok(text) = value.to_str() else { return client };
        for hop in text.rsplit(',') {
            let Some(address) = parse_hop(hop.trim()) else { return client };
            client = address;
            if !is_proxy(client, proxies) {
                return client;
            }
        }
    }
    client
}

pub(super) fn is_proxy(address: IpAddr, proxies: &[Network]) -> bool {
    proxies.iter().any(|network| network.contains(address))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|hop| hop.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Setting;

    fn client(peer: &str, lines: &[&str]) -> String {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|text| Network::parse(text).unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        client_address(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn a_stranger_cannot_name_its_own_address() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client("fd00::1", &["198.51.100.7:5123"]), "198.51.100.7");
    }

    #[test]
    fn nonsense_stops_the_walk_at_the_last_known_hop() {
        assert_eq!(client("10.0.0.1", &["6.6.6.6, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6, , 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
