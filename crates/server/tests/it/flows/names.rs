//! Names that people give to themselves and to their sessions, and that nobody gives in their place.

use keyhaven::api::administrator::Administrator;
use keyhaven_protocol::id::OrganizationId;
use keyhaven_store::Reach;
use serde_json::json;

use crate::harness::{Answer, Server};

#[tokio::test]
async fn a_person_changes_their_own_name() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let mut window = server.a_window_of(&ada).await;
    let page = window.open("/account/name").await;
    assert!(page.text().contains("value=\"Ada Lovelace\""), "{}", page.text());
    let wrong = window.fill(&page, "/account/name", &[("name", "Ada\u{202e}")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("id=\"name-error\""), "{}", wrong.text());
    let given = window.fill(&page, "/account/name", &[("name", "Ada <b>Byron</b>")]).await;
    assert_eq!((given.status, given.header("location")), (303, "/account?done=name"));
    let account = window.open("/account?done=name").await.text();
    assert!(account.contains("<h1>Ada &#60;b&#62;Byron&#60;/b&#62;</h1>"), "{account}");
    assert!(account.contains("Your name is changed."));
    let forged = server.post("/account/name").header("cookie", window.cookies());
    let forged = forged.header("origin", "https://e.test").form(&[("name", "Eve")]).await;
    assert_eq!(forged.status, 403);
}

#[tokio::test]
async fn a_person_names_their_own_sessions_and_nobody_elses() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let eve = server.a_person("eve@example.test").await;
    let opened = server.a_session(&ada).await;
    let path = format!("/account/sessions/name?session={}", opened.id);
    let mut window = server.a_window();
    window.plant("__Host-sid", opened.token.reveal());
    let page = window.open(&path).await;
    let name = async |window: &mut crate::harness::AWindow<'_>, name: &str| {
        window.fill(&page, "/account/sessions/name", &[("name", name)]).await
    };
    let given = name(&mut window, "Office laptop").await;
    assert_eq!(given.header("location"), "/account?done=session-named");
    assert!(window.open("/account").await.text().contains("<b>Office laptop</b>"));
    assert_eq!(name(&mut window, " x").await.status, 422);

    let mut other = server.a_window_of(&eve).await;
    assert_eq!(other.open(&path).await.status, 400);
    let own = other.open("/account").await;
    let token = crate::harness::field_of(&own.text(), "form_token");
    let session = opened.id.to_string();
    let form = [("form_token", token.as_str()), ("session", &session), ("name", "Eve's")];
    server.refusals();
    assert_eq!(other.post("/account/sessions/name", &form).await.status, 400);
    assert_eq!(server.refusal().reason, "the person has no such session");
    assert!(window.open("/account").await.text().contains("<b>Office laptop</b>"));
    assert_eq!(name(&mut window, "").await.status, 303);
    assert!(!window.open("/account").await.text().contains("Office laptop"));
}

async fn patch(server: &Server, within: Reach, path: &str, name: &str) -> Answer {
    let administrator = Administrator { reach: within, actor: "test:administrator".into() };
    let ask = server.ask("PATCH", path).administered_by(administrator);
    ask.json(json!({ "name": name })).await
}

#[tokio::test]
async fn an_administrator_names_the_sessions_in_reach() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let path = format!("/v1/sessions/{}", server.a_session(&ada).await.id);
    let own = Reach::Organization(server.organization);
    let named = patch(&server, own, &path, "Till 3").await.expect(200);
    assert_eq!((&named["name"], &named["email"]), (&json!("Till 3"), &json!(ada.email)));
    let wrong = patch(&server, own, &path, "a\nb").await.expect(400);
    assert_eq!(wrong["errors"][0]["pointer"], "/name");
    let foreign = Reach::Organization(OrganizationId(server.app().id()));
    assert_eq!(patch(&server, foreign, &path, "Eve's").await.status, 404);
    let bare = patch(&server, own, &path, "").await.expect(200);
    assert!(bare.get("name").is_none(), "{bare}");
}
