//! A12, A13, A15, A22, A66, A82 on pages: forms of other sites, logout by a link, frames, readers of
//! other origins.

use crate::harness::{AWindow, Server};

/// A signed-in browser.
async fn signed_in(server: &Server) -> AWindow<'_> {
    let ada = server.a_person("ada@example.test").await;
    let mut browser = server.a_window();
    browser.plant("__Host-sid", server.a_session(&ada).await.token.reveal());
    browser
}

#[tokio::test]
async fn a66_a_link_to_logout_asks_first() {
    let server = Server::start().await;
    let mut browser = signed_in(&server).await;
    let page = browser.open("/logout").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("id=\"logout-confirm\""));
    assert_eq!(browser.open("/organizations").await.status, 200, "still signed in");
    let answer = browser.fill(&page, "/logout", &[("where", "here")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/logged-out"));
    assert!(browser.cookie("__Host-sid").is_none());
}

#[tokio::test]
async fn a68_the_cookie_is_dead_after_signing_out() {
    let server = Server::start().await;
    let mut browser = signed_in(&server).await;
    let old = browser.cookie("__Host-sid").expect("signed in").to_owned();
    let page = browser.open("/logout").await;
    browser.fill(&page, "/logout", &[("where", "everywhere")]).await;
    browser.plant("__Host-sid", &old);
    let answer = browser.open("/organizations").await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/login?continue=%2Forganizations");
}

#[tokio::test]
async fn a12_a_form_of_another_site_changes_nothing() {
    let server = Server::start().await;
    let mut browser = signed_in(&server).await;
    let page = browser.open("/logout").await.text();
    let token =
        page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    for (name, value, reason) in [
        ("sec-fetch-site", "cross-site", "the form was sent by a page of another site"),
        ("sec-fetch-site", "same-site", "the form was sent by a page of another site"),
        ("origin", "https://evil.test", "the form was sent by a page of another origin"),
        ("origin", "null", "the form was sent by a page of another origin"),
        ("x-nothing", "", "the browser does not say where the form comes from"),
    ] {
        let ask = server.post("/logout").header("cookie", browser.cookies()).header(name, value);
        let answer = ask.form(&[("form_token", token), ("where", "here")]).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
        assert_eq!(server.refusal().reason, reason);
        assert!(answer.headers.get("set-cookie").is_none());
    }
    assert_eq!(browser.open("/organizations").await.status, 200, "still signed in");
}

#[tokio::test]
async fn a12_a_form_needs_the_token_that_this_browser_was_shown() {
    let server = Server::start().await;
    let mut browser = signed_in(&server).await;
    let other = server.a_person("eve@example.test").await;
    let mut eve = server.a_window();
    eve.plant("__Host-sid", server.a_session(&other).await.token.reveal());
    let page = eve.open("/logout").await.text();
    let token =
        page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    for form in [&[("form_token", token)][..], &[("form_token", "")], &[]] {
        assert_eq!(browser.post("/logout", form).await.status, 403);
    }
    assert_eq!(browser.open("/organizations").await.status, 200, "still signed in");
}

#[tokio::test]
async fn a82_pages_are_readable_by_no_other_origin() {
    let server = Server::start().await;
    let browser = signed_in(&server).await;
    for path in ["/", "/login", "/logout", "/logged-out", "/organizations", "/account"] {
        for origin in ["https://evil.test", "null", "https://keyhaven.test.evil.test"] {
            let ask = server.get(path).header("cookie", browser.cookies()).header("origin", origin);
            let answer = ask.header("accept", "text/html").send().await;
            let names = answer.headers.keys().map(axum::http::HeaderName::as_str);
            assert!(!names.into_iter().any(|name| name.starts_with("access-control")), "{path}");
        }
    }
}

#[tokio::test]
async fn a15_every_page_forbids_frames() {
    let server = Server::start().await;
    let mut browser = signed_in(&server).await;
    for path in ["/", "/login", "/logout", "/logged-out", "/organizations", "/account"] {
        let answer = browser.open(path).await;
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}
