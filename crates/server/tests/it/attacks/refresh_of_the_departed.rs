//! A34: whoever is disabled or gone refreshes nothing, and comes back only with what stood. What was
//! begun with a password or an address that is no more goes with it.

use keyhaven::operations::recovery::{address_link, change_address, recover, recovery_link};
use keyhaven::operations::sign_in::{Visitor, new_browser};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::organizations::{OrganizationEdit, Power};
use keyhaven_store::{Outcome, Reach};
use serde_json::json;

use crate::harness::{AClient, APerson, Answer, Place, Server, a_browsers_origin};

on_every_engine![a_new_password_or_address_ends_what_apps_had_for_later];

async fn as_bearer(server: &Server, client: &AClient, token: &str) -> Answer {
    let body =
        json!({ "grant_type": "refresh_token", "client_id": client.id, "refresh_token": token });
    server.post("/oauth/token").json(body).await
}

#[tokio::test]
async fn a_disabled_client_refreshes_nothing_and_its_tokens_are_dead() {
    let server = Server::start().await;
    let (client, watcher) = (server.a_client().build().await, server.a_client().build().await);
    let (access, refresh) = server.tokens(&client).await;
    let now = server.app().clock.now();
    client.alter(&server, |record| record.disabled_at = Some(now)).await;

    let refused = server.refresh(&client, &refresh).await;
    refused.refused(&server, 401, "invalid_client", "client is disabled");
    assert!(!server.is_active(&watcher, &access).await);
}

#[tokio::test]
async fn a_disabled_organization_takes_its_clients_along_and_gives_them_back() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, refresh) = server.tokens(&client).await;

    stand(&server, Power::Disabled).await;
    let refused = server.refresh(&client, &refresh).await;
    refused.refused(&server, 401, "invalid_client", "the client's organization is disabled");

    stand(&server, Power::Enabled).await;
    server.refresh(&client, &refresh).await.pair();
}

async fn stand(server: &Server, power: Power) {
    let edit = OrganizationEdit { standing: Some(power), ..OrganizationEdit::default() };
    let store = &server.app().store;
    let outcome = store.update_organization(server.organization, edit, "{}", server.act()).await;
    assert_eq!(outcome.expect("storage works"), Outcome::Done);
}

#[tokio::test]
async fn a_bearer_family_of_a_disabled_client_does_not_stand_for_itself() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let create = json!({
        "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret,
    });
    let created = server.post("/oauth/token").json(create).await.expect(201);
    let token =
        created["data"]["attributes"]["refresh_token"].as_str().expect("a token").to_owned();
    let now = server.app().clock.now();
    client.alter(&server, |record| record.disabled_at = Some(now)).await;

    let refused = as_bearer(&server, &client, &token).await;
    refused.refused_json_api(&server, 401, "InvalidCredentials", "client is disabled");
}

#[tokio::test]
async fn a_deleted_client_refreshes_nothing() {
    let server = Server::start().await;
    let (client, watcher) = (server.a_client().build().await, server.a_client().build().await);
    let (access, refresh) = server.tokens(&client).await;
    client.delete(&server).await;

    let refused = server.refresh(&client, &refresh).await;
    refused.refused(&server, 401, "invalid_client", "unknown client");
    assert!(!server.is_active(&watcher, &access).await);
}

#[tokio::test]
async fn a_client_that_lost_the_grant_type_refreshes_nothing() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (_, refresh) = server.tokens(&client).await;
    client
        .alter(&server, |record| record.client.grant_types = vec!["client_credentials".into()])
        .await;
    let refused = server.refresh(&client, &refresh).await;
    let reason = "grant type is not registered for this client";
    refused.refused(&server, 400, "unauthorized_client", reason);
}

#[tokio::test]
async fn what_a_client_held_before_it_was_cut_off_is_dead_and_what_comes_after_lives() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (access, refresh) = server.tokens(&client).await;
    let store = &server.app().store;
    let known = store.find_client_record(Reach::Instance, client.key).await;
    let known = known.expect("storage works").expect("the client is there").client;
    let (outcome, _) = store.revoke_issued(&known, server.act()).await.expect("storage works");
    assert_eq!(outcome, Outcome::Done);

    let refused = server.refresh(&client, &refresh).await;
    let reason = "everything issued to the client so far was revoked";
    refused.refused(&server, 400, "invalid_grant", reason);
    assert!(!server.is_active(&client, &access).await);
    let later = server.token(&client).await;
    assert!(server.is_active(&client, &later).await, "issued in the very same second");
}

const OLD: &str = "seven quiet owls";
const NEW: &str = "nine louder owls";

/// The ways by which an account gets away from whoever had it.
#[derive(Clone, Copy, Debug)]
enum Way {
    Recovery,
    Password,
    Address,
    Reset,
}

async fn go(server: &Server, way: Way, ada: &APerson) {
    let (app, origin) = (server.app(), a_browsers_origin());
    let opened = server.a_session(ada).await;
    let signed_in = server.signed_in(&opened).await;
    let code = |link: &Secret| link.reveal().split_once('#').expect("a code").1.to_owned();
    match way {
        Way::Recovery => {
            let link = recovery_link(app, &ada.email, &origin).await.expect("works");
            let code = code(&link.expect("an account"));
            recover(app, &code, &NEW.into(), &origin).await.expect("recovered");
        }
        Way::Password => {
            let (browser, old, new) = (new_browser(app), OLD.into(), NEW.into());
            let visitor = Visitor {
                browser: &browser,
                device: None,
                agent: "a test",
                session: None,
                origin: &origin,
            };
            let changed = keyhaven::operations::passwords::change_password;
            changed(app, &signed_in, Some(&old), &new, visitor).await.expect("changed");
        }
        Way::Address => {
            let link = address_link(app, ada.id, "ada@new.test", &origin).await.expect("works");
            change_address(app, &code(&link), &signed_in, &origin).await.expect("changed");
        }
        Way::Reset => {
            let outcome = app.store.require_reset(ada.id, server.act()).await;
            assert_eq!(outcome.expect("storage works"), Outcome::Done);
        }
    }
}

async fn a_new_password_or_address_ends_what_apps_had_for_later(place: Place) {
    let server = Server::on(&place, &[]).await;
    let other = server.beside().await;
    other.start_jobs();
    let app = server.a_client().app().build().await;
    for way in [Way::Recovery, Way::Password, Way::Address, Way::Reset] {
        let ada = server.a_person(&format!("{way:?}@example.test").to_lowercase()).await;
        server.set_password(&ada, OLD).await;
        // Somebody who knew the password let an app of theirs work while nobody is signed in.
        let offline = [("scope", "openid offline_access")];
        let tokens = server.a_window_of(&ada).await.tokens(&server, &app, &offline).await;
        let kept = server.refresh(&app, &tokens.refresh).await;
        kept.expect(200);
        go(&server, way, &ada).await;
        let refused = server.refresh(&app, &tokens.refresh).await;
        refused.refused(&server, 400, "invalid_grant", "refresh family is revoked");
        let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
        assert_eq!(told.status, 401, "{way:?}");
        server.refusals();
        let refused = other.refresh(&app, &tokens.refresh).await;
        refused.refused(&other, 400, "invalid_grant", "refresh family is revoked");
    }
}
