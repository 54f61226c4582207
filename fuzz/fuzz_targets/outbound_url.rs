//! URLs that others chose (the guarded client's first gate): what passes without exceptions is https
//! on port 443, at a public address or a name, with nobody's user information.
#![no_main]

use keyhaven_connect::address::why_not_public;
use keyhaven_connect::egress::Egress;
use libfuzzer_sys::fuzz_target;
use url::{Host, Url};

fuzz_target!(|text: &str| {
    let Ok(url) = Url::parse(text) else { return };
    if Egress::default().vet_url(&url).is_err() {
        return;
    }
    assert_eq!((url.scheme(), url.port_or_known_default()), ("https", Some(443)));
    assert!(url.username().is_empty() && url.password().is_none());
    match url.host() {
        Some(Host::Ipv4(v4)) => assert!(why_not_public(v4.into()).is_none()),
        Some(Host::Ipv6(v6)) => assert!(why_not_public(v6.into()).is_none()),
        Some(Host::Domain(name)) => assert!(name.contains('.')),
        None => panic!("a URL without a host passed"),
    }
});
