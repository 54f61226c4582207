//! A12, A13: forms that a page of another site sends with the victim's cookies, or to sign the victim
//! in as somebody else. Refused by what the browser says of the sender, and by a token that only our
//! page could have shown.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use keyhaven::app::Shared;
use keyhaven::http::cookies;
use keyhaven::http::same_origin::{Posted, form_token};
use keyhaven_protocol::secret::Secret;

use crate::harness::{Answer, ISSUER, Server};

const COOKIE: &str = "a-browser-of-256-random-bits";

/// A form of ours, as any page handles one.
async fn handle(State(_): State<Shared>, posted: Posted) -> String {
    posted.form.get("word").unwrap_or_default().to_owned()
}

async fn send(server: &Server, headers: &[(&str, &str)], token: &str) -> Answer {
    let router = Router::new().route("/form", post(handle)).with_state(server.app.clone());
    let mut ask = server.on_router(router, "POST", "/form");
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    ask.form(&[("word", "kept"), ("form_token", token)]).await
}

fn cookie(name: &str) -> String {
    format!("{name}={COOKIE}")
}

#[tokio::test]
async fn our_own_page_may_send_its_form() {
    let server = Server::start().await;
    let token = form_token(&Secret::from(COOKIE));
    for name in [cookies::SESSION, cookies::BROWSER] {
        let cookie = cookie(name);
        for sender in [("origin", ISSUER), ("sec-fetch-site", "same-origin")] {
            let answer = send(&server, &[("cookie", &cookie), sender], &token).await;
            assert_eq!((answer.status, answer.text().as_str()), (200, "kept"), "{name} {sender:?}");
        }
    }
}

#[tokio::test]
async fn another_site_may_not_whatever_it_says() {
    let server = Server::start().await;
    let token = form_token(&Secret::from(COOKIE));
    let cookie = cookie(cookies::SESSION);
    let elsewhere = "the form was sent by a page of another origin";
    let site = "the form was sent by a page of another site";
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[("origin", "https://e.test")], elsewhere),
        (&[("origin", "null")], elsewhere),
        (&[("origin", "https://keyhaven.test.e.test")], elsewhere),
        (&[("origin", "http://keyhaven.test")], elsewhere),
        (&[("sec-fetch-site", "cross-site")], site),
        (&[("sec-fetch-site", "same-site")], site),
        (&[("sec-fetch-site", "none")], site),
        (&[("sec-fetch-site", "cross-site"), ("origin", ISSUER)], site),
        (&[], "the browser does not say where the form comes from"),
    ];
    for (headers, reason) in cases {
        let all: Vec<_> = headers.iter().copied().chain([("cookie", &*cookie)]).collect();
        let answer = send(&server, &all, &token).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert_eq!(server.refusal().reason, reason, "{headers:?}");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn a_form_of_another_browser_is_worth_nothing() {
    let server = Server::start().await;
    let own = ("origin", ISSUER);
    let refused = "the form was shown to another browser, or its sign-in is over";
    let foreign = form_token(&Secret::from("another browser"));
    for (cookie, token) in [
        (cookie(cookies::SESSION), foreign.as_str()),
        (cookie(cookies::SESSION), "nonsense"),
        (cookie(cookies::DEVICE), &form_token(&Secret::from(COOKIE))),
        // A cookie that a neighbouring host tossed in beside ours counts as none (V3.3).
        (format!("{0}; {0}", cookie(cookies::SESSION)), &form_token(&Secret::from(COOKIE))),
    ] {
        let answer = send(&server, &[("cookie", &cookie), own], token).await;
        assert_eq!((answer.status, server.refusal().reason.as_str()), (403, refused), "{cookie}");
    }
}
