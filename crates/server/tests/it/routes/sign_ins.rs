//! Administration of sign-ins: sessions, invitations, tickets, history, and who may do which.

use keyhaven::api::administrator::Administrator;
use keyhaven_protocol::id::OrganizationId;
use keyhaven_store::Reach;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, the};

/// What an administrator of the instance or of one organization is answered.
async fn ask(
    server: &Server,
    of: Option<OrganizationId>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let reach = of.map_or(Reach::Instance, Reach::Organization);
    let administrator = Administrator { reach, actor: "test:administrator".into() };
    let ask = server.ask(method, path).administered_by(administrator);
    match body {
        None => ask.send().await,
        Some(body) => ask.json(body).await,
    }
}

#[tokio::test]
async fn an_administrator_sees_and_ends_the_sessions_within_reach() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let eve = server.a_stranger("eve@example.test").await;
    let (north, here) = (server.a_session(&ada).await, Some(server.organization));
    let elsewhere = server.a_session(&eve).await;
    let all = ask(&server, None, "GET", "/v1/sessions", None).await.expect(200);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(2));
    let own = ask(&server, here, "GET", "/v1/sessions", None).await.expect(200);
    assert_eq!(own["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(own["items"][0]["email"], "ada@example.test");
    assert_eq!(own["items"][0]["methods"], "password");
    let path = format!("/v1/sessions/{}", elsewhere.id);
    ask(&server, here, "DELETE", &path, None).await.expect(404);
    let path = format!("/v1/sessions/{}", north.id);
    let receipt = ask(&server, here, "DELETE", &path, None).await.expect(200);
    assert!(receipt["effective_by"].is_i64());
    ask(&server, here, "GET", &path, None).await.expect(404);
    let path = format!("/v1/users/{}/sessions", eve.id);
    ask(&server, here, "DELETE", &path, None).await.expect(404);
    ask(&server, None, "DELETE", &path, None).await.expect(200);
    let all = ask(&server, None, "GET", "/v1/sessions", None).await.expect(200);
    assert_eq!(all["items"], json!([]));
}

#[tokio::test]
async fn a_ticket_is_for_the_instances_administrators_to_give() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let (here, body) = (Some(server.organization), json!({ "user": "Ada@example.test" }));
    ask(&server, here, "POST", "/v1/tickets", Some(body.clone())).await.expect(403);
    let made = ask(&server, None, "POST", "/v1/tickets", Some(body)).await.expect(201);
    let path = format!("/rpc/auth.callback?shared_token={}", the(&made["shared_token"]));
    let answer = server.get(&path).send().await;
    let token = answer.header("gram-session").to_owned();
    let checked = server.post("/v1/check").json(json!({ "credential": token })).await.expect(200);
    assert_eq!(the(&checked["user"]), ada.id.to_string());
    let body = json!({ "user": "nobody@example.test" });
    ask(&server, None, "POST", "/v1/tickets", Some(body)).await.expect(400);
}

#[tokio::test]
async fn an_organization_invites_into_itself_only() {
    let server = Server::start().await;
    let here = Some(server.organization);
    let south = server.an_organization("South", "south").await;
    let invite =
        |organization: Value| json!({ "email": "Ada@example.test", "organization": organization });
    let post = async |body| ask(&server, here, "POST", "/v1/invitations", Some(body)).await;
    post(json!({ "email": "ada@example.test" })).await.expect(403);
    post(invite(json!(south.to_string()))).await.expect(400);
    let made = post(invite(json!("north"))).await.expect(201);
    assert_eq!(made["email"], "ada@example.test");
    assert!(the(&made["link"]).starts_with("https://keyhaven.test/invitation#kh_once_"));
}

#[tokio::test]
async fn an_invitation_is_listed_until_it_is_accepted_or_withdrawn() {
    let server = Server::start().await;
    let here = Some(server.organization);
    let south = Some(server.an_organization("South", "south").await);
    let path = "/v1/invitations";
    let body = json!({ "email": "ada@example.test", "organization": "north", "role": "admin" });
    let made = ask(&server, None, "POST", path, Some(body)).await.expect(201);
    server.present.pass(1);
    let elsewhere = json!({ "email": "bob@example.test" });
    ask(&server, None, "POST", path, Some(elsewhere)).await.expect(201);
    let emails = async |of, path: &str| {
        let listed = ask(&server, of, "GET", path, None).await.expect(200);
        let items = listed["items"].as_array().expect("a list").clone();
        assert!(items.iter().all(|item| item.get("link").is_none()), "{items:?}");
        items.iter().map(|item| the(&item["email"])).collect::<Vec<_>>()
    };
    assert_eq!(emails(None, path).await, ["ada@example.test", "bob@example.test"]);
    assert_eq!(emails(None, "/v1/invitations?organization=north").await, ["ada@example.test"]);
    assert_eq!(emails(here, path).await, ["ada@example.test"]);
    assert!(emails(south, path).await.is_empty());
    let withdrawn = format!("{path}/{}", the(&made["id"]));
    let foreign = ask(&server, south, "DELETE", &withdrawn, None).await;
    assert_eq!(foreign.status, 404, "as if it were not there");
    assert_eq!(ask(&server, here, "DELETE", &withdrawn, None).await.status, 204);
    assert_eq!(ask(&server, here, "DELETE", &withdrawn, None).await.status, 404);
    assert!(emails(here, path).await.is_empty());
    let link = the(&made["link"]);
    let once = link.split_once('#').expect("a link with a code").1;
    let mut browser = server.a_window();
    let page = browser.open("/invitation").await;
    let typed = [("once", once), ("name", "Ada"), ("with", "passkey")];
    server.refusals();
    assert_eq!(browser.fill(&page, "/invitation", &typed).await.status, 422);
    let over = "the one-time code is unknown, over, spent or for something else";
    assert_eq!(server.refusal().reason, over);
}

#[tokio::test]
async fn a_required_reset_ends_everything_and_the_history_tells() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    server.set_password(&ada, "seven quiet owls").await;
    let session = server.a_session(&ada).await;
    let path = format!("/v1/users/{}/require-reset", ada.id);
    assert_eq!(ask(&server, None, "POST", &path, None).await.status, 204);
    let dead = server.post("/v1/check").json(json!({ "credential": session.token.reveal() })).await;
    assert_eq!(dead.status, 401);
    let account = server.app().store.find_password_of(ada.id).await.expect("reads");
    assert!(account.expect("there").password.is_none());
    let path = format!("/v1/users/{}/sign-ins", ada.id);
    let history = ask(&server, None, "GET", &path, None).await.expect(200);
    let what: Vec<_> =
        history["items"].as_array().expect("a list").iter().map(|it| the(&it["what"])).collect();
    assert!(what.contains(&"session.begun".to_owned()), "{what:?}");
    assert!(what.contains(&"sessions.ended".to_owned()), "{what:?}");
    ask(&server, Some(server.organization), "GET", &path, None).await.expect(403);
}
