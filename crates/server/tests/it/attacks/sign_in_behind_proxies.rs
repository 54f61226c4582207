//! A60, A61, A62 where people sign in: a client that names its own address, a host that is not ours,
//! and headers that only a proxy may send.

use keyhaven::config::{Network, Setting as _};
use keyhaven::limits::network;
use keyhaven::operations::deliver_mail::deliver_mail;
use keyhaven::routes;
use keyhaven_store::sign_in_tries::Counter;

use crate::harness::{ISSUER, Server, field_of};
use crate::small_server::SmallServer;
use crate::wire::{Answer, ask, get};

/// Opens the sign-in page over a socket with `fields` and sends a wrong password with them.
async fn guess(listening: &SmallServer, fields: &str) -> Answer {
    let page = get(listening.address, "/login", "").await;
    let cookie = page.field("set-cookie").and_then(|text| text.split(';').next()).expect("bound");
    let field = |name| field_of(&page.body, name);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("form_token", &field("form_token"))
        .append_pair("sign_in", &field("sign_in"))
        .append_pair("username", "nobody@example.test")
        .append_pair("password", "guess")
        .finish();
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: a.test\r\nCookie: {cookie}\r\nOrigin: {ISSUER}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n{fields}\r\n",
        form.len(),
    );
    ask(listening.address, head + &form).await
}

/// Loopback has used up its tries.
async fn exhausted() -> Server {
    let server = Server::start().await;
    let app = server.app();
    let counters = [Counter::of_network(network(std::net::Ipv4Addr::LOCALHOST.into()))];
    for _ in 0..300 {
        let wait = app.store.take_sign_in_try(&counters, app.clock.now()).await;
        assert!(wait.expect("storage works").is_none());
    }
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a60_a62_a_forged_address_brings_no_new_tries() {
    let server = exhausted().await;
    let listening = SmallServer::start_with(routes::public(server.app.clone()), |_| {}).await;
    for field in [
        "X-Forwarded-For: 198.51.100.7",
        "X_Forwarded_For: 198.51.100.7",
        "Forwarded: for=198.51.100.7",
        "X-Real-IP: 198.51.100.7",
        "True-Client-IP: 198.51.100.7",
    ] {
        let answer = guess(&listening, &format!("{field}\r\n")).await;
        assert_eq!(answer.status, 429, "{field}");
        assert_eq!(server.refusal().reason, "too many tries to sign in", "{field}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a60_behind_a_trusted_proxy_each_client_has_its_own_tries() {
    let server = exhausted().await;
    let trusted = vec![Network::parse("127.0.0.0/8").expect("a network")];
    let listening = SmallServer::start_with(routes::public(server.app.clone()), |front| {
        front.proxies = trusted;
    });
    let listening = listening.await;
    let answer = guess(&listening, "X-Forwarded-For: 6.6.6.6, 198.51.100.7\r\n").await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert_eq!(server.refusal().reason, "no account has this address");
}

#[tokio::test]
async fn a61_mailed_links_lead_to_the_issuer_whatever_the_request_says() {
    let server = Server::with(&[("sign_up", "open")]).await;
    server.a_person("ada@example.test").await;
    let mut browser = server.a_window();
    let forged =
        [("host", "evil.test"), ("x-forwarded-host", "evil.test"), ("forwarded", "host=evil.test")];
    let asked = [
        ("/recover", "/recover", vec![("username", "ada@example.test")]),
        (
            "/sign-up",
            "/sign-up",
            vec![("username", "bob@example.test"), ("name", "Bob"), ("with", "passkey")],
        ),
    ];
    for (page, action, typed) in asked {
        let shown = browser.open(page).await.text();
        let token = field_of(&shown, "form_token");
        let mut ask = server.post(action).header("cookie", browser.cookies());
        for (name, value) in forged {
            ask = ask.header(name, value);
        }
        let ask = ask.header("origin", ISSUER).header("sec-fetch-site", "same-origin");
        let answer = ask.form(&[typed, vec![("form_token", token.as_str())]].concat()).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert!(answer.header("location").starts_with('/'), "{}", answer.header("location"));
    }
    deliver_mail(server.app()).await.expect("sent");
    let letters = server.letters();
    assert_eq!(letters.len(), 2);
    for letter in letters {
        assert!(!letter.contains("evil.test"), "{letter}");
        assert!(letter.contains("https://keyhaven.test/"), "{letter}");
    }
}
