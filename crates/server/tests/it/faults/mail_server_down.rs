//! F20 with a real server: a mail server that nobody answers for changes no answer of the pages, so
//! nobody learns who has an account, and everything else goes on.

use std::net::TcpListener;

use super::installation::Installation;
use super::server::{Server, command};
use super::sessions_on_two_nodes::a_person;
use super::stopwatch::real_clock;
use crate::harness::field_of;
use crate::wire::{ask, get};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_a_mail_server_that_is_down_changes_no_answer() {
    let installation = Installation::sqlite();
    let node = installation.open(real_clock(0)).await;
    a_person(&node.app, "ada@example.test").await;
    node.app.store.engine().close().await.expect("closes");
    let mut command = command(&installation);
    command.env("KEYHAVEN_MAIL_SMTP", format!("smtp://127.0.0.1:{}", closed_port()));
    let server = Server::start_with(command).await;
    let mut seen = Vec::new();
    for email in ["ada@example.test", "nobody@example.test"] {
        let page = get(server.address, "/recover", "").await;
        let cookie = page.field("set-cookie").and_then(|text| text.split(';').next());
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("form_token", &field_of(&page.body, "form_token"))
            .append_pair("username", email)
            .finish();
        let head = format!(
            "POST /recover HTTP/1.1\r\nHost: a.test\r\nCookie: {}\r\nOrigin: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            cookie.expect("the form is bound to a browser"),
            server.issuer,
            form.len(),
        );
        let answer = ask(server.address, head + &form).await;
        let location = answer.field("location").map(str::to_owned);
        seen.push((answer.status, location, answer.body));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!((seen[0].0, seen[0].1.as_deref()), (303, Some("/recover/sent")));
    assert_eq!(get(server.address, "/login", "").await.status, 200);
}

/// A port that was free a moment ago, where nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
