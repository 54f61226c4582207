//! A13, A14, A20, A21, A65 at the sign-in page: somebody else's password, a planted cookie, split
//! headers, markup in what is typed, destinations elsewhere.

use crate::harness::{Server, field_of};

#[tokio::test]
async fn a13_another_sites_form_signs_nobody_in() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    browser.open("/login").await;
    for (name, value) in [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")] {
        let ask = server.post("/login").header("cookie", browser.cookies()).header(name, value);
        let answer = ask.form(&[("username", "eve@evil.test"), ("password", "x")]).await;
        assert_eq!(answer.status, 403);
        assert!(answer.headers.get("set-cookie").is_none());
    }
}

/// What browsers send from a page whose policy is `no-referrer`.
#[tokio::test]
async fn a13_a_null_origin_counts_only_beside_the_browsers_own_word() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    let page = browser.open("/login").await.text();
    let field = |name| field_of(&page, name);
    let (token, handle) = (field("form_token"), field("sign_in"));
    for (site, status) in
        [("same-origin", 422), ("same-site", 403), ("cross-site", 403), ("none", 403)]
    {
        let ask =
            server.post("/login").header("cookie", browser.cookies()).header("origin", "null");
        let form = [
            ("form_token", token.as_str()),
            ("sign_in", &handle),
            ("username", "a@b.test"),
            ("password", "x"),
        ];
        let answer = ask.header("sec-fetch-site", site).form(&form).await;
        assert_eq!(answer.status, status, "{site}");
    }
}

#[tokio::test]
async fn a14_a_sign_in_begun_in_another_browser_is_not_found_in_this_one() {
    let server = Server::start().await;
    let (mut eve, mut ada) = (server.a_window(), server.a_window());
    let planted = eve.open("/login").await;
    let own = ada.open("/login").await;
    let planted = field_of(&planted.text(), "sign_in");
    assert_ne!(planted, field_of(&own.text(), "sign_in"));
    let typed = [("sign_in", planted.as_str()), ("username", "a@b.test"), ("password", "x")];
    let answer = ada.fill(&own, "/login", &typed).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let reason = server.refusal().reason;
    assert_eq!(reason, "the sign-in is over, was completed, or began in another browser");
}

#[tokio::test]
async fn a65_destinations_stay_on_our_origin() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let mut browser = server.a_window();
    browser.plant("__Host-sid", server.a_session(&ada).await.token.reveal());
    for to in
        ["//e.test", "/%5Ce.test", "https:e.test", "https://e.test/", "/%09/e.test", "%0a//e.test"]
    {
        let answer = browser.open(&format!("/login?continue={to}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{to}");
    }
    let answer = browser.open("/login?continue=/organizations").await;
    assert_eq!(answer.header("location"), "/organizations");
}

#[tokio::test]
async fn a20_line_breaks_split_no_header() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    for path in [
        "/login?continue=/a%0d%0aSet-Cookie:%20x=y",
        "/logged-out?where=%0d%0aX-Y:%20z",
        "/account?done=%0d%0aX-Y:%20z",
        "/%0d%0aX-Y:%20z",
    ] {
        let answer = browser.open(path).await;
        assert!(answer.headers.get("x-y").is_none(), "{path}");
        let ours = answer.headers.get_all("set-cookie").iter();
        assert!(ours.into_iter().all(|cookie| cookie.as_bytes().starts_with(b"__Host-")), "{path}");
    }
}

#[tokio::test]
async fn a21_what_is_typed_comes_back_as_text() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    let markup = "\"><img src=x onerror=alert(1)>'<script>x</script>";
    let page = browser.open("/login").await;
    let typed = [("username", markup), ("password", markup)];
    let answer = browser.fill(&page, "/login", &typed).await;
    assert_eq!(answer.status, 422);
    let text = answer.text();
    assert!(!text.contains("<img src=x") && !text.contains("<script>x"), "{text}");
    assert!(text.contains("&#60;img src=x onerror=alert(1)&#62;"), "shown as it was typed: {text}");
    assert_eq!(text.matches("onerror").count(), 1, "the password is never shown");
}

#[tokio::test]
async fn a21_names_of_people_and_organizations_are_text() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let organization = server.an_organization("<img src=x onerror=alert(1)>", "odd").await;
    server.join(&ada, organization, keyhaven_store::memberships::Role::Owner).await;
    let mut browser = server.a_window();
    browser.plant("__Host-sid", server.a_session(&ada).await.token.reveal());
    let text = browser.open("/organizations").await.text();
    assert!(!text.contains("<img src=x"), "{text}");
    assert!(text.contains("&#60;img src=x"), "{text}");
}

#[tokio::test]
async fn a22_the_answer_to_a_password_is_never_a_repeatable_redirect() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    let page = browser.open("/login").await;
    let answer =
        browser.fill(&page, "/login", &[("username", "a@b.test"), ("password", "x")]).await;
    assert!(![301, 302, 307, 308].contains(&answer.status));
    assert!(answer.headers.get("location").is_none());
}

/// Everything a browser may hold before somebody signs in was planted by Eve, her own session included.
#[tokio::test]
async fn a14_what_was_planted_before_a_sign_in_opens_nothing_after_it() {
    let server = Server::start().await;
    let (eve, ada) =
        (server.a_person("eve@example.test").await, server.a_person("ada@example.test").await);
    server.set_password(&ada, "harbour lights at dusk").await;
    let mut evil = server.a_window_of(&eve).await;
    let page = evil.open("/login?again=yes").await;
    let mut victim = server.a_window();
    let planted = ["__Host-sid", "__Host-browser"].map(|name| {
        let value = evil.cookie(name).unwrap_or_else(|| panic!("no {name}")).to_owned();
        victim.plant(name, &value);
        (name, value)
    });
    let typed = [("username", "ada@example.test"), ("password", "harbour lights at dusk")];
    let arrived = victim.fill(&page, "/login", &typed).await;
    assert_eq!(arrived.status, 303, "{}", arrived.text());
    assert_ne!(victim.cookie("__Host-sid"), Some(planted[0].1.as_str()), "a new id");
    assert!(victim.open("/account").await.text().contains("ada@example.test"));
    assert_eq!(evil.open("/account").await.status, 303, "the planted session ended with it");
    let again = evil.fill(&page, "/login", &typed).await;
    assert_eq!(again.status, 400, "the planted sign-in is spent: {}", again.text());
    assert!(evil.open("/account").await.status == 303);
}
