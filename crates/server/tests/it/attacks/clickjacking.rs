//! A15, A23: a page of ours in somebody's frame, or its address in somebody's log.

use crate::harness::Server;

/// The headers of every page: a request that reaches no page shows them as well as any.
#[tokio::test]
async fn a15_pages_cannot_be_framed() {
    let server = Server::start().await;
    let answer = server.get("/nowhere").header("accept", "text/html").send().await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("id=\"error-page\""));
    assert_eq!(answer.header("x-frame-options"), "DENY");
    let policy = answer.header("content-security-policy");
    for rule in
        ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    for loose in ["unsafe", "*", "data:", "http:", "https:"] {
        assert!(!policy.contains(loose), "{policy}");
    }
}

#[tokio::test]
async fn a23_pages_send_no_referrer_and_are_kept_nowhere() {
    let server = Server::start().await;
    let answer = server.get("/nowhere").header("accept", "text/html").send().await;
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_program_that_is_lost_gets_no_page() {
    let server = Server::start().await;
    for accept in ["application/json", "*/*", "text/htmlx"] {
        let answer = server.get("/nowhere").header("accept", accept).send().await;
        assert_eq!((answer.status, answer.text().as_str()), (404, ""), "{accept}");
    }
}

#[tokio::test]
async fn an_asset_is_kept_for_a_year_under_its_own_address_only() {
    let server = Server::start().await;
    let page = server.get("/nowhere").header("accept", "text/html").send().await.text();
    let address =
        page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = server.get(address).send().await;
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    let other = address.replace("/assets/", "/assets/0");
    assert_eq!(server.get(&other).send().await.header("cache-control"), "no-store");
}
