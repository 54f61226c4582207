//! The JSON:API token family at `/oauth/token` and under `/pub`, as its contract has it.

use serde_json::{Value, json};

use crate::harness::{AClient, Answer, Server, the};

fn attributes(client: &AClient) -> Value {
    json!({
        "client_id": client.id, "client_secret": client.secret,
        "grant_type": "client_credentials",
    })
}

async fn create(server: &Server, path: &str, client: &AClient) -> Value {
    let answer = server.post(path).json_api(attributes(client)).await;
    assert_eq!(answer.header("content-type"), "application/vnd.api+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.expect(201)
}

/// Ids, tokens and request ids differ in every run: they become their names.
fn told(mut text: String, document: &Value) -> String {
    let data = &document["data"];
    for (value, name) in [
        (&data["attributes"]["access_token"], "ACCESS"),
        (&data["attributes"]["refresh_token"], "REFRESH"),
        (&data["id"], "ID"),
        (&data["relationships"]["organization"]["data"]["id"], "ORGANIZATION"),
        (&data["relationships"]["groups"]["data"][0]["id"], "GROUP"),
        (&document["meta"]["req_id"], "REQUEST"),
    ] {
        if let Some(value) = value.as_str() {
            text = text.replace(value, name);
        }
    }
    text
}

#[tokio::test]
async fn a_created_token_is_the_contracts_document() {
    let server = Server::start().await;
    let client = server.a_client().opaque().group("North Clinic").build().await;
    let document = create(&server, "/pub/oauth/token?include=groups", &client).await;
    let text = told(serde_json::to_string_pretty(&document).expect("JSON"), &document);
    insta::assert_snapshot!(text, @r#"
    {
      "data": {
        "attributes": {
          "access_token": "ACCESS",
          "expires_in": 300,
          "refresh_token": "REFRESH",
          "token_type": "bearer"
        },
        "id": "ID",
        "relationships": {
          "groups": {
            "data": [
              {
                "id": "GROUP",
                "type": "group"
              }
            ],
            "links": {
              "related": "/pub/oauth/token/ID/groups"
            }
          },
          "organization": {
            "data": {
              "id": "ORGANIZATION",
              "type": "organization"
            },
            "links": {
              "related": "/pub/oauth/token/ID/organization"
            }
          }
        },
        "type": "token"
      },
      "included": [
        {
          "attributes": {
            "name": "North Clinic"
          },
          "id": "GROUP",
          "links": {
            "self": "/pub/group/GROUP"
          },
          "type": "group"
        }
      ],
      "meta": {
        "req_id": "REQUEST"
      }
    }
    "#);
    let id = the(&document["data"]["id"]);
    assert!(id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    assert_eq!(document["included"][0]["id"], client.groups[0].0.simple());
}

#[tokio::test]
async fn links_lead_back_through_the_mount_of_the_request() {
    let server = Server::start().await;
    let client = server.a_client().group("North Clinic").build().await;
    for (path, prefix) in [("/oauth/token", ""), ("/pub/oauth/token", "/pub")] {
        let document = create(&server, path, &client).await;
        let id = the(&document["data"]["id"]);
        let related = &document["data"]["relationships"]["groups"]["links"]["related"];
        assert_eq!(*related, format!("{prefix}/oauth/token/{id}/groups"));
        let token = the(&document["data"]["attributes"]["access_token"]);
        let groups = server.get(&the(related)).bearer(&token).send().await.expect(200);
        assert_eq!(groups["links"]["self"], *related);
    }
}

#[tokio::test]
async fn include_follows_json_api_and_the_setting() {
    for (setting, both) in [("include", vec!["group", "organization"]), ("omit", vec!["group"])] {
        let server = Server::with(&[("jsonapi_include_organization", setting)]).await;
        let client = server.a_client().group("North Clinic").build().await;
        let kinds = async |include: &str| -> Option<Vec<String>> {
            let path = format!("/oauth/token{include}");
            let document = create(&server, &path, &client).await;
            let included = document.get("included")?.as_array().expect("an array");
            Some(included.iter().map(|resource| the(&resource["type"])).collect())
        };
        assert_eq!(kinds("").await, None);
        assert_eq!(kinds("?include=groups").await.expect("included"), ["group"]);
        assert_eq!(kinds("?include=groups,organization").await.expect("included"), both);
    }
}

#[tokio::test]
async fn both_body_forms_are_read_under_json_and_only_the_nested_one_under_json_api() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let flat = attributes(&client);
    let nested = |kind: Value| json!({ "data": { "type": kind, "attributes": flat.clone() } });
    for body in [flat.clone(), nested(json!("token")), nested(json!("oauth/token"))] {
        server.post("/oauth/token").json(body).await.expect(201);
    }
    let untyped = json!({ "data": { "attributes": flat.clone() } }).to_string();
    let json_api = "application/vnd.api+json; charset=utf-8";
    server.post("/oauth/token").raw(json_api, untyped).await.expect(201);

    let answer = server.post("/oauth/token").raw(json_api, flat.to_string()).await;
    answer.refused_json_api(&server, 409, "InvalidBodyParameter", "data is missing");
    let answer = server.post("/oauth/token").json(nested(json!("user"))).await;
    answer.refused_json_api(&server, 409, "InvalidBodyParameter", "data.type is not token");
}

#[tokio::test]
async fn ignored_members_are_named() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let mut body = attributes(&client);
    body["audience"] = json!("x");
    let document = server.post("/oauth/token").json_api(body).await.expect(201);
    assert_eq!(document["meta"]["ignored"], json!(["audience"]));
}

#[tokio::test]
async fn an_authorization_header_at_creation_is_ignored() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let request = server.post("/oauth/token").header("authorization", "Bearer unused");
    request.json_api(attributes(&client)).await.expect(201);
}

#[tokio::test]
async fn each_refusal_has_the_status_and_word_of_the_contract() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let but = |name: &str, value: Value| {
        let mut body = attributes(&client);
        body[name] = value;
        body
    };
    let missing = but("grant_type", Value::Null);
    let unread = but("grant_type", json!("refresh_token"));
    for (body, status, code, reason) in [
        (but("client_secret", json!("x")), 401, "InvalidCredentials", "wrong client secret"),
        (but("client_id", json!("x")), 401, "InvalidCredentials", "client_id is not one of ours"),
        (missing, 409, "InvalidGrantType", "grant_type is missing"),
        (but("grant_type", json!("code")), 409, "InvalidGrantType", "no such grant type"),
        (but("grant_type", json!(7)), 409, "InvalidGrantType", "grant_type is not a string"),
        (unread, 409, "InvalidBodyParameter", "refresh_token is missing"),
        (but("client_id", json!(7)), 409, "InvalidBodyParameter", "client_id is not a string"),
        (but("scope", json!("x")), 409, "InvalidBodyParameter", "scope is wider than allowed"),
    ] {
        let answer = server.post("/pub/oauth/token").json_api(body).await;
        answer.refused_json_api(&server, status, code, reason);
    }
    let refresh = json!({
        "grant_type": "refresh_token", "client_id": client.id, "refresh_token": "x",
    });
    let answer = server.post("/oauth/token").json_api(refresh).await;
    let reason = "not a refresh token of ours";
    answer.refused_json_api(&server, 401, "InvalidCredentials", reason);
    let answer = server.post("/oauth/token").raw("text/plain", "{}").await;
    let reason = "the media type is neither JSON:API nor JSON";
    answer.refused_json_api(&server, 403, "Forbidden", reason);
    let answer = server.post("/oauth/token?include=users").json_api(attributes(&client)).await;
    let reason = "include names an unknown relationship";
    answer.refused_json_api(&server, 409, "InvalidParameter", reason);
}

#[tokio::test]
async fn an_error_document_is_the_contracts_in_both_shapes() {
    for (setting, expected) in [
        ("array", r#"{"errors":[ERROR],"meta":{"req_id":"REQUEST"}}"#),
        ("object", r#"{"errors":ERROR,"meta":{"req_id":"REQUEST"}}"#),
    ] {
        let server = Server::with(&[("jsonapi_error_shape", setting)]).await;
        let client = server.a_client().build().await;
        let mut body = attributes(&client);
        body["grant_type"] = json!("code");
        let answer = server.post("/pub/oauth/token").json_api(body).await;
        let document = answer.expect(409);
        let code = server.refusal().code;
        let error = json!({
            "status": "409", "code": "InvalidGrantType",
            "detail": format!("The grant type is not supported. ({code})"),
            "source": { "pointer": "/data/attributes/grant_type" },
        });
        let request = the(&document["meta"]["req_id"]);
        let expected = expected.replace("REQUEST", &request).replace("ERROR", &error.to_string());
        assert_eq!(document.to_string(), expected);
    }
}

#[tokio::test]
async fn groups_and_organization_are_shown_to_the_tokens_bearer() {
    let server = Server::start().await;
    let client = server.a_client().group("North Clinic").group("South Clinic").build().await;
    let document = create(&server, "/pub/oauth/token", &client).await;
    let id = the(&document["data"]["id"]);
    let token = the(&document["data"]["attributes"]["access_token"]);

    let groups = server.get(&format!("/pub/oauth/token/{id}/groups")).bearer(&token).send().await;
    assert_eq!(groups.header("content-type"), "application/vnd.api+json");
    let groups = groups.expect(200);
    let names: Vec<_> = groups["data"].as_array().expect("data").iter().map(group_name).collect();
    assert_eq!(names, ["North Clinic", "South Clinic"]);
    assert_eq!(groups["meta"]["count"], 2);

    let path = format!("/pub/oauth/token/{id}/organization");
    let organization = server.get(&path).bearer(&token).send().await.expect(200);
    let own = server.organization.0.simple();
    let expected = json!({
        "type": "organization", "id": own, "attributes": { "name": "North Health" },
        "links": { "self": format!("/pub/organization/{own}") },
    });
    assert_eq!(organization["data"], expected);
}

fn group_name(group: &Value) -> &str {
    assert_eq!(group["type"], "group");
    group["attributes"]["name"].as_str().expect("a name")
}

#[tokio::test]
async fn another_tokens_id_is_forbidden_whether_it_exists_or_not() {
    let server = Server::start().await;
    let (client, other) = (server.a_client().build().await, server.a_client().build().await);
    let own = create(&server, "/oauth/token", &client).await;
    let token = the(&own["data"]["attributes"]["access_token"]);
    let others = the(&create(&server, "/oauth/token", &other).await["data"]["id"]);
    let reason = "the path names another token than the bearer's";
    for id in [others.as_str(), "65f0c3a1d2b4e6f708192a3b", "x"] {
        for what in ["groups", "organization"] {
            let path = format!("/oauth/token/{id}/{what}");
            let answer = server.get(&path).bearer(&token).send().await;
            answer.refused_json_api(&server, 403, "Forbidden", reason);
        }
    }
}

#[tokio::test]
async fn without_a_living_bearer_token_the_answer_is_unauthorized() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let document = create(&server, "/oauth/token", &client).await;
    let id = the(&document["data"]["id"]);
    let token = the(&document["data"]["attributes"]["access_token"]);
    let path = format!("/oauth/token/{id}/organization");
    let answer = server.get(&path).send().await;
    let reason = "no bearer token in the request";
    answer.refused_json_api(&server, 401, "Unauthorized", reason);
    server.present.pass(300);
    let answer = server.get(&path).bearer(&token).send().await;
    // Told by its signature's own rule or by its standing, as memory has it.
    answer.refused_json_api(&server, 401, "Unauthorized", "token expired");
}

#[tokio::test]
async fn the_setting_for_the_literal_contract_shows_the_organization_to_whoever_knows_the_id() {
    let server = Server::with(&[("jsonapi_organization_auth", "none")]).await;
    let client = server.a_client().build().await;
    let document = create(&server, "/pub/oauth/token", &client).await;
    let id = the(&document["data"]["id"]);
    let ask = async |id: &str, what: &str| -> Answer {
        server.get(&format!("/pub/oauth/token/{id}/{what}")).send().await
    };
    let shown = ask(&id, "organization").await.expect(200);
    assert_eq!(shown["data"]["attributes"]["name"], "North Health");
    let guess = ask("65f0c3a1d2b4e6f708192a3b", "organization").await;
    guess.refused_json_api(&server, 403, "Forbidden", "no living token has this id");
    let groups = ask(&id, "groups").await;
    let reason = "no bearer token in the request";
    groups.refused_json_api(&server, 401, "Unauthorized", reason);
    let wrong = server.get(&format!("/pub/oauth/token/{id}/organization")).bearer("x").send().await;
    wrong.refused_json_api(&server, 401, "Unauthorized", "JWS does not have three parts");
}
