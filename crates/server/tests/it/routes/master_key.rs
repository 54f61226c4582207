//! `/v1/master-key`: counts by column and key, turned in bounded steps, for the instance's own
//! administrators.

use serde_json::json;

use crate::harness::{Server, the};

#[tokio::test]
async fn the_counts_say_what_is_sealed_and_turning_what_is_turned_does_nothing() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    connector.connect(&server).await;
    let operator = server
        .a_client()
        .but(|client| client.organization = None)
        .scopes("keyhaven:admin")
        .build()
        .await;
    let form = [("grant_type", "client_credentials"), ("scope", "keyhaven:admin")];
    let token = server.post("/oauth2/token").basic(&operator).form(&form).await.expect(200);
    let token = the(&token["access_token"]);
    let at = server.get("/v1/master-key").bearer(&token).send().await.expect(200);
    assert_eq!((&at["remaining"], &at["failed"]), (&json!(0), &json!(0)), "{at}");
    let sealed = at["sealed"].as_array().expect("a list");
    for column in ["connections.data_key", "connectors.data_key", "signing_keys.sealed"] {
        let found = sealed.iter().find(|row| row["column"] == column);
        let row = found.unwrap_or_else(|| panic!("no {column} in {at}"));
        assert_eq!(row["key"], at["current"], "{row}");
        assert!(row["count"].as_i64() > Some(0), "{row}");
    }
    let turned = server.post("/v1/master-key/rekey").bearer(&token).json(json!({})).await;
    assert_eq!(turned.expect(200), at);
}

#[tokio::test]
async fn a_tenant_s_administrator_sees_and_turns_nothing() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let admin = connector.admin(&server).await;
    assert_eq!(server.get("/v1/master-key").bearer(&admin).send().await.status, 403);
    let turn = server.post("/v1/master-key/rekey").bearer(&admin).json(json!({})).await;
    assert_eq!(turn.status, 403, "{}", turn.text());
    assert_eq!(server.get("/v1/master-key").send().await.status, 401);
}
