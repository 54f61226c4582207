//! A67: the welcome page, before there is an administrator and afterwards, in a stranger's hands.

use keyhaven::operations::accounts::first_run_code;

use crate::harness::{AWindow, Answer, Server, a_browsers_origin};

async fn take_over(browser: &mut AWindow<'_>, page: &Answer, once: &str) -> Answer {
    let typed = [
        ("once", once),
        ("username", "eve@evil.test"),
        ("name", "Eve"),
        ("password", "harbour lights at dusk"),
    ];
    browser.fill(page, "/welcome", &typed).await
}

#[tokio::test]
async fn a67_without_the_printed_code_nobody_becomes_the_administrator() {
    let server = Server::start().await;
    let printed = first_run_code(server.app(), &a_browsers_origin()).await.expect("works");
    let printed = printed.expect("there is no administrator");
    let mut eve = server.a_window();
    let page = eve.open("/welcome").await;
    assert!(!page.text().contains("kh_once_0"), "the page does not tell the code");
    let near = printed.reveal()[..printed.reveal().len() - 1].to_owned() + "!";
    for once in ["", "kh_once_guess", near.as_str()] {
        let answer = take_over(&mut eve, &page, once).await;
        assert_eq!(answer.status, 422, "{once}");
        assert!(eve.cookie("__Host-sid").is_none());
    }
    assert!(!server.app().store.has_administrators().await.expect("reads"));
    let mut root = server.a_window();
    let shown = root.open("/welcome").await;
    let made = take_over(&mut root, &shown, printed.reveal()).await;
    assert_eq!(made.status, 303, "{}", made.text());
    // The page was open since before; the printed code was seen over somebody's shoulder.
    let late = take_over(&mut eve, &page, printed.reveal()).await;
    assert_eq!(late.status, 422, "{}", late.text());
    assert!(eve.cookie("__Host-sid").is_none());
    assert_eq!(eve.open("/welcome").await.status, 404, "it is gone");
}

#[tokio::test]
async fn a67_a_code_that_was_printed_twice_makes_one_administrator() {
    let server = Server::start().await;
    let origin = a_browsers_origin();
    let mut codes = Vec::new();
    for _ in 0..2 {
        let code = first_run_code(server.app(), &origin).await.expect("works");
        codes.push(code.expect("there is no administrator"));
    }
    let mut windows = [server.a_window(), server.a_window()];
    let mut statuses = Vec::new();
    let pages = [windows[0].open("/welcome").await, windows[1].open("/welcome").await];
    for ((window, page), code) in windows.iter_mut().zip(&pages).zip(&codes) {
        let typed = [
            ("once", code.reveal()),
            ("username", if statuses.is_empty() { "root@a.test" } else { "eve@evil.test" }),
            ("name", "Root"),
            ("password", "harbour lights at dusk"),
        ];
        statuses.push(window.fill(page, "/welcome", &typed).await.status);
    }
    assert_eq!(statuses[0], 303);
    assert_ne!(statuses[1], 303);
    let reason = server.refusal().reason;
    assert_eq!(reason, "the instance has an administrator already");
}
