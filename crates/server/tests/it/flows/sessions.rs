//! A session as the APIs behind us see it: whose it is, where it acts, and every way it ends.

use keyhaven::operations::{sessions, sign_in};
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::sign_in::Method;
use keyhaven_store::memberships::Role;
use keyhaven_store::organizations::Power;
use keyhaven_store::{Plan, Reach, people};
use serde_json::json;

use crate::harness::{Place, Server, a_browsers_origin, the};

/// The private reason why `/v1/check` does not count it; empty when it does.
async fn refused(server: &Server, token: &str) -> String {
    let answer = server.post("/v1/check").json(json!({ "credential": token })).await;
    if answer.status == 200 { String::new() } else { server.refusal().reason }
}

#[tokio::test]
async fn a_session_is_checked_like_any_credential() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let opened = server.a_session(&ada).await;
    let body = json!({ "credential": opened.token.reveal() });
    server.database.reads();
    let answer = server.post("/v1/check").json(body).await.expect(200);
    assert_eq!(answer["kind"], "session");
    assert_eq!(the(&answer["user"]), ada.id.to_string());
    assert_eq!(the(&answer["organization"]), server.organization.to_string());
    assert_eq!(answer["scopes"], "", "a member administers nothing");
    assert_eq!(server.database.reads().len(), 4, "one read of the session, three of the person");
    let body = json!({ "credential": opened.token.reveal() });
    server.post("/v1/check").json(body).await.expect(200);
    assert_eq!(server.database.reads().len(), 0, "a warm look-up reads nothing");
    let (store, now) = (&server.app().store, server.app().clock.now());
    let found = store.find_session_record(Reach::Instance, opened.id, now).await.expect("reads");
    assert_eq!(found.map(|record| record.email), Some(ada.email));
}

#[tokio::test]
async fn every_end_of_a_session_is_named() {
    let server =
        Server::with(&[("session_idle_ttl", "1000"), ("session_absolute_ttl", "1500")]).await;
    let ada = server.a_person("ada@example.test").await;
    let session = async || server.a_session(&ada).await.token.reveal().to_owned();
    let token = session().await;
    assert_eq!(refused(&server, &token).await, "");
    server.present.pass(900);
    assert_eq!(refused(&server, &token).await, "", "it was used in time");
    server.present.pass(600);
    assert_eq!(refused(&server, &token).await, "the session is over");
    let token = session().await;
    server.present.pass(1_000);
    assert_eq!(refused(&server, &token).await, "the session was not used for too long");
    let token = session().await;
    server.set_standing(&ada, Power::Disabled).await;
    assert_eq!(refused(&server, &token).await, "the session's user is disabled");
    server.set_standing(&ada, Power::Enabled).await;
    let remove = server.app().store.remove_member(server.organization, ada.id, server.act());
    remove.await.expect("storage works");
    assert_eq!(refused(&server, &token).await, "the organization is not one of the user's");
    server.app().store.delete_user(ada.id, server.act()).await.expect("storage works");
    assert_eq!(refused(&server, &token).await, "the session is unknown");
    assert_eq!(refused(&server, "kh_session_nonsense").await, "not a session of ours");
}

#[tokio::test]
async fn signing_out_ends_what_was_handed_out() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let opened = server.a_session(&ada).await;
    let signed_in = sessions::recognise_session(server.app(), opened.token.reveal()).await;
    let signed_in = signed_in.expect("signed in");
    sessions::sign_out(server.app(), &signed_in, &a_browsers_origin()).await.expect("out");
    assert_eq!(refused(&server, opened.token.reveal()).await, "the session was ended");
}

#[tokio::test]
async fn a_session_administers_what_its_person_does() {
    let server = Server::start().await;
    let ada = server.a_stranger("ada@example.test").await;
    server.join(&ada, server.organization, Role::Admin).await;
    let opened = server.a_session(&ada).await;
    let token = opened.token.reveal();
    server.get("/v1/organizations/north").bearer(token).send().await.expect(200);
    let other = server.an_organization("South", "south").await;
    server.get(&format!("/v1/organizations/{other}")).bearer(token).send().await.expect(404);
    server.app().store.appoint_administrator(ada.id, server.act()).await.expect("storage works");
    server.get(&format!("/v1/organizations/{other}")).bearer(token).send().await.expect(200);
    server.app().store.dismiss_administrator(ada.id, server.act()).await.expect("storage works");
    server.get(&format!("/v1/organizations/{other}")).bearer(token).send().await.expect(404);
}

#[tokio::test]
async fn a_second_factor_stands_between_the_first_and_a_session() {
    let server = Server::start().await;
    let app = server.app();
    let ada = server.a_person("ada@example.test").await;
    let enrol = people::enrolling(ada.id, Method::Totp, app.clock.now());
    app.store.note_factors(enrol, server.act()).await.expect("storage works");
    let (origin, browser) = (a_browsers_origin(), sign_in::new_browser(app));
    let visitor = |browser| sign_in::Visitor {
        browser,
        device: None,
        agent: "a test",
        session: None,
        origin: &origin,
    };
    let to = Continuation::parse("/account").expect("a path");
    let handle = sign_in::begin(app, &browser, to, &origin).await.expect("begun");
    let pending = sign_in::find(app, handle.reveal(), &browser).await.expect("found");
    let person = app.store.find_person(ada.id).await.expect("reads").expect("there");
    let next = sign_in::complete_first_factor(
        app,
        &pending,
        &person,
        Method::Password,
        Plan::default(),
        visitor(&browser),
    );
    let sign_in::Next::SecondFactor { handle: second, browser: bound, wanted } =
        next.await.expect("decided")
    else {
        panic!("a password alone signed in")
    };
    assert_eq!(wanted, [Method::Totp]);
    let planted = sign_in::find(app, handle.reveal(), &browser).await;
    crate::harness::reason(planted);
    let planted = sign_in::find(app, second.reveal(), &browser).await;
    let over = "the sign-in is over, was completed, or began in another browser";
    assert_eq!(crate::harness::reason(planted), over, "the browser's old cookie still counts");
    let pending = sign_in::find(app, second.reveal(), &bound).await.expect("found");
    let other = sign_in::complete_second_factor(
        app,
        &pending,
        Method::RecoveryCode,
        Plan::default(),
        visitor(&bound),
    );
    let unwanted = "the second factor is not one this sign-in needs";
    assert_eq!(crate::harness::reason(other.await), unwanted);
    let complete = || {
        let plan = Plan::default();
        sign_in::complete_second_factor(app, &pending, Method::Totp, plan, visitor(&bound))
    };
    let opened = complete().await.expect("signed in");
    assert_eq!(opened.continue_to.as_str(), "/account");
    assert_eq!(refused(&server, opened.token.reveal()).await, "");
    let again = crate::harness::reason(complete().await);
    assert_eq!(again, "this sign-in was completed before");
}

on_every_engine![an_end_on_one_node_is_heard_on_the_other];

/// A68, F13: within the second that is promised, measured by the nodes' own clock.
async fn an_end_on_one_node_is_heard_on_the_other(place: Place) {
    let one = Server::on(&place, &[]).await;
    let other = one.beside().await;
    one.app().store.known().share();
    other.app().store.known().share();
    let ada = one.a_person("ada@example.test").await;
    let opened = one.a_session(&ada).await;
    let token = opened.token.reveal();
    assert_eq!(refused(&other, token).await, "");
    let signed_in = sessions::recognise_session(one.app(), token).await.expect("signed in");
    sessions::sign_out(one.app(), &signed_in, &a_browsers_origin()).await.expect("out");
    // The other node has not heard, and its second is over: it asks the database.
    one.present.pass_millis(1_001);
    assert_eq!(refused(&other, token).await, "the session was ended");
}
