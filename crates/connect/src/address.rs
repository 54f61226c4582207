//! Which addresses are the public internet.
//!
//! An address passes only if it is global unicast by the IANA special-purpose registries (RFC 6890).
//! IPv6 forms that carry an IPv4 address are judged by the address they lead to: otherwise
//! `::ffff:127.0.0.1` or `64:ff9b::a9fe:a9fe` would be a way around every rule for IPv4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not the public internet, in words for the operator's log; `None` if it is.
#[must_use]
pub fn why_not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => why_not_public_v4(v4),
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => why_not_public_v4(v4),
            None => why_not_public_v6(v6),
        },
    }
}

/// The address in the form by which it is compared with a list: mapped IPv4 is IPv4.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// `(network, prefix length, reason)`.
const REFUSED_V4: [(Ipv4Addr, u8, &str); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "carrier-grade NAT"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "cloud metadata"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local or cloud metadata"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "protocol assignments"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 31, 196, 0), 24, "AS112"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved or broadcast"),
];

fn why_not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    REFUSED_V4
        .iter()
        .find(|(network, length, _)| in_network_v4(address, *network, *length))
        .map(|(_, _, reason)| *reason)
}

/// Inside 2000::/3, the only global unicast block there is.
const REFUSED_V6: [(Ipv6Addr, u8, &str); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "protocol assignments, Teredo or ORCHID"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "documentation"),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48, "AS112"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "documentation"),
];

fn why_not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);
    if !in_network_v6(address, GLOBAL, 3) {
        return Some("not global unicast");
    }
    REFUSED_V6
        .iter()
        .find(|(network, length, _)| in_network_v6(address, *network, *length))
        .map(|(_, _, reason)| *reason)
}

/// The IPv4 address a translator or tunnel would deliver to: mapped (RFC 4291 §2.5.5.2), NAT64's
/// well-known prefix (RFC 6052 §2.1) and 6to4 (RFC 3056 §2). Teredo and local-use NAT64 are refused
/// whole above.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    const SIX_TO_FOUR: Ipv6Addr = Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0);
    let octets = address.octets();
    let at = |start: usize| {
        Ipv4Addr::new(octets[start], octets[start + 1], octets[start + 2], octets[start + 3])
    };
    if in_network_v6(address, NAT64, 96) {
        Some(at(12))
    } else if in_network_v6(address, SIX_TO_FOUR, 16) {
        Some(at(2))
    } else {
        address.to_ipv4_mapped()
    }
}

/// Whether the first `length` bits agree. Addresses of different families never do.
#[must_use]
pub fn is_in_network(address: IpAddr, network: IpAddr, length: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => in_network_v4(address, network, length),
        (IpAddr::V6(address), IpAddr::V6(network)) => in_network_v6(address, network, length),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn in_network_v4(address: Ipv4Addr, network: Ipv4Addr, length: u8) -> bool {
    let differing = u32::from(address) ^ u32::from(network);
    differing.checked_shr(32 - u32::from(length.min(32))).unwrap_or(0) == 0
}

fn in_network_v6(address: Ipv6Addr, network: Ipv6Addr, length: u8) -> bool {
    let differing = u128::from(address) ^ u128::from(network);
    differing.checked_shr(128 - u32::from(length.min(128))).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(text: &str) -> Option<&'static str> {
        why_not_public(text.parse().expect(text))
    }

    #[test]
    fn addresses_of_the_public_internet_pass() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:81b::200e",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert_eq!(reason(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_of_anything_else_are_refused() {
        for (text, expected) in [
            ("0.0.0.0", "this network"),
            ("10.0.0.1", "private"),
            ("100.64.0.1", "carrier-grade NAT"),
            ("100.100.100.200", "carrier-grade NAT"),
            ("100.127.255.255", "carrier-grade NAT"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.255", "loopback"),
            ("168.63.129.16", "cloud metadata"),
            ("169.254.169.254", "link-local or cloud metadata"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.192", "protocol assignments"),
            ("192.0.2.1", "documentation"),
            ("192.88.99.1", "6to4 relay"),
            ("192.168.1.1", "private"),
            ("198.19.255.255", "benchmarking"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.9", "documentation"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "reserved or broadcast"),
            ("::", "not global unicast"),
            ("::1", "not global unicast"),
            ("::127.0.0.1", "not global unicast"),
            ("fe80::1", "not global unicast"),
            ("fec0::1", "not global unicast"),
            ("fc00::1", "not global unicast"),
            ("fd00:ec2::254", "not global unicast"),
            ("ff02::1", "not global unicast"),
            ("5f00::1", "not global unicast"),
            ("100::1", "not global unicast"),
            ("64:ff9b:1::808:808", "not global unicast"),
            ("2001::1", "protocol assignments, Teredo or ORCHID"),
            ("2001:db8::1", "documentation"),
            ("3fff:fff::1", "documentation"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "link-local or cloud metadata"),
            ("64:ff9b::7f00:1", "loopback"),
            ("64:ff9b::a9fe:a9fe", "link-local or cloud metadata"),
            ("2002:7f00:1::1", "loopback"),
            ("2002:a00:1::1", "private"),
        ] {
            assert_eq!(reason(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_network_of_length_zero_holds_every_address_of_its_family() {
        let zero = |text: &str| text.parse::<IpAddr>().expect(text);
        assert!(is_in_network(zero("9.9.9.9"), zero("0.0.0.0"), 0));
        assert!(is_in_network(zero("2606::1"), zero("::"), 0));
        assert!(!is_in_network(zero("9.9.9.9"), zero("::"), 0));
    }

    proptest! {
        #[test]
        fn no_embedding_changes_the_answer_for_an_ipv4_address(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let [a, b, c, d] = v4.octets();
            let pair = |high: u8, low: u8| u16::from_be_bytes([high, low]);
            let plain = why_not_public(IpAddr::V4(v4));
            for v6 in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, pair(a, b), pair(c, d)),
                Ipv6Addr::new(0x2002, pair(a, b), pair(c, d), 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(why_not_public(IpAddr::V6(v6)), plain);
            }
        }

        #[test]
        fn only_addresses_of_2000_slash_3_or_with_ipv4_inside_can_be_public(bits: u128) {
            let v6 = Ipv6Addr::from(bits);
            if why_not_public(IpAddr::V6(v6)).is_none() {
                prop_assert!(bits >> 125 == 1 || embedded_v4(v6).is_some());
            }
        }
    }
}
