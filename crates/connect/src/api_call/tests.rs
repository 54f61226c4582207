//! Paths that leave the base of an API, and those that do not, as tables.

use proptest::prelude::*;

use super::*;

fn meant(path: &str) -> Result<String, OutOfBounds> {
    let base = Url::parse("https://api.example/v1/").expect("a URL");
    below(&base, path, None).map(String::from)
}

#[test]
fn a_path_is_called_as_it_was_sent() {
    for path in [
        "/files/7",
        "/",
        "/a//b/",
        "/repos/o/r/compare/main...dev",
        "/files/report..final.pdf",
        "/.well-known/x",
        "/..a/b",
        "/projects/group%2Fproject/hooks",
        "/users/DOMAIN%5Cada",
        "/files/100%25",
        "/files/100%2525",
        "/caf%C3%A9/%E4%BD%A0",
        "/@me",
        "/:id",
        "/~user",
        "/a;v=1/b",
        "/https:/evil.example/",
    ] {
        assert_eq!(meant(path), Ok(format!("https://api.example/v1{path}")), "{path}");
    }
    assert_eq!(meant(""), Ok("https://api.example/v1/".to_owned()));
    let base = Url::parse("https://api.example").expect("a URL");
    let asked = below(&base, "/x", Some("next=https%3A%2F%2Fevil.example/../"));
    let asked = asked.map(String::from);
    assert_eq!(asked, Ok("https://api.example/x?next=https%3A%2F%2Fevil.example/../".to_owned()));
}

#[test]
fn no_spelling_of_a_way_up_is_called() {
    for path in [
        "/..",
        "/../admin",
        "/a/../../admin",
        "/./a",
        "/%2e%2e/admin",
        "/%2E%2e/admin",
        "/.%2e/admin",
        "/..%2fadmin",
        "/..%5cadmin",
        "/a%2f..%2f..%2fadmin",
        "/%252e%252e/admin",
        "/%25252e%25252e%25252fadmin",
        "/..;/admin",
        "/..;a=b/admin",
        "/..%3b/admin",
        "/.%20./x/..%20/admin",
        "/%EF%BC%8E%EF%BC%8E/admin",
        "/..%EF%BC%8Fadmin",
        "/%E2%80%A5/admin",
        "/\\..\\admin",
        "/a\\b",
        "//evil.example/x",
        "/%2fevil.example/x",
        "/%5cevil.example/x",
        "/%255cevil.example/x",
        "admin",
        "@evil.example/",
        ".evil.example/",
        "/a?b",
        "/a#b",
    ] {
        assert_eq!(meant(path), Err(OutOfBounds::Outside), "{path}");
    }
}

#[test]
fn what_no_server_should_have_to_read_is_not_called() {
    for path in [
        "/%c0%ae%c0%ae/admin",
        "/%e0%80%ae%e0%80%ae/admin",
        "/..%c0%afadmin",
        "/%25c0%25ae/admin",
        "/%u002e%u002e/admin",
        "/%",
        "/%2",
        "/%zz",
        "/..%00/admin",
        "/a%00",
        "/a%0d%0aHost:%20evil.example",
        "/a%250d%250ab",
        "/a%E2%80%A8b",
        "/a\tb",
        "/a\r\nb",
        "/a%ff",
    ] {
        assert_eq!(meant(path), Err(OutOfBounds::Malformed), "{path}");
    }
}

#[test]
fn what_says_the_request_back_or_opens_a_tunnel_is_not_called() {
    for name in ["TRACE", "trace", "TRACK", "CONNECT", "Connect"] {
        let method = Method::from_bytes(name.as_bytes()).expect("a method");
        assert!(!may_be_called(&method), "{name}");
    }
    for name in ["GET", "HEAD", "OPTIONS", "PATCH", "PROPFIND", "QUERY"] {
        let method = Method::from_bytes(name.as_bytes()).expect("a method");
        assert!(may_be_called(&method), "{name}");
    }
}

proptest! {
    #[test]
    fn whatever_is_called_is_below_the_base(
        path in r"/([.%;/\\]|%2[eEfF]|%5[cC]|%25|[a-f0-9@:#?]|\PC){0,24}",
        query in proptest::option::of("\\PC{0,20}"),
        base in prop_oneof![Just("https://api.example"), Just("https://api.example/v1/x/")],
    ) {
        let base = Url::parse(base).expect("a URL");
        if let Ok(url) = below(&base, &path, query.as_deref()) {
            let root = base.path().trim_end_matches('/').to_owned() + "/";
            prop_assert_eq!(url.origin(), base.origin());
            prop_assert!(url.path().starts_with(&root), "{}", url);
            prop_assert!(!url.path().split('/').any(|one| one == ".."), "{}", url);
            prop_assert!(url.username().is_empty() && url.fragment().is_none());
            let again = Url::parse(url.as_str()).expect("it stays a URL");
            prop_assert_eq!(again, url);
        }
    }
}
