//! The two gates, as tables.

use super::*;
use proptest::prelude::*;

fn egress(entries: &[&str]) -> Egress {
    Egress::parse(entries.iter().copied()).expect("a list that parses")
}

fn vet(entries: &[&str], url: &str) -> Result<(), &'static str> {
    egress(entries).vet_url(&Url::parse(url).expect(url))
}

fn vet_at(entries: &[&str], url: &str, address: &str) -> Result<(), &'static str> {
    egress(entries).vet_address(&Url::parse(url).expect(url), address.parse().expect(address))
}

#[test]
fn public_https_is_allowed() {
    for url in [
        "https://idp.example.com/token",
        "https://idp.example.com:443/token?x=1",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
    ] {
        assert_eq!(vet(&[], url), Ok(()), "{url}");
    }
}

#[test]
fn anything_else_is_refused_by_its_text() {
    for (url, reason) in [
        ("http://idp.example.com/", "URL is not https"),
        ("ftp://idp.example.com/", "URL is not https"),
        ("data:text/plain,x", "URL has no host"),
        ("https://idp.example.com:8443/", "URL's port is not 443"),
        ("https://a@idp.example.com/", "URL holds user information"),
        ("https://a:b@idp.example.com/", "URL holds user information"),
        ("https://idp.example.com/#x", "URL has a fragment"),
        ("https://127.0.0.1/", "loopback"),
        ("https://0x7f000001/", "loopback"),
        ("https://2130706433/", "loopback"),
        ("https://0177.1/", "loopback"),
        ("https://127.1/", "loopback"),
        ("https://10.0.0.1/", "private"),
        ("https://169.254.169.254/latest/meta-data", "link-local or cloud metadata"),
        ("https://[::1]/", "not global unicast"),
        ("https://[::ffff:7f00:1]/", "loopback"),
        ("https://[64:ff9b::7f00:1]/", "loopback"),
        ("https://localhost/", "name of a private network"),
        ("https://localhost./", "name of a private network"),
        ("https://a.LOCALHOST/", "name of a private network"),
        ("https://db.internal/", "name of a private network"),
        ("https://intranet/", "name of a private network"),
    ] {
        assert_eq!(vet(&[], url), Err(reason), "{url}");
    }
}

#[test]
fn a_name_is_judged_again_by_what_it_resolves_to() {
    let url = "https://idp.example.com/";
    assert_eq!(vet_at(&[], url, "93.184.216.34"), Ok(()));
    assert_eq!(vet_at(&[], url, "127.0.0.1"), Err("loopback"));
    assert_eq!(vet_at(&[], url, "::ffff:169.254.169.254"), Err("link-local or cloud metadata"));
}

#[test]
fn the_operators_list_opens_what_it_names_and_nothing_beside_it() {
    for (list, url, address, allowed) in [
        ("localhost:9001", "http://localhost:9001/token", "127.0.0.1", true),
        ("localhost:9001", "http://localhost:9002/token", "127.0.0.1", false),
        ("localhost", "http://localhost:9002/token", "127.0.0.1", true),
        ("idp.corp", "https://idp.corp/token", "10.0.0.5", true),
        ("idp.corp", "https://other.corp/token", "10.0.0.5", false),
        ("idp.corp", "https://idp.corp.evil.example/token", "10.0.0.5", false),
        ("IDP.Corp", "https://idp.corp/token", "10.0.0.5", true),
        ("10.1.0.0/16", "https://other.example/token", "10.1.2.3", true),
        ("10.1.0.0/16", "https://other.example/token", "10.2.0.1", false),
        ("10.1.0.0/16", "http://10.1.2.3:8080/token", "10.1.2.3", true),
        ("10.1.0.0/16", "http://public.example/token", "93.184.216.34", false),
        ("10.1.0.0/16", "https://public.example:8443/token", "93.184.216.34", false),
        ("10.1.0.0/16", "https://public.example/token", "93.184.216.34", true),
        ("10.1.0.0/16", "https://other.example/token", "::ffff:10.1.2.3", true),
        ("127.0.0.1", "http://127.0.0.1:4000/", "127.0.0.1", true),
        ("[::1]:4000", "http://[::1]:4000/", "::1", true),
        ("[::1]:4000", "http://[::1]:4001/", "::1", false),
    ] {
        let verdict = vet(&[list], url).and_then(|()| vet_at(&[list], url, address));
        assert_eq!(verdict.is_ok(), allowed, "{list} {url} {address}: {verdict:?}");
    }
}

#[test]
fn entries_of_no_known_form_are_refused_by_name() {
    for text in ["", "https://a.example", "10.0.0.0/33", "10.0.0/8", "a:b", "a b", "x@y", "::/129"]
    {
        let refused = Egress::parse([text]).expect_err(text);
        assert!(refused.to_string().contains(text), "{refused}");
    }
}

#[test]
fn entries_print_as_they_are_understood() {
    let listed: Vec<_> = egress(&["IDP.corp", "a.b:9", "10.0.0.1", "fd00::/8"]).entries().collect();
    assert_eq!(listed, ["idp.corp", "a.b:9", "10.0.0.1/32", "fd00::/8"]);
}

proptest! {
    #[test]
    fn without_exceptions_no_text_passes_that_is_not_https_on_443(text in "\\PC{0,60}") {
        for text in [text.clone(), format!("https://{text}"), format!("http://{text}/x")] {
            if let Ok(url) = Url::parse(&text)
                && Egress::default().vet_url(&url).is_ok()
            {
                prop_assert_eq!(url.scheme(), "https");
                prop_assert_eq!(url.port_or_known_default(), Some(443));
                prop_assert!(url.username().is_empty() && url.password().is_none());
            }
        }
    }
}
