//! F07 for people: the wall clock jumps, forward or back. A ticket that was used stays used, a session
//! reaches its stored ends and no later one, and wrong tries are not forgotten early.

use keyhaven::operations::Failure;
use keyhaven::operations::sessions::recognise_session;
use keyhaven::operations::sign_in::{self, Opened, Visitor};
use keyhaven::operations::tickets::sign_in_with_ticket;
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::id::UserId;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Outcome;
use keyhaven_store::one_time_codes::{OneTimeCode, Purpose};

use super::installation::{Installation, origin};
use super::node::refusal;
use super::sessions_on_two_nodes::{a_person, a_session};
use super::stopwatch::SetClock;
use keyhaven::app::App;

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_used_ticket_stays_used_when_the_clock_jumps_on_sqlite() {
    a_used_ticket_stays_used(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_used_ticket_stays_used_when_the_clock_jumps_on_postgres() {
    a_used_ticket_stays_used(Installation::postgres()).await;
}

async fn a_used_ticket_stays_used(installation: Installation) {
    let clock = SetClock::now();
    let node = installation.open(clock.clock()).await;
    let app = &*node.app;
    let user = a_person(app, "ada@example.test").await;
    let used = a_ticket(app, user).await;
    redeem(app, &used).await.expect("the first use");
    let kept = a_ticket(app, user).await;
    let over = "the one-time code is unknown, over, spent or for something else";
    for jump in [-30, 30, -DAY, DAY, 30] {
        clock.jump(jump);
        assert_eq!(refusal(redeem(app, &used).await), over, "{jump}");
    }
    clock.jump(30);
    assert_eq!(refusal(redeem(app, &kept).await), over, "a minute went by");
    app.store.engine().close().await.expect("closes");
}

async fn a_ticket(app: &App, user: UserId) -> Secret {
    let (purpose, now) = (Purpose::Ticket, app.clock.now());
    let (mut code, text) = OneTimeCode::mint(purpose, app.id(), &app.dice.bytes(), now);
    code.user = Some(user);
    let kept = app.store.keep_one_time_code(&code, "ticket.made", app.act("test", &origin()));
    assert_eq!(kept.await.expect("commits"), Outcome::Done);
    text
}

async fn redeem(app: &App, ticket: &Secret) -> Result<Opened, Failure> {
    let (browser, origin) = (sign_in::new_browser(app), origin());
    let visitor =
        Visitor { browser: &browser, device: None, agent: "", session: None, origin: &origin };
    sign_in_with_ticket(app, ticket.reveal(), Continuation::default(), visitor).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_session_reaches_its_end_and_no_later_one_on_sqlite() {
    a_session_reaches_its_end(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_session_reaches_its_end_and_no_later_one_on_postgres() {
    a_session_reaches_its_end(Installation::postgres()).await;
}

async fn a_session_reaches_its_end(installation: Installation) {
    let clock = SetClock::now();
    let node = installation.open(clock.clock()).await;
    let app = &*node.app;
    let user = a_person(app, "ada@example.test").await;
    let (idle, absolute) = (app.settings.session_idle.0, app.settings.session_absolute.0);
    let session = a_session(app, user).await;
    let stands = async || recognise_session(app, session.reveal()).await;
    stands().await.expect("it counts");
    // A clock set back makes it no younger than it was.
    clock.jump(-DAY);
    stands().await.expect("it counts");
    clock.jump(DAY + idle + 1);
    assert_eq!(refusal(stands().await), "the session was not used for too long");
    let session = a_session(app, user).await;
    clock.jump(absolute + 1);
    let late = recognise_session(app, session.reveal()).await;
    assert_eq!(refusal(late), "the session is over");
    app.store.engine().close().await.expect("closes");
}
