//! A code that comes back to the node that gave it is judged from memory, once; whatever happened
//! between giving and redeeming is heard of there as on every other node.

use keyhaven_store::organizations::Power;

use crate::harness::{AClient, APerson, AWindow, Place, Server};

on_every_engine![
    the_node_that_gave_a_code_redeems_it_without_a_read,
    a_second_look_at_a_code_asks_storage,
    a_node_that_did_not_give_the_code_reads_it,
    what_ended_meanwhile_is_refused_by_every_node,
];

/// An app, and a person signed in who has let it in.
async fn signed_in(server: &Server) -> (AClient, APerson, AWindow<'_>) {
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let code = browser.code(&app, &[]).await;
    server.redeem(&app, &code).await.expect(200);
    server.database.reads();
    (app, ada, browser)
}

async fn the_node_that_gave_a_code_redeems_it_without_a_read(place: Place) {
    let server = Server::on(&place, &[]).await;
    server.app().store.known().heard(server.app().clock.tick());
    let (app, _, mut browser) = signed_in(&server).await;
    let code = browser.code(&app, &[]).await;
    server.database.reads();
    server.redeem(&app, &code).await.expect(200);
    assert_eq!(server.database.reads(), Vec::<&str>::new());
    let replay = server.redeem(&app, &code).await;
    replay.refused(&server, 400, "invalid_grant", "code was used before");
    assert!(server.database.reads().contains(&"authorizations.find"));
}

async fn a_second_look_at_a_code_asks_storage(place: Place) {
    let server = Server::on(&place, &[]).await;
    server.app().store.known().heard(server.app().clock.tick());
    let (app, _, mut browser) = signed_in(&server).await;
    let other = server.a_client().app().build().await;
    let code = browser.code(&app, &[]).await;
    let thief = server.redeem(&other, &code).await;
    thief.refused(&server, 400, "invalid_grant", "code belongs to another client");
    server.database.reads();
    server.redeem(&app, &code).await.expect(200);
    assert!(server.database.reads().contains(&"authorizations.find"));
}

async fn a_node_that_did_not_give_the_code_reads_it(place: Place) {
    let server = Server::on(&place, &[]).await;
    let (app, _, mut browser) = signed_in(&server).await;
    let other = server.beside().await;
    let code = browser.code(&app, &[]).await;
    other.redeem(&app, &code).await.expect(200);
    assert!(other.database.reads().contains(&"authorizations.find"));
    // The memory of the node that gave it does not make it good again.
    let replay = server.redeem(&app, &code).await;
    replay.refused(&server, 400, "invalid_grant", "code was used before");
}

/// What happens between giving a code and redeeming it.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Disabled,
    SignedOut,
    Withdrawn,
}

async fn what_ended_meanwhile_is_refused_by_every_node(place: Place) {
    let server = Server::on(&place, &[]).await;
    let other = server.beside().await;
    for node in [&server, &other] {
        node.app().store.known().share();
    }
    for (meanwhile, reason) in [
        (Meanwhile::Disabled, "the user is disabled"),
        (Meanwhile::SignedOut, "the session of the code was ended"),
        (Meanwhile::Withdrawn, "code expired"),
    ] {
        for (at, redeemer) in [&server, &other].into_iter().enumerate() {
            for node in [&server, &other] {
                node.app().store.known().heard(server.app().clock.tick());
            }
            let ada = server.a_person(&format!("ada-{meanwhile:?}-{at}@example.test")).await;
            let app = server.a_client().app().build().await;
            let mut browser = server.a_window_of(&ada).await;
            let tokens = browser.tokens(&server, &app, &[]).await;
            let code = browser.code(&app, &[]).await;
            match meanwhile {
                Meanwhile::Disabled => server.set_standing(&ada, Power::Disabled).await,
                Meanwhile::SignedOut => {
                    let logout = format!("/oauth2/logout?id_token_hint={}", tokens.id_token);
                    assert_eq!(browser.open(&logout).await.status, 303);
                }
                Meanwhile::Withdrawn => {
                    let store = &server.app().store;
                    let had = store.withdraw_consent(ada.id, app.key, server.act()).await;
                    assert!(had.expect("storage works").is_some());
                }
            }
            let refused = redeemer.redeem(&app, &code).await;
            refused.refused(redeemer, 400, "invalid_grant", reason);
        }
    }
}
