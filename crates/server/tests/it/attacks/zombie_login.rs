//! A68: a session that was used after it ended: signed out, password changed, user disabled, deleted.
//! On the same node at once, on another within the promised second.

use keyhaven::operations::sessions::{recognise_session, sign_out};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::organizations::Power;
use keyhaven_store::sessions::Why;

use crate::harness::{APerson, Place, Server, a_browsers_origin, reason};

on_every_engine![an_ended_session_opens_nothing_on_any_node];

async fn an_ended_session_opens_nothing_on_any_node(place: Place) {
    let one = Server::on(&place, &[]).await;
    let other = one.beside().await;
    one.app().store.known().share();
    other.app().store.known().share();
    for (number, end) in ["signed out", "ended", "disabled", "deleted"].into_iter().enumerate() {
        let person = one.a_person(&format!("ada{number}@example.test")).await;
        let token = one.a_session(&person).await.token;
        recognise_session(other.app(), token.reveal()).await.expect("it counts on both nodes");
        let expected = finish(&one, &person, &token, end).await;
        let refused = recognise_session(one.app(), token.reveal()).await;
        assert_eq!(reason(refused), expected, "{end}, on the node itself");
        one.present.pass_millis(1_001);
        let refused = recognise_session(other.app(), token.reveal()).await;
        assert_eq!(reason(refused), expected, "{end}, on the other node");
    }
}

async fn finish(server: &Server, person: &APerson, token: &Secret, end: &str) -> &'static str {
    let store = &server.app().store;
    match end {
        "signed out" => {
            let signed_in = recognise_session(server.app(), token.reveal()).await.expect("in");
            sign_out(server.app(), &signed_in, &a_browsers_origin()).await.expect("out");
            "the session was ended"
        }
        "ended" => {
            let why = Why::CredentialsChanged;
            store.end_sessions(person.id, None, why, server.act()).await.expect("storage works");
            "the session was ended"
        }
        "disabled" => {
            server.set_standing(person, Power::Disabled).await;
            "the session's user is disabled"
        }
        _ => {
            store.delete_user(person.id, server.act()).await.expect("storage works");
            "the session is unknown"
        }
    }
}
