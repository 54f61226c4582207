//! What memory says of a code is believed only as far as storage agrees in the commit that spends it: what
//! ended on another node counts at once, and a replay is known for one where the code was given.

use keyhaven_store::organizations::Power;
use keyhaven_store::sessions::Why;

use crate::harness::{AClient, APerson, AWindow, CALLBACK, Place, Server, VERIFIER};

on_every_engine![
    a_code_is_redeemed_without_a_read_where_it_was_given,
    a_replay_where_it_was_given_ends_what_another_node_made,
    what_ended_meanwhile_redeems_nothing_on_any_node,
    a_node_that_hears_nothing_reads,
    a_second_look_at_a_code_asks_storage,
    a_node_that_did_not_give_the_code_reads_it,
    a_code_given_before_a_logout_redeems_nothing_on_any_node,
];

/// What reads a code.
const FIND: &str = "authorizations.find";

/// Two nodes that hear of each other.
async fn two(place: &Place) -> (Server, Server) {
    let one = Server::on(place, &[]).await;
    let other = one.beside().await;
    one.app().store.known().share();
    other.app().store.known().share();
    (one, other)
}

/// From now on what the node remembers counts for a second.
fn hear(server: &Server) {
    server.app().store.known().heard(server.app().clock.tick());
}

async fn a_code_is_redeemed_without_a_read_where_it_was_given(place: Place) {
    let server = Server::on(&place, &[]).await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    // The first one makes the signing keys.
    browser.tokens(&server, &app, &[]).await;
    let offline = [("scope", "openid offline_access")];
    for edits in [&[][..], &offline] {
        for shared in [false, true] {
            if shared {
                server.app().store.known().share();
            }
            let code = browser.code(&app, edits).await;
            server.database.reads();
            let before = server.database.commits();
            server.redeem(&app, &code).await.expect(200);
            let commits = server.database.commits() - before;
            assert_eq!((server.database.reads().as_slice(), commits), (&[][..], 1), "{shared}");
            let again = server.redeem(&app, &code).await;
            again.refused(&server, 400, "invalid_grant", "code was used before");
            assert!(server.database.reads().contains(&FIND));
        }
    }
}

/// The node that gave the code still has it in memory, where it is not spent.
async fn a_replay_where_it_was_given_ends_what_another_node_made(place: Place) {
    let (one, other) = two(&place).await;
    let ada = one.a_person("ada@example.test").await;
    let app = one.a_client().app().build().await;
    let mut browser = one.a_window_of(&ada).await;
    for verifier in [VERIFIER, &"x".repeat(43)] {
        let code = browser.code(&app, &[]).await;
        let (access, refresh) = other.redeem(&app, &code).await.pair();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        let again = one.post("/oauth2/token").basic(&app).form(&form).await;
        again.refused(&one, 400, "invalid_grant", "code was used before");
        let answer = one.refresh(&app, &refresh).await;
        answer.refused(&one, 400, "invalid_grant", "refresh family is revoked");
        let told = one.get("/oauth2/userinfo").bearer(&access).send().await;
        assert_eq!(told.status, 401);
        assert_eq!(one.refusal().reason, "the grant of the access token was revoked");
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    UserDisabled,
    UserDeleted,
    SessionEnded,
    ConsentWithdrawn,
    ClientDisabled,
}

impl End {
    const ALL: [Self; 5] = [
        Self::UserDisabled,
        Self::UserDeleted,
        Self::SessionEnded,
        Self::ConsentWithdrawn,
        Self::ClientDisabled,
    ];

    /// Status, error and our reason.
    const fn refusal(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::UserDisabled => (400, "invalid_grant", "the user is disabled"),
            Self::UserDeleted | Self::SessionEnded => {
                (400, "invalid_grant", "the session of the code was ended")
            }
            Self::ConsentWithdrawn => (400, "invalid_grant", "code expired"),
            Self::ClientDisabled => (401, "invalid_client", "client is disabled"),
        }
    }

    async fn come(self, server: &Server, person: &APerson, app: &AClient) {
        let store = &server.app().store;
        match self {
            Self::UserDisabled => server.set_standing(person, Power::Disabled).await,
            Self::UserDeleted => {
                store.delete_user(person.id, server.act()).await.expect("storage works");
            }
            Self::SessionEnded => {
                let ended = store.end_sessions(person.id, None, Why::SignedOut, server.act());
                ended.await.expect("storage works");
            }
            Self::ConsentWithdrawn => {
                let taken = store.withdraw_consent(person.id, app.key, server.act()).await;
                assert!(taken.expect("storage works").is_some());
            }
            Self::ClientDisabled => {
                let now = server.app().clock.now();
                app.alter(server, |record| record.disabled_at = Some(now)).await;
            }
        }
    }
}

async fn what_ended_meanwhile_redeems_nothing_on_any_node(place: Place) {
    let (one, other) = two(&place).await;
    let places = [(&one, &one, "at home"), (&other, &one, "from afar"), (&one, &other, "afar")];
    let mut number = 0;
    for end in End::ALL {
        for (ends, redeems, at) in places {
            for scope in ["openid", "openid offline_access"] {
                number += 1;
                let person = one.a_person(&format!("ada{number}@example.test")).await;
                let app = one.a_client().app().build().await;
                hear(&one);
                hear(&other);
                let mut browser = one.a_window_of(&person).await;
                let code = browser.code(&app, &[("scope", scope)]).await;
                end.come(ends, &person, &app).await;
                // Of a client the other node hears within the second; the rest counts at once.
                if matches!(end, End::ClientDisabled) {
                    one.present.pass_millis(1_001);
                }
                let answer = redeems.redeem(&app, &code).await;
                let (status, error, reason) = end.refusal();
                assert_eq!(answer.status, status, "{end:?} {at} {scope}");
                answer.refused(redeems, status, error, reason);
            }
        }
    }
}

async fn a_node_that_hears_nothing_reads(place: Place) {
    let (one, _other) = two(&place).await;
    let (app, mut browser) = an_app_and_a_person(&one).await;
    let code = browser.code(&app, &[]).await;
    one.present.pass_millis(1_001);
    one.database.reads();
    one.redeem(&app, &code).await.expect(200);
    assert!(one.database.reads().contains(&FIND));
}

async fn a_second_look_at_a_code_asks_storage(place: Place) {
    let (one, _other) = two(&place).await;
    let (app, mut browser) = an_app_and_a_person(&one).await;
    let thief = one.a_client().app().build().await;
    hear(&one);
    let code = browser.code(&app, &[]).await;
    let stolen = one.redeem(&thief, &code).await;
    stolen.refused(&one, 400, "invalid_grant", "code belongs to another client");
    one.database.reads();
    one.redeem(&app, &code).await.expect(200);
    assert!(one.database.reads().contains(&FIND));
}

async fn a_node_that_did_not_give_the_code_reads_it(place: Place) {
    let (one, other) = two(&place).await;
    let (app, mut browser) = an_app_and_a_person(&one).await;
    let code = browser.code(&app, &[]).await;
    other.database.reads();
    other.redeem(&app, &code).await.expect(200);
    assert!(other.database.reads().contains(&FIND));
}

async fn a_code_given_before_a_logout_redeems_nothing_on_any_node(place: Place) {
    let (one, other) = two(&place).await;
    let (app, mut browser) = an_app_and_a_person(&one).await;
    let tokens = browser.tokens(&one, &app, &[]).await;
    hear(&one);
    hear(&other);
    let code = browser.code(&app, &[]).await;
    let logout = format!("/oauth2/logout?id_token_hint={}", tokens.id_token);
    assert_eq!(browser.open(&logout).await.status, 303);
    for node in [&one, &other] {
        let refused = node.redeem(&app, &code).await;
        refused.refused(node, 400, "invalid_grant", "the session of the code was ended");
    }
}

/// An app, and the browser of a person who is signed in.
async fn an_app_and_a_person(server: &Server) -> (AClient, AWindow<'_>) {
    let ada = server.a_person("ada@example.test").await;
    (server.a_client().app().build().await, server.a_window_of(&ada).await)
}
