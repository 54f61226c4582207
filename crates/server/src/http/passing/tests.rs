//! What passes between hops and what stays, as tables.

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    pairs.iter().map(pair).collect()
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn what_is_this_server_s_business_is_not_sent_on() {
    let sent = headers(&[
        ("authorization", "Bearer ours"),
        ("cookie", "a=b"),
        ("connection", "x-hop, Accept-Language"),
        ("connection", "close"),
        ("x-hop", "1"),
        ("accept-language", "de"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "evil.example"),
        ("x-original-url", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("sec-fetch-site", "none"),
        ("dpop", "proof"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eA=="),
        ("transfer-encoding", "chunked"),
        ("content-length", "7"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABk"),
        ("expect", "100-continue"),
        ("host", "evil.example"),
        ("keyhaven-proxy", "upstream"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("content-type", "text/plain"),
        ("idempotency-key", "k"),
        ("range", "bytes=0-1"),
    ]);
    let kept = ["accept", "accept-encoding", "content-type", "idempotency-key", "range"];
    assert_eq!(names(&sent_on(&sent)), kept);
}

#[test]
fn what_would_act_on_our_origin_is_not_sent_back() {
    let said = headers(&[
        ("set-cookie", "__Host-sid=theirs"),
        ("access-control-allow-origin", "*"),
        ("alt-svc", "h3=\"evil.example:443\""),
        ("clear-site-data", "\"*\""),
        ("strict-transport-security", "max-age=0"),
        ("content-security-policy", "default-src *"),
        ("service-worker-allowed", "/"),
        ("refresh", "0; url=https://evil.example"),
        ("report-to", "{}"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("content-encoding", "gzip"),
        ("content-type", "application/json"),
        ("link", "<https://api.example/2>; rel=\"next\""),
        ("www-authenticate", "Bearer"),
        ("x-ratelimit-remaining", "7"),
    ]);
    let kept = ["content-encoding", "content-type", "link", "www-authenticate"];
    let kept: Vec<_> = kept.into_iter().chain(["x-ratelimit-remaining"]).collect();
    assert_eq!(names(&without(&said, NOT_SENT_BACK)), kept);
}

#[test]
fn a_token_stands_where_its_scheme_says_and_nothing_of_the_caller_s_beside_it() {
    let carried = |scheme: &str, token: &str| {
        let sent = headers(&[("x-token", "mine")]);
        with_token(sent, scheme, &Secret::from(token)).map(|headers| {
            let said = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            let said: [Vec<&[u8]>; 2] = [said("authorization"), said("x-token")];
            said.map(|values| values.iter().map(|value| value.to_vec()).collect::<Vec<_>>())
        })
    };
    let of = |authorization: &[&str], token: &[&str]| {
        let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Some([bytes(authorization), bytes(token)])
    };
    assert_eq!(carried("Bearer", "t"), of(&["Bearer t"], &["mine"]));
    assert_eq!(carried("X-Token:", "t"), of(&[], &["t"]));
    assert_eq!(carried("X-Token: bearer", "t"), of(&[], &["bearer t"]));
    assert_eq!(carried("Bearer", "t\r\nHost: evil.example"), None);
    assert_eq!(carried("X Token:", "t"), None);
}

#[test]
fn a_redirect_is_told_in_full() {
    let from = Url::parse("https://api.example/v1/files/7").expect("a URL");
    let told = |location: &'static str| in_full(&HeaderValue::from_static(location), &from);
    let full = |text| Some(HeaderValue::from_static(text));
    assert_eq!(told("8"), full("https://api.example/v1/files/8"));
    assert_eq!(told("/login"), full("https://api.example/login"));
    assert_eq!(told("//evil.example/"), full("https://evil.example/"));
    assert_eq!(told("https://cdn.example/x"), full("https://cdn.example/x"));
}

#[test]
fn only_answers_where_a_call_was_meant_say_whose_they_are() {
    for (path, is_marked) in [
        ("/v1/connections/1/proxy/files", true),
        ("/v1/connections/1/proxy", true),
        ("/v1/connections/1/proxy/", true),
        ("/v1/connections/1/token", false),
        ("/v1/connections/1/proxying", false),
        ("/v1/connections/proxy/x", false),
        ("/v1/connectors/1/proxy/x", false),
    ] {
        let mut headers = HeaderMap::new();
        mark_own(path, &mut headers);
        assert_eq!(headers.contains_key(ANSWERED_BY), is_marked, "{path}");
    }
    let mut theirs = headers(&[("keyhaven-proxy", "upstream")]);
    mark_own("/v1/connections/1/proxy/x", &mut theirs);
    assert_eq!(theirs[ANSWERED_BY], "upstream");
}
