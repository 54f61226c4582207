//! People at our pages, without a browser's engine: what they open, type and send, and where that
//! leads. Chromium does the same with keys and pointers in `tests/browser`.

use keyhaven::app::Origin;
use keyhaven::operations::accounts::{first_run_code, mint_invitation};
use keyhaven::operations::recovery::recovery_link;
use keyhaven_store::memberships::Role;

use crate::harness::{AWindow, Answer, Server, a_browsers_origin};

const PASSWORD: &str = "harbour lights at dusk";

/// The code of a link: what stands behind the `#`.
fn code(link: &str) -> String {
    link.split_once('#').expect("a link with a code").1.to_owned()
}

/// Invites `email` as a member and makes its account in `browser`, which is signed in afterwards.
async fn join(server: &Server, browser: &mut AWindow<'_>, email: &str) {
    let into = Some((server.organization, Role::Member));
    let invited = mint_invitation(server.app(), email.to_owned(), into);
    let kept = server.app().store.keep_one_time_code(&invited.code, "user.invited", server.act());
    kept.await.expect("storage works");
    let once = code(invited.link.reveal());
    let page = browser.open("/invitation").await;
    let typed = [("once", once.as_str()), ("name", "Ada Byron"), ("password", PASSWORD)];
    let answer = browser.fill(&page, "/invitation", &typed).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.text());
}

async fn leave(browser: &mut AWindow<'_>) {
    let page = browser.open("/logout").await;
    browser.fill(&page, "/logout", &[("where", "here")]).await;
}

async fn sign_in(browser: &mut AWindow<'_>, email: &str, password: &str) -> Answer {
    let page = browser.open("/login?continue=/organizations").await;
    browser.fill(&page, "/login", &[("username", email), ("password", password)]).await
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let server = Server::start().await;
    let origin: Origin = a_browsers_origin();
    let once = first_run_code(server.app(), &origin).await.expect("storage works");
    let once = once.expect("nobody administers yet");
    let mut browser = server.a_window();
    let page = browser.open("/welcome").await;
    let typed = [
        ("once", once.reveal()),
        ("username", "root@example.test"),
        ("name", "Root"),
        ("password", PASSWORD),
    ];
    let wrong = browser.fill(&page, "/welcome", &[("once", "kh_once_x")]).await;
    assert_eq!(wrong.status, 422, "a67: a stranger without the printed code");
    let answer = browser.fill(&page, "/welcome", &typed).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert!(browser.open("/account").await.text().contains("root@example.test"));
    assert_eq!(server.a_window().open("/welcome").await.status, 404, "it is gone");
}

#[tokio::test]
async fn an_invited_person_signs_in_and_out() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    join(&server, &mut browser, "ada@example.test").await;
    assert!(browser.open("/organizations").await.text().contains("North Health"));
    leave(&mut browser).await;
    assert_eq!(browser.open("/account").await.status, 303);
    let answer = sign_in(&mut browser, "Ada@Example.test", PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/organizations"), "a22");
    assert_eq!(browser.open("/account").await.status, 200);
}

#[tokio::test]
async fn a58_a_wrong_password_and_an_unknown_address_look_the_same() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    join(&server, &mut browser, "ada@example.test").await;
    let said = async |email: &str| {
        let answer = sign_in(&mut server.a_window(), email, "not the password").await;
        let text = answer.text();
        let alert = text.split("role=\"alert\"").nth(1).expect("an alert");
        (answer.status, alert.split("</strong>").next().unwrap_or_default().to_owned())
    };
    let known = said("ada@example.test").await;
    assert_eq!(known, said("nobody@example.test").await);
    assert_eq!(known.0, 422);
}

#[tokio::test]
async fn a_forgotten_password_is_set_with_the_mailed_code_and_ends_other_sessions() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    join(&server, &mut browser, "ada@example.test").await;
    let link = recovery_link(server.app(), "ada@example.test", &a_browsers_origin()).await;
    let once = code(link.expect("storage works").expect("an account").reveal());
    let mut other = server.a_window();
    let page = other.open("/reset").await;
    let short = other.fill(&page, "/reset", &[("once", &once), ("password", "short")]).await;
    assert_eq!(short.status, 422);
    assert!(short.text().contains("id=\"password-error\""), "{}", short.text());
    let typed = [("once", once.as_str()), ("password", "another quiet harbour")];
    let answer = other.fill(&page, "/reset", &typed).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/reset/done"));
    assert_eq!(browser.open("/account").await.status, 303, "the other browser is signed out");
    assert_eq!(other.fill(&page, "/reset", &typed).await.status, 422, "the code works once");
    assert_eq!(sign_in(&mut other, "ada@example.test", PASSWORD).await.status, 422);
    assert_eq!(sign_in(&mut other, "ada@example.test", "another quiet harbour").await.status, 303);
}

#[tokio::test]
async fn a_password_is_changed_with_the_present_one_only() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    join(&server, &mut browser, "ada@example.test").await;
    let page = browser.open("/account/password").await;
    let typed = [("current", "wrong"), ("password", "another quiet harbour")];
    let answer = browser.fill(&page, "/account/password", &typed).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("id=\"current-error\""), "{}", answer.text());
    let typed = [("current", PASSWORD), ("password", "another quiet harbour")];
    let answer = browser.fill(&page, "/account/password", &typed).await;
    assert_eq!(answer.header("location"), "/account?done=password");
}

#[tokio::test]
async fn changes_of_factors_ask_for_the_person_again_when_that_was_long_ago() {
    let server = Server::start().await;
    let mut browser = server.a_window();
    join(&server, &mut browser, "ada@example.test").await;
    assert_eq!(browser.open("/account/authenticator").await.status, 200);
    server.present.pass(3_600);
    for path in ["/account/authenticator", "/account/passkeys/new"] {
        let answer = browser.open(path).await;
        assert_eq!(answer.status, 303);
        let to = answer.header("location").to_owned();
        assert!(to.starts_with("/login?again=yes&continue=%2Faccount%2F"), "{to}");
        assert!(browser.open(&to).await.text().contains("id=\"login-submit\""), "{path}");
    }
}
