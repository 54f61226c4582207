//! F12, F13 and A68 for people: two servers on one PostgreSQL. What ends a session on one is enforced
//! by the other within a second, and a code that signs somebody in does so once, on either.

use std::net::SocketAddr;
use std::time::Duration;

use keyhaven::app::App;
use keyhaven::http::same_origin::form_token;
use keyhaven::operations::sign_in::{self, Opening, Visitor};
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::sign_in::{Method, Methods};
use keyhaven_store::one_time_codes::{OneTimeCode, Purpose};
use keyhaven_store::organizations::Power;
use keyhaven_store::passwords::PasswordChange;
use keyhaven_store::users::{User, UserEdit};
use keyhaven_store::{Outcome, Plan};
use tokio::task::JoinSet;

use super::installation::{Installation, origin};
use super::server::Server;
use super::stopwatch::{Stopwatch, real_clock};
use crate::wire::{Answer, Wire, ask};

/// How long anybody waits here before it counts as never; the promise is a second.
const PATIENCE: Duration = Duration::from_secs(20);
const TURNS: usize = 10;
const PASSWORD: &str = "harbour lights at dusk";

/// What ends sessions, on one of the nodes.
#[derive(Clone, Copy, Debug)]
enum End {
    SignedOut,
    PasswordChanged,
    UserDisabled,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "the measured lag is worth reading")]
async fn a68_a_session_that_ended_on_one_node_is_refused_by_the_other() {
    let installation = Installation::postgres();
    let third = installation.open(real_clock(0)).await;
    let (one, other) = tokio::join!(Server::start(&installation), Server::start(&installation));
    for end in [End::SignedOut, End::PasswordChanged, End::UserDisabled] {
        let mut worst = Duration::ZERO;
        for nth in 0..TURNS {
            let user = a_person(&third.app, &format!("{end:?}-{nth}@example.test")).await;
            let session = a_session(&third.app, user).await;
            for node in [&one, &other] {
                assert_eq!(info(node.address, &session).await.status, 200, "and in its memory");
            }
            match end {
                End::SignedOut => sign_out(&one, &session).await,
                End::PasswordChanged => change_password(&third.app, &one, user).await,
                End::UserDisabled => disable(&third.app, user).await,
            }
            worst = worst.max(until_refused(other.address, &session).await);
        }
        eprintln!("{end:?}: refused by the other node after {worst:?} at worst of {TURNS}");
    }
    third.app.store.engine().close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f12_f13_fifty_uses_of_one_ticket_over_two_nodes_open_one_session() {
    let installation = Installation::postgres();
    let third = installation.open(real_clock(0)).await;
    let app = &*third.app;
    let (one, other) = tokio::join!(Server::start(&installation), Server::start(&installation));
    let user = a_person(app, "ada@example.test").await;
    let (purpose, now) = (Purpose::Ticket, app.clock.now());
    let (mut code, text) = OneTimeCode::mint(purpose, app.id(), &app.dice.bytes(), now);
    code.user = Some(user);
    let kept = app.store.keep_one_time_code(&code, "ticket.made", app.act("test", &origin()));
    assert_eq!(kept.await.expect("commits"), Outcome::Done);
    let mut uses = JoinSet::new();
    for nth in 0..50 {
        let address = if nth % 2 == 0 { one.address } else { other.address };
        let path = format!("/rpc/auth.callback?shared_token={}", text.reveal());
        uses.spawn(async move { crate::wire::get(address, &path, "").await });
    }
    let answers = uses.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 307), "{answers:?}");
    let tokens: Vec<_> = answers.iter().filter_map(|answer| answer.field("gram-session")).collect();
    let opened: Vec<_> = tokens.into_iter().filter(|token| !token.is_empty()).collect();
    let [token] = opened[..] else { panic!("{} sessions were opened", opened.len()) };
    let told =
        |answer: &Answer| answer.field("location").is_some_and(|to| to.contains("signin_error"));
    assert_eq!(answers.iter().filter(|answer| told(answer)).count(), 49);
    for node in [&one, &other] {
        assert_eq!(info(node.address, &Secret::from(token)).await.status, 200);
    }
    third.app.store.engine().close().await.expect("closes");
}

pub(super) async fn a_person(app: &App, email: &str) -> UserId {
    let user = User {
        id: UserId(app.id()),
        email: email.to_lowercase(),
        name: "Ada Lovelace".into(),
        created_at: app.clock.now(),
        disabled_at: None,
    };
    let made = app.store.create_user(&user, app.act("test", &origin())).await;
    assert_eq!(made.expect("commits"), Outcome::Done);
    let phc = app.passwords.hash(&Secret::from(PASSWORD), app.dice.bytes()).await.expect("hashed");
    let change = PasswordChange { user: user.id, phc: &phc, was: None, keep: None };
    let set = app.store.change_password(change, Plan::default(), app.act("test", &origin())).await;
    assert_eq!(set.expect("commits"), Outcome::Done);
    user.id
}

pub(super) async fn a_session(app: &App, user: UserId) -> Secret {
    let person = app.store.find_person(user).await.expect("reads").expect("is there");
    let (browser, origin) = (sign_in::new_browser(app), origin());
    let visitor = Visitor {
        browser: &browser,
        device: None,
        agent: "a test",
        session: None,
        origin: &origin,
    };
    let opening = Opening {
        person: &person,
        methods: Methods::of(Method::Password),
        continue_to: Continuation::default(),
        parent: None,
    };
    sign_in::open(app, opening, Plan::default(), visitor).await.expect("a session").token
}

async fn info(address: SocketAddr, session: &Secret) -> Answer {
    let field = format!("Gram-Session: {}\r\n", session.reveal());
    crate::wire::get(address, "/rpc/auth.info", &field).await
}

async fn sign_out(node: &Server, session: &Secret) {
    let request = format!(
        "POST /rpc/auth.logout HTTP/1.1\r\nHost: a.test\r\nGram-Session: {}\r\nContent-Length: 0\r\n\r\n",
        session.reveal(),
    );
    let answer = ask(node.address, request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// On the account page, in another browser, which stays signed in.
async fn change_password(app: &App, node: &Server, user: UserId) {
    let sid = a_session(app, user).await;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("form_token", &form_token(&sid))
        .append_pair("current", PASSWORD)
        .append_pair("password", "another quiet harbour")
        .finish();
    let head = format!(
        "POST /account/password HTTP/1.1\r\nHost: a.test\r\nCookie: __Host-sid={}\r\nOrigin: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        sid.reveal(),
        node.issuer,
        form.len(),
    );
    let answer = ask(node.address, head + &form).await;
    assert_eq!(answer.field("location"), Some("/account?done=password"), "{}", answer.body);
    assert_eq!(info(node.address, &sid).await.status, 200, "the browser that did it goes on");
}

/// Through a third node, as an administrator elsewhere would.
async fn disable(app: &App, user: UserId) {
    let edit = UserEdit { standing: Some(Power::Disabled), ..UserEdit::default() };
    let done = app.store.update_user(user, edit, "{}", app.act("test", &origin())).await;
    assert_eq!(done.expect("commits"), Outcome::Done);
}

/// How long after the acknowledgement the last question was asked that was answered with the session.
async fn until_refused(address: SocketAddr, session: &Secret) -> Duration {
    let acknowledged = Stopwatch::start();
    let mut wire = Wire::open(address).await;
    let question = format!(
        "GET /rpc/auth.info HTTP/1.1\r\nHost: a.test\r\nGram-Session: {}\r\n\r\n",
        session.reveal(),
    );
    let mut last = Duration::ZERO;
    loop {
        let asked = acknowledged.elapsed();
        wire.send(&question).await;
        match wire.answer().await.status {
            401 => return last,
            200 => last = asked,
            other => panic!("{other} is no answer to a session that ended"),
        }
        assert!(asked <= PATIENCE, "the other node never heard of it");
        tokio::task::yield_now().await;
    }
}
