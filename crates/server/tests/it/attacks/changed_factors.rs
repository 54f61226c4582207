//! A68, V7.4.3: somebody who got into a session stays in when the owner changes a factor? No: every
//! such change ends the sessions it was not made in, on every node.

use std::sync::Arc;

use keyhaven::api::administrator::Administrator;
use keyhaven::operations::factors::{
    confirm_totp, make_recovery_codes, offer_totp, remove_passkey, remove_totp,
};
use keyhaven::operations::passkeys::{creation_options, register};
use keyhaven::operations::sessions::recognise_session;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::totp::Step;
use keyhaven_store::Reach;
use keyhaven_store::sessions::SignedIn;

use crate::harness::{APerson, Authenticator, Place, Server, a_browsers_origin, reason};

on_every_engine![a_changed_factor_ends_the_other_sessions];

#[derive(Clone, Copy, Debug)]
enum Change {
    TotpAdded,
    CodesMade,
    TotpRemoved,
    PasskeyAdded,
    PasskeyRemoved,
}

async fn change(server: &Server, signed_in: &Arc<SignedIn>, change: Change) {
    let (app, origin) = (server.app(), a_browsers_origin());
    let user = signed_in.person.user.id;
    match change {
        Change::TotpAdded => {
            offer_totp(app, signed_in, &origin).await.expect("a seed");
            let totp = app.store.find_totp(user).await.expect("storage works").expect("a seed");
            let code = totp.seed.code(Step::at(Timestamp(server.present.now())));
            confirm_totp(app, signed_in, code.reveal(), &origin).await.expect("confirmed");
        }
        Change::CodesMade => {
            make_recovery_codes(app, signed_in, &origin).await.expect("made");
        }
        Change::TotpRemoved => remove_totp(app, signed_in, &origin).await.expect("removed"),
        Change::PasskeyAdded => {
            let options = creation_options(app, signed_in).await.expect("options");
            let made = Authenticator::new("one").create(&options);
            register(app, signed_in, &made, "A phone", &origin).await.expect("registered");
        }
        Change::PasskeyRemoved => {
            let known = app.store.list_passkeys(user).await.expect("storage works");
            remove_passkey(app, signed_in, known[0].id, &origin).await.expect("removed");
        }
    }
}

async fn a_changed_factor_ends_the_other_sessions(place: Place) {
    let server = Server::on(&place, &[]).await;
    let other = server.beside().await;
    other.app().store.known().share();
    let ada = server.a_person("ada@example.test").await;
    let own = server.a_session(&ada).await;
    let all = [
        Change::TotpAdded,
        Change::CodesMade,
        Change::TotpRemoved,
        Change::PasskeyAdded,
        Change::PasskeyRemoved,
    ];
    for next in all {
        let thief = server.a_session(&ada).await.token;
        recognise_session(other.app(), thief.reveal()).await.expect("it counts so far");
        let signed_in = server.signed_in(&own).await;
        change(&server, &signed_in, next).await;
        let refused = recognise_session(server.app(), thief.reveal()).await;
        assert_eq!(reason(refused), "the session was ended", "{next:?}");
        server.present.pass_millis(1_001);
        let refused = recognise_session(other.app(), thief.reveal()).await;
        assert_eq!(reason(refused), "the session was ended", "{next:?} on the other node");
        recognise_session(server.app(), own.token.reveal()).await.expect("its own goes on");
    }
}

#[tokio::test]
async fn a_factor_that_an_administrator_takes_away_ends_every_session() {
    let server = Server::start().await;
    let ada: APerson = server.a_person("ada@example.test").await;
    let own = server.a_session(&ada).await;
    change(&server, &server.signed_in(&own).await, Change::TotpAdded).await;
    let administrator =
        Administrator { reach: Reach::Instance, actor: "test:administrator".into() };
    let path = format!("/v1/users/{}/factors/totp", ada.id);
    let gone = server.ask("DELETE", &path).administered_by(administrator).send().await;
    assert_eq!(gone.status, 204);
    let refused = recognise_session(server.app(), own.token.reveal()).await;
    assert_eq!(reason(refused), "the session was ended");
}
