//! `/rpc/auth.*` as its contract has it, byte for byte: the requests that the older and the newest
//! published clients send, and every answer.

use keyhaven::operations::accounts::mint_code;
use keyhaven_protocol::sign_in::Method;
use keyhaven_protocol::sign_in::Methods;
use keyhaven_store::memberships::Role;
use keyhaven_store::one_time_codes::Purpose;
use keyhaven_store::organizations::{OrganizationEdit, Power};
use serde_json::json;

use crate::harness::{APerson, Answer, Ask, Server, the};

const DASHBOARD: &str = "https://app.example";

async fn start() -> Server {
    Server::with(&[("dashboard_origin", DASHBOARD)]).await
}

/// The headers that the older client sends with every request.
fn seed(ask: Ask<'_>) -> Ask<'_> {
    ask.header("host", "127.0.0.1:8080")
        .header("connection", "keep-alive")
        .header("accept", "*/*")
        .header("cookie", "")
        .header("user-agent", "speakeasy-sdk/typescript 0.6.0 2.570.4 0.0.1 @gram/client")
        .header("accept-language", "*")
        .header("sec-fetch-mode", "cors")
        .header("accept-encoding", "gzip, deflate")
}

async fn ticket(server: &Server, person: &APerson) -> String {
    let (mut ticket, text) = mint_code(server.app(), Purpose::Ticket);
    ticket.user = Some(person.id);
    let kept = server.app().store.keep_one_time_code(&ticket, "ticket.created", server.act());
    kept.await.expect("storage works");
    text.reveal().to_owned()
}

async fn a_token(server: &Server, person: &APerson) -> String {
    server.a_session(person).await.token.reveal().to_owned()
}

/// The cookies an answer sets, in order.
fn cookies(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    all.map(|value| value.to_str().expect("ASCII").to_owned()).collect()
}

#[track_caller]
fn refused(server: &Server, answer: &Answer, status: u16, name: &str, message: &str, reason: &str) {
    let body = answer.expect(status);
    assert_eq!((&body["name"], &body["message"]), (&json!(name), &json!(message)), "{body}");
    assert_eq!(the(&body["id"]).len(), 8);
    let fault = status >= 500;
    assert_eq!(body["fault"], fault);
    assert_eq!((&body["temporary"], &body["timeout"]), (&json!(fault), &json!(false)));
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.text().ends_with("}\n"));
    if !reason.is_empty() {
        assert_eq!(server.refusal().reason, reason);
    }
}

#[tokio::test]
async fn a_shared_token_signs_in_once() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let ticket = ticket(&server, &ada).await;
    let callback = || {
        seed(server.get(&format!("/rpc/auth.callback?shared_token={ticket}")))
            .header("gram-project", "default")
            .header("gram-session", "Zk3vQ0c8m1xT5yLr9dWnB2hJ7sPaEuGf4iRoKq6wVtM")
    };
    let answer = callback().send().await;
    assert_eq!(answer.status, 307, "{}", answer.text());
    assert_eq!(answer.header("location"), "https://app.example/north");
    assert_eq!(answer.header("content-length"), "0");
    let token = answer.header("gram-session");
    let expected = format!("gram_session={token}; Path=/; Max-Age=2592000; HttpOnly; Secure");
    assert_eq!(answer.header("set-cookie"), expected);
    assert!(answer.body.is_empty());
    let info = seed(server.get("/rpc/auth.info")).header("gram-session", token).send().await;
    assert_eq!(the(&info.expect(200)["user_email"]), "ada@example.test");
    let again = callback().send().await;
    assert_eq!(again.status, 307);
    assert!(again.header("location").starts_with("https://app.example/?signin_error=The+sign-in"));
    assert_eq!(again.header("gram-session"), "");
    let expired = "gram_session=; Path=/; Max-Age=0; HttpOnly; Secure";
    assert_eq!(again.header("set-cookie"), expired);
    let spent = "the one-time code is unknown, over, spent or for something else";
    assert_eq!(server.refusal().reason, spent);
}

#[tokio::test]
async fn a_ticket_is_over_after_a_minute() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let ticket = ticket(&server, &ada).await;
    server.present.pass(60);
    let answer = server.get(&format!("/rpc/auth.callback?shared_token={ticket}")).send().await;
    assert_eq!(answer.header("gram-session"), "");
}

/// An ID token that nobody here asked for has no nonce of ours: it proves who somebody is, not that
/// this browser is theirs (DESIGN.md, People).
#[tokio::test]
async fn an_id_token_alone_signs_nobody_in() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let tokens = server.a_window_of(&ada).await.tokens(&server, &app, &[]).await;
    let answer =
        server.get(&format!("/rpc/auth.callback?id_token={}", tokens.id_token)).send().await;
    let message = "\"code\" is missing from query string";
    refused(&server, &answer, 400, "missing_field", message, "code is missing");
    assert!(cookies(&answer).is_empty());
}

#[tokio::test]
async fn a_callback_without_anything_names_what_is_missing() {
    let server = start().await;
    for query in ["", "?shared_token=", "?code=&state=x"] {
        let answer = server.get(&format!("/rpc/auth.callback{query}")).send().await;
        let message = "\"code\" is missing from query string";
        refused(&server, &answer, 400, "missing_field", message, "code is missing");
    }
}

#[tokio::test]
async fn the_newest_callback_needs_the_state_of_its_own_browser() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let page = server.a_session(&ada).await;
    let sid = format!("__Host-sid={}", page.token.reveal());
    let login = server.get("/rpc/auth.login?redirect=https://app.example/north/x%3Fa%3D1");
    let login = login.header("cookie", &sid).send().await;
    assert_eq!(login.status, 307);
    let callback = login.header("location").to_owned();
    let nonce = cookies(&login)[0].split(';').next().expect("a pair").to_owned();
    assert!(nonce.starts_with("gram_auth_nonce="));
    let elsewhere = server.get(&callback).header("cookie", "gram_auth_nonce=other").send().await;
    assert_eq!(elsewhere.header("gram-session"), "");
    assert_eq!(server.refusal().reason, "state belongs to another browser");
    let answer = server.get(&callback).header("cookie", &nonce).send().await;
    assert_eq!(answer.header("location"), "https://app.example/north/x?a=1");
    let set = cookies(&answer);
    assert!(set[0].starts_with("gram_auth_nonce=; "), "{set:?}");
    assert!(set[1].starts_with("gram_session=kh_session_"), "the client keeps the last one");
    let token = answer.header("gram-session").to_owned();
    let again = server.get(&callback).header("cookie", &nonce).send().await;
    assert_eq!(again.header("gram-session"), "", "the code worked twice");
    server.refusals();
    // What was handed out dies with the session it came from.
    let out = server.post("/rpc/auth.logout").header("gram-session", &token).send().await;
    assert_eq!(out.status, 200);
    let page = server.post("/v1/check").json(json!({"credential": page.token.reveal()})).await;
    assert_eq!(page.status, 401);
}

#[tokio::test]
async fn whoever_is_not_signed_in_goes_to_the_sign_in_page_and_comes_back() {
    let server = start().await;
    let answer = server.get("/rpc/auth.login?redirect=/north").send().await;
    let back = "/login?continue=%2Frpc%2Fauth.login%3Fredirect%3D%252Fnorth";
    assert_eq!(answer.header("location"), back);
    // A65: what would leave the dashboard is dropped, not followed.
    for evil in ["//e.test", "/%5Ce.test", "https://e.test", "https:e.test", "/%09/e.test"] {
        let answer = server.get(&format!("/rpc/auth.login?redirect={evil}")).send().await;
        assert_eq!(answer.header("location"), "/login?continue=%2Frpc%2Fauth.login", "{evil}");
    }
}

#[tokio::test]
async fn info_answers_the_union_of_both_shapes() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let token = a_token(&server, &ada).await;
    let answer = seed(server.get("/rpc/auth.info")).header("gram-session", &token).send().await;
    let body = answer.expect(200);
    let (user, organization) = (ada.id.to_string(), server.organization.to_string());
    let project = the(&body["organizations"][0]["projects"][0]["id"]);
    let expected = format!(
        "{{\"user_id\":\"{user}\",\"user_email\":\"ada@example.test\",\
         \"user_display_name\":\"Ada Lovelace\",\"is_admin\":false,\
         \"active_organization_id\":\"{organization}\",\"gram_account_type\":\"free\",\
         \"organization_override\":false,\"has_active_subscription\":false,\"whitelisted\":true,\
         \"trial\":null,\"organizations\":[{{\"id\":\"{organization}\",\"name\":\"North Health\",\
         \"slug\":\"north\",\"organization_id\":\"{organization}\",\
         \"organization_name\":\"North Health\",\"organization_slug\":\"north\",\
         \"account_type\":\"free\",\"projects\":[{{\"id\":\"{project}\",\"name\":\"Default\",\
         \"slug\":\"default\",\"project_id\":\"{project}\",\"project_name\":\"Default\",\
         \"project_slug\":\"default\"}}]}}]}}\n"
    );
    assert_eq!(answer.text(), expected);
    assert_eq!(answer.header("gram-session"), token);
    let cookie = format!("gram_session={token}; Path=/; Max-Age=2592000; HttpOnly; Secure");
    assert_eq!(answer.header("set-cookie"), cookie);
    // The first project was made once; from now on a warm answer reads nothing.
    server.get("/rpc/auth.info").header("gram-session", &token).send().await.expect(200);
    server.database.reads();
    let warm = server.get("/rpc/auth.info").header("gram-session", &token).send().await;
    assert_eq!(warm.text(), expected);
    assert_eq!(server.database.reads(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_session_comes_in_the_header_or_the_cookie() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let token = a_token(&server, &ada).await;
    let info = || server.get("/rpc/auth.info");
    let bearer = format!("Bearer {token}");
    info().header("gram-session", &bearer).send().await.expect(200);
    let cookie = format!("a=b; gram_session={token}");
    info().header("cookie", &cookie).send().await.expect(200);
    info().header("gram-session", "").header("cookie", &cookie).send().await.expect(200);
    server.refusals();
    for (name, value, reason) in [
        (
            "cookie",
            format!("gram_session={token}; gram_session={token}"),
            "no session in the request",
        ),
        ("cookie", format!("__Host-sid={token}"), "no session in the request"),
        ("gram-session", "kh_session_guess".to_owned(), "not a session of ours"),
        ("authorization", bearer, "no session in the request"),
    ] {
        let answer = info().header(name, &value).send().await;
        refused(&server, &answer, 401, "unauthorized", "unauthorized access", reason);
        assert_eq!(answer.header("goa-error"), "unauthorized");
    }
}

#[tokio::test]
async fn a_switch_keeps_the_token() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let south = server.an_organization("South", "south").await;
    server.join(&ada, south, Role::Member).await;
    let foreign = server.an_organization("East", "east").await;
    let token = a_token(&server, &ada).await;
    let switch = |query: String| {
        seed(server.post(&format!("/rpc/auth.switchScopes{query}")))
            .header("gram-session", &token)
            .header("content-length", "0")
    };
    let answer = switch(format!("?organization_id={south}")).send().await;
    assert_eq!((answer.status, answer.header("content-length")), (200, "0"));
    assert_eq!(answer.header("gram-session"), token);
    let info = async || {
        let answer = server.get("/rpc/auth.info").header("gram-session", &token).send().await;
        answer.expect(200)
    };
    let body = info().await;
    assert_eq!(the(&body["active_organization_id"]), south.to_string());
    assert_eq!(switch(String::new()).send().await.status, 200, "without one, it stays");
    assert_eq!(switch("?organization_id=".into()).send().await.status, 200);
    server.refusals();
    for id in [foreign.to_string(), "south".to_owned()] {
        let answer = switch(format!("?organization_id={id}")).send().await;
        let message = "organization not found in user info";
        refused(
            &server,
            &answer,
            422,
            "invalid",
            message,
            "the organization is not one of the user's",
        );
    }
    let all = body["organizations"].as_array().expect("a list");
    let first = all.iter().find(|one| one["slug"] == "north").expect("a member of it");
    let project = the(&first["projects"][0]["id"]);
    let answer = switch(format!("?project_id={project}")).send().await;
    let message = "project not found in organization";
    refused(&server, &answer, 422, "invalid", message, "the organization has no such project");
    let north = server.organization;
    let answer = switch(format!("?organization_id={north}&project_id={project}")).send().await;
    assert_eq!(answer.status, 200);
    let checked = server.post("/v1/check").json(json!({ "credential": token })).await.expect(200);
    assert_eq!(the(&checked["project"]), project);
}

#[tokio::test]
async fn an_organization_that_was_left_is_forbidden_and_a_disabled_one_unauthorized() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let token = a_token(&server, &ada).await;
    let info = || server.get("/rpc/auth.info").header("gram-session", &token);
    let store = &server.app().store;
    let set = async |standing| {
        let edit = OrganizationEdit { standing: Some(standing), ..OrganizationEdit::default() };
        store.update_organization(server.organization, edit, "{}", server.act()).await
    };
    set(Power::Disabled).await.expect("storage works");
    let (answer, message) = (info().send().await, "the organization is disabled");
    let reason = "the session's organization is disabled";
    refused(&server, &answer, 401, "unauthorized", message, reason);
    set(Power::Enabled).await.expect("storage works");
    store.remove_member(server.organization, ada.id, server.act()).await.expect("storage works");
    let reason = "the organization is not one of the user's";
    refused(&server, &info().send().await, 403, "forbidden", "permission denied", reason);
}

#[tokio::test]
async fn a_demanding_organization_is_not_entered_by_password() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    server.demand(server.organization, keyhaven_protocol::sign_in::Demand::SecondFactor).await;
    let token = a_token(&server, &ada).await;
    let organization = server.organization;
    let switch = |token: &str| {
        let path = format!("/rpc/auth.switchScopes?organization_id={organization}");
        server.post(&path).header("gram-session", token)
    };
    let answer = switch(&token).send().await;
    let reason = "the organization demands a stronger sign-in";
    refused(&server, &answer, 403, "forbidden", "permission denied", reason);
    let strong = Methods::of(Method::Password).and(Method::Totp);
    let strong = server.a_session_by(&ada, strong).await;
    assert_eq!(switch(strong.token.reveal()).send().await.status, 200);
}

#[tokio::test]
async fn signing_out_works_by_both_methods_and_once() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    for method in ["GET", "POST"] {
        let token = a_token(&server, &ada).await;
        let ask = || seed(server.ask(method, "/rpc/auth.logout")).header("gram-session", &token);
        let answer = ask().send().await;
        assert_eq!((answer.status, answer.header("content-length")), (200, "0"));
        let expired = "gram_session=; Path=/; Max-Age=0; HttpOnly; Secure";
        assert_eq!(answer.header("set-cookie"), expired);
        assert!(!answer.headers.contains_key("gram-session"));
        let clears = answer.headers.get("clear-site-data").map(axum::http::HeaderValue::as_bytes);
        assert_eq!(clears, (method == "POST").then_some(b"\"cookies\", \"storage\"".as_slice()));
        let reason = "the session was ended";
        refused(&server, &ask().send().await, 401, "unauthorized", "unauthorized access", reason);
    }
}

#[tokio::test]
async fn a_newcomer_registers_an_organization_once() {
    let server = start().await;
    let ada = server.a_stranger("ada@example.test").await;
    let token = a_token(&server, &ada).await;
    let register = async |name: &str| {
        let ask = server.post("/rpc/auth.register").header("gram-session", &token);
        ask.json(json!({ "org_name": name })).await
    };
    let refused_name = register(" ").await;
    assert_eq!(refused_name.status, 400, "{}", refused_name.text());
    server.refusals();
    assert_eq!(register("Ada & <Sons>").await.status, 200);
    let info = server.get("/rpc/auth.info").header("gram-session", &token).send().await;
    let body = info.expect(200);
    assert_eq!(body["organizations"][0]["slug"], "ada-sons");
    assert_eq!(body["active_organization_id"], body["organizations"][0]["id"]);
    assert!(info.text().contains("Ada \\u0026 \\u003cSons\\u003e"), "{}", info.text());
    let reason = "the user belongs to an organization already";
    let message = "the user has an organization already";
    refused(&server, &register("Again").await, 409, "conflict", message, reason);
}

#[tokio::test]
async fn the_dashboards_pages_may_read_and_other_pages_may_not() {
    let server = start().await;
    let answer = server.ask("OPTIONS", "/rpc/auth.info").header("origin", "https://e.test").send();
    let answer = answer.await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), DASHBOARD, "never the asker's own");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!(answer.header("access-control-expose-headers"), "Gram-Session");
    assert_eq!(answer.header("access-control-allow-methods"), "POST, GET, OPTIONS, PUT, DELETE");
    let elsewhere = server.get("/.well-known/jwks.json").send().await;
    assert!(!elsewhere.headers.contains_key("access-control-allow-credentials"));
    let alone = Server::start().await;
    let answer = alone.ask("OPTIONS", "/rpc/auth.info").send().await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

/// Browsers apply `form-action` to the redirects after a form, and the last one leads to the dashboard.
#[tokio::test]
async fn the_sign_in_form_may_end_at_the_dashboard_that_began_it_and_nowhere_else() {
    let server = start().await;
    let policy = async |path: &str| {
        let page = server.get(path).send().await;
        page.header("content-security-policy").to_owned()
    };
    let begun = policy("/login?continue=%2Frpc%2Fauth.login%3Fredirect%3D%252Fkeys").await;
    assert!(begun.ends_with(&format!("form-action 'self' {DASHBOARD}")), "{begun}");
    let other = policy("/login?continue=%2Faccount").await;
    assert!(other.ends_with("form-action 'self'"), "{other}");
}

#[tokio::test]
async fn unknown_procedures_and_methods_are_told_apart() {
    let server = start().await;
    let answer = server.get("/rpc/auth.nothing").send().await;
    refused(&server, &answer, 404, "fault", "404 page not found", "no such procedure");
    let answer = server.ask("PUT", "/rpc/auth.info").send().await;
    assert_eq!((answer.status, answer.body.len()), (405, 0));
}

#[tokio::test]
async fn storage_that_fails_is_our_fault() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let token = a_token(&server, &ada).await;
    server.database.fail();
    let answer = server.get("/rpc/auth.info").header("gram-session", &token).send().await;
    refused(&server, &answer, 500, "unexpected", "an unexpected error occurred", "");
    assert_eq!(answer.header("retry-after"), "1");
}

/// A66: a page of another site cannot sign anybody out with the cookie, which has no SameSite.
#[tokio::test]
async fn another_site_cannot_use_the_cookie() {
    let server = start().await;
    let ada = server.a_person("ada@example.test").await;
    let token = a_token(&server, &ada).await;
    let cookie = format!("gram_session={token}");
    for method in ["GET", "POST"] {
        let ask = || server.ask(method, "/rpc/auth.logout").header("cookie", &cookie);
        let image = ask().header("sec-fetch-site", "cross-site").send().await;
        let reason = "the request was started by a page of another site";
        refused(&server, &image, 403, "forbidden", "permission denied", reason);
        for origin in ["https://e.test", "null", "https://app.example.e.test"] {
            let form = ask().header("origin", origin).send().await;
            let reason = "the request was sent by a page of another origin";
            refused(&server, &form, 403, "forbidden", "permission denied", reason);
        }
    }
    let own = server.get("/rpc/auth.info").header("cookie", &cookie).header("origin", DASHBOARD);
    own.header("sec-fetch-site", "cross-site").send().await.expect(200);
}
