//! F20: while mail cannot be sent, answers stay the same; the letter waits, and the link's life begins
//! when it is written.

use keyhaven::operations::accounts::{NewPerson, confirm_sign_up, find_code, request_sign_up};
use keyhaven::operations::deliver_mail::deliver_mail;
use keyhaven::operations::recovery::{recover, request_recovery};
use keyhaven::operations::sign_in::{Visitor, new_browser};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::one_time_codes::Purpose;

use crate::harness::{Server, a_browsers_origin};

#[tokio::test]
async fn a_link_lives_from_when_it_was_written() {
    let server = Server::start().await;
    server.a_person("ada@example.test").await;
    let origin = a_browsers_origin();
    request_recovery(server.app(), "Ada@example.test", &origin).await.expect("asked");
    // The mail server is away for an hour, which is longer than a link lives.
    server.present.pass(3_600);
    assert_eq!(deliver_mail(server.app()).await.expect("sent"), 1);
    let code = server.code_in_the_outbox();
    server.present.pass(29 * 60);
    let new = Secret::from("seven quiet owls");
    recover(server.app(), &code, &new, &origin).await.expect("it still counts");
}

#[tokio::test]
async fn an_account_is_made_by_whoever_reads_the_mail() {
    let server = Server::with(&[("sign_up", "open")]).await;
    let (app, origin) = (server.app(), a_browsers_origin());
    let password = Secret::from("seven quiet owls");
    let new = NewPerson { name: "Ada", password: Some(&password) };
    request_sign_up(app, "ada@example.test", new, &origin).await.expect("asked");
    deliver_mail(app).await.expect("sent");
    let code = server.code_in_the_outbox();
    let browser = new_browser(app);
    let visitor =
        Visitor { browser: &browser, device: None, agent: "", session: None, origin: &origin };
    confirm_sign_up(app, &code, visitor).await.expect("an account");
    // Somebody else signs up with the same address: their letter has no link.
    request_sign_up(app, "ada@example.test", new, &origin).await.expect("the same answer");
    deliver_mail(app).await.expect("sent");
    assert!(find_code(app, Purpose::SignUp, &code).await.is_err());
    let closed = Server::start().await;
    let refused = request_sign_up(closed.app(), "ada@example.test", new, &origin).await;
    assert_eq!(crate::harness::reason(refused), "accounts are made by invitation here");
}
