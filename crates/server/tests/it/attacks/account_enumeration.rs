//! A58: whether an address has an account cannot be told from refusals, from work, or from what is
//! asked of the database. The private reason knows.

use std::time::Instant;

use keyhaven::operations::Failure;
use keyhaven::operations::passwords::sign_in_with_password;
use keyhaven::operations::recovery::request_recovery;
use keyhaven::operations::sign_in::{self, Visitor};
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::refusal::Code;
use keyhaven_protocol::secret::Secret;

use crate::harness::{Server, a_browsers_origin};

const TRIES: usize = 9;

/// What a stranger can see of a wrong password: the public code, the field, the statements, the work.
async fn guess(
    server: &Server,
    email: &str,
) -> (Code, Option<&'static str>, Vec<&'static str>, u64, u128) {
    let app = server.app();
    let (browser, origin) = (sign_in::new_browser(app), a_browsers_origin());
    let visitor =
        Visitor { browser: &browser, device: None, agent: "", session: None, origin: &origin };
    let handle =
        sign_in::begin(app, &browser, Continuation::default(), &origin).await.expect("begun");
    let pending = sign_in::find(app, handle.reveal(), &browser).await.expect("found");
    server.database.reads();
    let commits = server.database.commits();
    #[expect(clippy::disallowed_methods, reason = "the work itself is measured")]
    let started = Instant::now();
    let result = sign_in_with_password(app, &pending, email, &Secret::from("guess"), visitor).await;
    let micros = started.elapsed().as_micros();
    let Err(Failure::Refused(refused)) = result else { panic!("a guess was right") };
    let (reads, commits) = (server.database.reads(), server.database.commits() - commits);
    (refused.refusal.code, refused.refusal.field, reads, commits, micros)
}

#[tokio::test]
async fn known_and_unknown_accounts_look_and_cost_the_same() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    server.set_password(&ada, "seven quiet owls").await;
    server.a_person("eve@example.test").await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..TRIES {
        let (code, field, reads, commits, micros) = guess(&server, "ada@example.test").await;
        known.push(micros);
        for nobody in [format!("nobody{number}@example.test"), "eve@example.test".to_owned()] {
            let seen = guess(&server, &nobody).await;
            assert_eq!((seen.0, seen.1), (code, field));
            assert_eq!((&seen.2, seen.3), (&reads, commits), "{nobody} is told apart by storage");
            unknown.push(seen.4);
        }
    }
    let median = |mut times: Vec<u128>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let (known, unknown) = (median(known), median(unknown));
    let ratio = known as f64 / unknown as f64;
    assert!((0.5..2.0).contains(&ratio), "medians {known} and {unknown} microseconds");
}

#[tokio::test]
async fn asking_for_a_link_tells_nothing() {
    let server = Server::start().await;
    server.a_person("ada@example.test").await;
    let origin = a_browsers_origin();
    let mut seen = Vec::new();
    for email in ["ada@example.test", "nobody@example.test"] {
        server.database.reads();
        let commits = server.database.commits();
        request_recovery(server.app(), email, &origin).await.expect("the same for everybody");
        seen.push((server.database.reads(), server.database.commits() - commits));
    }
    assert_eq!(seen[0], seen[1]);
    request_recovery(server.app(), "no address", &origin).await.expect("the same for everybody");
}
