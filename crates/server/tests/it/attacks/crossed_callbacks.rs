//! Two people in one browser, and one person's callback in another's: an account never lands with
//! somebody who did not start its flow (connector callbacks, §10).

use crate::harness::{APerson, Connector, Server, path_of, the};

/// A flow a person began, with the cookie their browser got.
struct Flow {
    back: String,
    cookie: String,
    session: String,
    person: APerson,
}

async fn begun(server: &Server, connector: &Connector, address: &str, account: &str) -> Flow {
    let person = server.a_person(address).await;
    let session = server.a_session(&person).await.token.reveal().to_owned();
    let path = format!("/connectors/{}/oauth/authorize", connector.id);
    let started = server.get(&path).bearer(&session).send().await;
    let cookie = started.header("set-cookie").split(';').next().expect("a pair").to_owned();
    connector.fake.sign_in(account);
    let url = the(&started.expect(200)["authorizationUrl"]);
    let back = connector.fake.consent(&url).expect("consent");
    Flow { back, cookie, session, person }
}

/// The status and user of the connection to an account.
async fn found(server: &Server, connector: &Connector, account: &str) -> (String, String) {
    for id in connector.connections(server).await {
        let shown = connector.shown(server, &id).await;
        if shown["account"] == account {
            return (the(&shown["status"]), the(&shown["user"]));
        }
    }
    panic!("nothing is connected to {account}");
}

#[tokio::test]
async fn two_people_in_one_browser_each_get_their_own() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let ada = begun(&server, &connector, "ada@example.test", "ada-there").await;
    let eve = begun(&server, &connector, "eve@example.test", "eve-there").await;
    assert_ne!(ada.cookie.split('=').next(), eve.cookie.split('=').next(), "one cookie per flow");
    let both = format!("{}; {}", ada.cookie, eve.cookie);
    for flow in [&eve, &ada] {
        let done = server.get(path_of(&flow.back)).header("cookie", &both).send().await;
        assert!(done.header("location").starts_with("https://hub.example/account/"), "{done:?}");
    }
    let active = |flow: &Flow| ("active".to_owned(), flow.person.id.to_string());
    assert_eq!(found(&server, &connector, "ada-there").await, active(&ada));
    assert_eq!(found(&server, &connector, "eve-there").await, active(&eve));
}

#[tokio::test]
async fn a_callback_in_another_s_browser_stays_unconfirmed_and_is_not_theirs() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let ada = begun(&server, &connector, "ada@example.test", "ada-there").await;
    let eve = begun(&server, &connector, "eve@example.test", "eve-there").await;
    // Eve's link, opened in Ada's browser: Ada would work on Eve's account.
    let lured = server.get(path_of(&eve.back)).header("cookie", &ada.cookie).send().await;
    assert!(lured.header("location").contains("/confirm?ticket="), "{lured:?}");
    let pending = ("pending".to_owned(), eve.person.id.to_string());
    assert_eq!(found(&server, &connector, "eve-there").await, pending);
    let ticket = lured.header("location").split_once("ticket=").expect("a ticket").1.to_owned();
    let id = connector.connections(&server).await.remove(0);
    let path = format!("/v1/connections/{id}/confirmation");
    let body = serde_json::json!({ "ticket": ticket });
    let by_ada = server.post(&path).bearer(&ada.session).json(body).await;
    assert_eq!(by_ada.status, 404, "Ada cannot take it: {}", by_ada.text());
    connector.token(&server, &id).await.expect(404);
}

#[tokio::test]
async fn the_cookie_of_one_flow_is_none_for_another() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let ada = begun(&server, &connector, "ada@example.test", "ada-there").await;
    let eve = begun(&server, &connector, "eve@example.test", "eve-there").await;
    // Her flow's name, his flow's value.
    let name = eve.cookie.split_once('=').expect("a pair").0;
    let value = ada.cookie.split_once('=').expect("a pair").1;
    let forged = format!("{name}={value}");
    let done = server.get(path_of(&eve.back)).header("cookie", &forged).send().await;
    assert!(done.header("location").contains("/confirm?ticket="), "{done:?}");
}
