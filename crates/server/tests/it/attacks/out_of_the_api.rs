//! A call through a connection that should reach another place than the connection's API, tell it more
//! than its business, or come back with more than its answer (A55 and §12 of the vault). The API of
//! these tests keeps what it hears as it was on the wire.

use serde_json::json;

use crate::harness::{AnApi, Answer, ProxyScene as Scene};

/// Refused by us, and nobody outside heard of it.
#[track_caller]
fn refused(scene: &Scene, answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_eq!(answer.header("keyhaven-proxy"), "keyhaven", "{what}");
    assert_eq!(scene.api.heard(), Vec::<String>::new(), "{what}");
}

#[tokio::test]
async fn no_spelling_of_a_path_leaves_the_api() {
    let scene = Scene::set().await;
    for rest in [
        "/..",
        "/../secrets",
        "/files/../../secrets",
        "/%2e%2e/secrets",
        "/.%2E/secrets",
        "/..%2fsecrets",
        "/..%5csecrets",
        "/%252e%252e/secrets",
        "/%25252e%25252e%25252fsecrets",
        "/..;/secrets",
        "/..%3b/secrets",
        "/%EF%BC%8E%EF%BC%8E/secrets",
        "/..%EF%BC%8Fsecrets",
        "/%u002e%u002e/secrets",
        "/a%00",
        "/%0d%0aHost:%20evil.example",
        "/%250d%250aX:%20y",
        "//evil.example/x",
        "/%2fevil.example/x",
        "/%5cevil.example/x",
        "/%",
        "/%zz",
    ] {
        refused(&scene, &scene.get(rest).await, 400, rest);
    }
    // What is no UTF-8 names no connection either.
    for rest in ["/%c0%ae%c0%ae/secrets", "/%e0%80%ae%e0%80%ae/secrets", "/%ff"] {
        refused(&scene, &scene.get(rest).await, 404, rest);
    }
}

#[tokio::test]
async fn a_path_that_stays_arrives_as_it_was_sent() {
    let scene = Scene::set().await;
    let host = scene.api.host();
    for rest in [
        "/files/7?limit=2&next=https%3A%2F%2Fevil.example/../",
        "/repos/o/r/compare/main...dev",
        "/projects/group%2Fproject",
        "/@evil.example/x",
        "/user:password@evil.example",
        "/http://evil.example/",
        "/a;b=c/%25",
        "/?a=b",
        "/",
        "",
        "?a=b",
    ] {
        let answer = scene.get(rest).await;
        assert_eq!(answer.status, 200, "{rest}: {}", answer.text());
        let heard = scene.api.heard().pop().expect("a request");
        assert_eq!(heard.lines().next(), Some(&*format!("GET /v1{rest} HTTP/1.1")), "{heard}");
        assert!(heard.contains(&format!("\r\nhost: {host}\r\n")), "{heard}");
    }
    // The target in absolute form names a host, and it is ours.
    let absolute = format!("http://evil.example{}", scene.path("/files"));
    let answer = scene.server.get(&absolute).bearer(&scene.admin).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(scene.api.heard()[0].contains(&format!("\r\nhost: {host}\r\n")));
}

#[tokio::test]
async fn the_api_hears_nothing_but_what_is_its_business() {
    let scene = Scene::set().await;
    let sent = [
        ("cookie", "__Host-sid=ours"),
        ("host", "evil.example"),
        ("connection", "accept-language, x-hop"),
        ("accept-language", "xx-hop"),
        ("x-hop", "hop"),
        ("transfer-encoding", "chunked"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("expect", "100-continue"),
        ("proxy-authorization", "Basic eDp4"),
        ("proxy-connection", "keep-alive"),
        ("dpop", "proof"),
        ("forwarded", "for=192.0.2.7;host=evil.example"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "evil.example"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-host", "evil.example"),
        ("referer", "https://evil.example/"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "same-origin"),
        ("keyhaven-proxy", "upstream"),
    ];
    let mut ask = scene.ask("POST", "/files").header("content-length", "2");
    for (name, value) in sent {
        ask = ask.header(name, value);
    }
    let ask = ask.header("idempotency-key", "kept").header("accept", "text/kept");
    let answer = ask.raw("application/json", "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let heard = scene.api.heard().pop().expect("a request");
    let (head, body) = heard.split_once("\r\n\r\n").expect("a head");
    let mut names: Vec<_> =
        head.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
    ];
    assert_eq!(names, expected, "{head}");
    assert_eq!(body, "{}");
    assert!(head.contains("connection: close") && head.contains(&scene.api.host()), "{head}");
    for secret in [scene.admin.as_str(), "evil", "ours", "192.0.2.7"] {
        assert!(!heard.contains(secret), "{secret} was sent on: {heard}");
    }
}

#[tokio::test]
async fn what_the_api_says_of_itself_it_does_not_say_of_us() {
    let scene = Scene::set().await;
    scene.api.say(
        "HTTP/1.1 203 Fine\nContent-Type: text/html\nSet-Cookie: __Host-sid=theirs; Secure; Path=/\n\
         Access-Control-Allow-Origin: *\nAccess-Control-Allow-Credentials: true\n\
         Alt-Svc: h3=\"evil.example:443\"\nClear-Site-Data: \"*\"\nRefresh: 0; url=//evil.example\n\
         Strict-Transport-Security: max-age=0\nContent-Security-Policy: default-src *\n\
         Service-Worker-Allowed: /\nKeyhaven-Proxy: keyhaven\nCache-Control: public, max-age=9\n\
         Connection: X-Hop\nX-Hop: 1\nUpgrade: h2c\nETag: \"7\"\nContent-Length: 8\n\n<script>",
    );
    let answer = scene.get("/page").await;
    assert_eq!((answer.status, answer.text()), (203, "<script>".to_owned()));
    for name in [
        "set-cookie",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "alt-svc",
        "clear-site-data",
        "refresh",
        "strict-transport-security",
        "service-worker-allowed",
        "x-hop",
        "upgrade",
        "connection",
    ] {
        assert!(!answer.headers.contains_key(name), "{name}: {:?}", answer.headers);
    }
    assert_eq!(answer.header("keyhaven-proxy"), "upstream");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!((answer.header("etag"), answer.header("content-type")), ("\"7\"", "text/html"));
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let (scene, elsewhere) = (Scene::set().await, AnApi::start().await);
    for (location, told) in [
        (elsewhere.base(), elsewhere.base()),
        ("/login".to_owned(), format!("http://{}/login", scene.api.host())),
        ("//evil.example/".to_owned(), "http://evil.example/".to_owned()),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let said = format!("HTTP/1.1 {status} X\nLocation: {location}\nContent-Length: 0\n\n");
            scene.api.say(&said);
            let answer = scene.get("/moved").await;
            assert_eq!((answer.status, answer.header("location")), (status, told.as_str()));
            assert_eq!(scene.api.heard().len(), 1, "{status} {location}");
        }
    }
    assert_eq!(elsewhere.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn no_method_makes_the_api_say_the_token() {
    let scene = Scene::set().await;
    for method in ["TRACE", "trace", "TRACK", "CONNECT"] {
        let answer = scene.ask(method, "/files").send().await;
        refused(&scene, &answer, 405, method);
    }
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "PROPFIND"] {
        let answer = scene.ask(method, "/files").send().await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.text());
        assert!(scene.api.heard()[0].starts_with(&format!("{method} /v1/files ")));
    }
}

#[tokio::test]
async fn a_second_answer_behind_the_first_reaches_nobody() {
    let scene = Scene::set().await;
    let second = "HTTP/1.1 200 OK\nContent-Length: 6\n\nsecond";
    scene.api.say(&format!("HTTP/1.1 200 OK\nContent-Length: 5\n\nfirst{second}"));
    assert_eq!(scene.get("/files").await.text(), "first");
    let both = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 9\n\n";
    scene.api.say(&format!("{both}5\nfirst\n0\n\n{second}"));
    let answer = scene.get("/files").await;
    assert!(!answer.text().contains("second"), "{}", answer.text());
    scene.api.heard();
    for unreadable in [
        "HTTP/1.1 101 Switching Protocols\nUpgrade: h2c\nConnection: Upgrade\n\n",
        "HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\nfirst",
        "HTTP/1.1 200 OK\nX: a\n b\nContent-Length: 0\n\n",
        "nonsense\n\n",
        "",
    ] {
        scene.api.say(unreadable);
        let answer = scene.get("/files").await;
        assert_eq!(answer.status, 503, "{unreadable}: {}", answer.text());
        assert_eq!(answer.header("keyhaven-proxy"), "keyhaven", "{unreadable}");
        assert_eq!(scene.api.heard().len(), 1, "asked once: {unreadable}");
    }
}

#[tokio::test]
async fn a_base_that_was_learnt_is_judged_by_the_provider_of_today() {
    let (scene, other) = (Scene::set().await, AnApi::start().await);
    assert_eq!(scene.get("/files").await.status, 200);
    scene.api.heard();
    let mut definition = scene.connector.fake.definition("fake");
    definition["api"] = json!({ "base": other.base() });
    let path = format!("/v1/organizations/{}/providers/fake", scene.server.organization);
    let put = scene.server.ask("PUT", &path).bearer(&scene.admin);
    put.json(json!({ "definition": definition })).await.expect(200);
    let answer = scene.get("/files").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(scene.api.heard(), Vec::<String>::new(), "the host is the provider's no more");
    assert_eq!(other.heard().len(), 1);
}
