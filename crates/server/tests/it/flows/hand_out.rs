//! A key handed to an app, from the question to the refusal after the person took it back.

use keyhaven_protocol::id::{OrganizationId, ProjectId};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Outcome;
use keyhaven_store::projects::Project;
use serde_json::{Value, json};

use crate::harness::{APerson, Answer, ISSUER, Server, the};

const ASKED: &str = "callback_url=https%3A%2F%2Fnotes.example%2Fcb%3Fx%3D1&code_challenge=5BSxWuHm9vpsFuRpPXmF3J_IeTgFNKgj8RnNhhnWDqQ&code_challenge_method=S256&limit=25&key_label=Notes&state=a%26b";
const VERIFIER: &str = "h3Jt9PzWq0sLxRk2Yc7VbNf5Ae8UdGm1Ti4OoQp6Zw-";

/// A person at their browser.
struct Visit<'a> {
    server: &'a Server,
    sid: Secret,
}

impl<'a> Visit<'a> {
    async fn of(server: &'a Server, person: &APerson) -> Self {
        Self { server, sid: server.a_session(person).await.token }
    }

    async fn see(&self, path: &str) -> Answer {
        let cookie = format!("__Host-sid={}", self.sid.reveal());
        self.server.get(path).header("cookie", cookie).send().await
    }

    async fn take_back(&self, key: &str, from: &[(&str, &str)]) -> Answer {
        let token = keyhaven::http::same_origin::form_token(&self.sid);
        let cookie = format!("__Host-sid={}", self.sid.reveal());
        let mut post = self.server.post("/account/keys/delete").header("cookie", cookie);
        for (name, value) in from {
            post = post.header(name, value);
        }
        post.form(&[("form_token", &token), ("key", key)]).await
    }

    /// Sends the form, from our own page unless the test says otherwise.
    async fn decide(&self, handle: &str, fields: &[(&str, &str)], from: &[(&str, &str)]) -> Answer {
        let token = keyhaven::http::same_origin::form_token(&self.sid);
        let mut form = vec![("form_token", token.as_str()), ("request", handle)];
        form.extend(fields);
        let cookie = format!("__Host-sid={}", self.sid.reveal());
        let mut post = self.server.post("/auth/consent").header("cookie", cookie);
        for (name, value) in from {
            post = post.header(name, value);
        }
        post.form(&form).await
    }
}

const OURS: &[(&str, &str)] = &[("origin", ISSUER), ("sec-fetch-site", "same-origin")];

/// Keeps a request; its handle.
async fn asked(server: &Server, query: &str) -> String {
    let answer = server.get(&format!("/auth?{query}")).send().await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let handle = answer.header("location").strip_prefix("/auth/consent?request=");
    handle.expect("the page of the request").to_owned()
}

fn code_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.header("location");
    let code = location.strip_prefix("https://notes.example/cb?x=1&code=").expect("the callback");
    code.strip_suffix("&state=a%26b").expect("the app's state").to_owned()
}

async fn exchange(server: &Server, code: &str) -> Value {
    let body = json!({"code": code, "code_verifier": VERIFIER});
    server.post("/auth/keys").json(body).await.expect(200)
}

#[tokio::test]
async fn the_person_lowers_the_limit_and_it_holds_until_they_take_the_key_back() {
    let server = Server::start().await;
    let (ada, meter) = (server.a_person("ada@a.test").await, server.a_meter().await);
    let (visit, handle) = (Visit::of(&server, &ada).await, asked(&server, ASKED).await);
    let page = visit.see(&format!("/auth/consent?request={handle}")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    for shown in ["notes.example", "25.00", "Notes", "ada@a.test", "North Health"] {
        assert!(page.text().contains(shown), "{shown}");
    }
    assert!(
        page.header("content-security-policy").contains("form-action 'self' https://notes.example")
    );

    let fields = [
        ("decision", "allow"),
        ("key_label", "Mine"),
        ("limit", "2.50"),
        ("usage_limit_type", "daily"),
        ("expires_at", ""),
    ];
    let code = code_of(&visit.decide(&handle, &fields, OURS).await);
    let handed = exchange(&server, &code).await;
    assert_eq!(handed["user_id"], ada.id.to_string());
    let key = crate::harness::AKey { id: String::new(), text: the(&handed["key"]) };
    let said = server.get("/key").bearer(&key.text).send().await.expect(200);
    assert_eq!((&said["data"]["limit"], &said["data"]["label"]), (&json!(2.5), &json!("Mine")));
    server.charge(&meter, &key, "2.50", "USD").await.expect(200);
    assert_eq!(server.charge(&meter, &key, "0.01", "USD").await.status, 402);

    let id = the(&server.check(&key.text, json!({})).await.expect(200)["id"]);
    let page = visit.see("/account/keys").await;
    for shown in ["Mine", "2.50 of 2.50 USD today", "notes.example", id.as_str()] {
        assert!(page.text().contains(shown), "{shown}: {}", page.text());
    }
    let eve = Visit::of(&server, &server.a_person("eve@a.test").await).await;
    assert!(!eve.see("/account/keys").await.text().contains("Mine"));
    assert_eq!(eve.take_back(&id, OURS).await.status, 410, "somebody else's key");
    assert_eq!(visit.take_back(&id, &[("origin", "https://evil.test")]).await.status, 403);
    let taken = visit.take_back(&id, OURS).await;
    assert_eq!((taken.status, taken.header("location")), (303, "/account/keys"));
    assert!(!visit.see("/account/keys").await.text().contains("Mine"));
    server.refusals();
    assert_eq!(server.check(&key.text, json!({})).await.status, 401);
    assert_eq!(server.refusal().reason, "the key or a grant above it was revoked");
}

#[tokio::test]
async fn a_workspace_of_the_persons_tenant_is_the_keys_project_and_any_other_is_no_wish() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let mut of_tenant = [
        (a_project(&server, server.organization, "Zephyr").await, "Zephyr"),
        (a_project(&server, server.organization, "Atlas").await, "Atlas"),
    ];
    // Made in one millisecond: which one is the first is chance.
    of_tenant.sort();
    let [first, own] = of_tenant;
    let elsewhere = server.an_organization("Elsewhere", "elsewhere").await;
    let foreign = a_project(&server, elsewhere, "Bathos").await;
    for (workspace, (expected, name)) in [(own.0, own), (foreign, first)] {
        let query = format!("{ASKED}&workspace_id={workspace}");
        let (visit, handle) = (Visit::of(&server, &ada).await, asked(&server, &query).await);
        let page = visit.see(&format!("/auth/consent?request={handle}")).await;
        let shown: Vec<&str> = ["Atlas", "Bathos", "Zephyr"]
            .into_iter()
            .filter(|name| page.text().contains(name))
            .collect();
        assert_eq!(shown, [name], "{}", page.text());
        let code = code_of(&visit.decide(&handle, &[("decision", "allow")], OURS).await);
        let key = the(&exchange(&server, &code).await["key"]);
        let said = server.get("/key").bearer(&key).send().await.expect(200);
        assert_eq!(said["data"]["workspace_id"], expected.to_string());
    }
}

#[tokio::test]
async fn a_key_for_a_project_hands_out_keys_for_that_project_only() {
    let server = Server::start().await;
    let one = a_project(&server, server.organization, "One").await;
    let other = a_project(&server, server.organization, "Other").await;
    let bound = server.a_key(json!({"project": one.to_string()})).await;
    let free = server.a_key(json!({})).await;
    for (giver, expected) in [(bound, one), (free, other)] {
        let body =
            json!({"callback_url": "https://notes.example/cb", "workspace_id": other.to_string()});
        let issued = server.post("/auth/keys/code").bearer(&giver.text).json(body).await;
        let code = issued.expect(200)["data"]["id"].clone();
        let handed = server.post("/auth/keys").json(json!({"code": code})).await.expect(200);
        let said = server.get("/key").bearer(&the(&handed["key"])).send().await.expect(200);
        assert_eq!(said["data"]["workspace_id"], expected.to_string());
    }
}

async fn a_project(server: &Server, organization: OrganizationId, name: &str) -> ProjectId {
    let (id, slug) = (ProjectId(server.app().id()), name.to_lowercase());
    let created_at = server.app().clock.now();
    let project = Project { id, organization, name: name.to_owned(), slug, created_at };
    let made = server.app().store.create_project(&project, server.act()).await;
    assert_eq!(made.expect("storage works"), Outcome::Done);
    id
}

#[tokio::test]
async fn a_request_is_decided_once() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let (visit, handle) = (Visit::of(&server, &ada).await, asked(&server, ASKED).await);
    let denied = visit.decide(&handle, &[("decision", "deny")], OURS).await;
    let location = denied.header("location");
    assert_eq!(location, "https://notes.example/cb?x=1&error=access_denied&state=a%26b");
    let fields = [("decision", "allow")];
    let late = visit.decide(&handle, &fields, OURS).await;
    assert_eq!(late.status, 410, "{}", late.text());
    assert!(late.headers.get("location").is_none());
    assert_eq!(visit.see(&format!("/auth/consent?request={handle}")).await.status, 410);
}

#[tokio::test]
async fn what_the_person_sends_is_read_as_strictly_as_what_the_app_sends() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let (visit, handle) = (Visit::of(&server, &ada).await, asked(&server, ASKED).await);
    for (field, value, told) in [
        ("limit", "-1", "an amount is a plain decimal number, zero or more"),
        ("limit", "NaN", "an amount is a plain decimal number, zero or more"),
        ("limit", "1.001", "an amount has no more decimals than its currency"),
        ("usage_limit_type", "yearly", "usage_limit_type is daily, weekly or monthly"),
        ("expires_at", "soon", "A day looks like 2027-12-31."),
        ("expires_at", "2020-01-01", "This day lies in the past."),
    ] {
        let again = visit.decide(&handle, &[("decision", "allow"), (field, value)], OURS).await;
        assert_eq!(again.status, 422, "{field}={value}");
        assert!(again.text().contains(told), "{field}={value}: {}", again.text());
    }
    let fields = [("decision", "allow"), ("limit", "1"), ("expires_at", "2027-12-31")];
    let key =
        the(&exchange(&server, &code_of(&visit.decide(&handle, &fields, OURS).await)).await["key"]);
    let said = server.get("/key").bearer(&key).send().await.expect(200);
    assert_eq!(said["data"]["expires_at"], "2028-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn a12_another_site_cannot_decide_for_the_person() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let (visit, handle) = (Visit::of(&server, &ada).await, asked(&server, ASKED).await);
    let fields = [("decision", "allow")];
    for from in [
        &[("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
        &[],
    ] {
        let answer = visit.decide(&handle, &fields, from).await;
        assert_eq!(answer.status, 403, "{from:?}");
        assert!(answer.headers.get("location").is_none());
    }
    code_of(&visit.decide(&handle, &fields, OURS).await);
}

#[tokio::test]
async fn a01_a_request_that_is_not_sound_stays_on_our_page() {
    let server = Server::start().await;
    for query in [
        "",
        "callback_url=http%3A%2F%2Fnotes.example%2Fcb",
        "callback_url=javascript%3Aalert(1)",
        "callback_url=https%3A%2F%2Fa.test%40e.test%2Fcb",
        "callback_url=https%3A%2F%2Fa.test%2Fcb%23x",
        "callback_url=https%3A%2F%2Fa.test%2F..%2Fx",
        "callback_url=https%3A%2F%2Fa.test%2Fcb&callback_url=https%3A%2F%2Fe.test%2Fcb",
        "callback_url=https%3A%2F%2Fa.test%2Fcb%0D%0Ax%3A%20y",
        "callback_url=https%3A%2F%2Fa.test%2Fcb&code_challenge_method=S256",
        "callback_url=https%3A%2F%2Fa.test%2Fcb&limit=-1",
        "callback_url=https%3A%2F%2Fa.test%2Fcb&limit=NaN",
        "callback_url=https%3A%2F%2Fa.test%2Fcb&limit=1e9",
        "callback_url=https%3A%2F%2Fa.test%2Fcb&limit=1.0001",
        "callback_url=https%3A%2F%2Fa.test%2Fcb&limit=99999999999999999999",
        "callback_url=https%3A%2F%2Fa.test%2Fcb&workspace_id=home",
        "callback_url=https%3A%2F%2F*.a.test%2Fcb",
        "callback_url=https%3A%2F%2Fa.test%2F.*",
        "callback_url=%2F%2Fa.test%2Fcb",
        "callback_url=https%3Aa.test%2Fcb",
        "callback_url=https%3A%2F%2Fa.test%5C%40e.test%2Fcb",
        "callback_url=https%3A%2F%2Fa.test%2Fcb%2500%2F%252e%252e%2Fx%2F%2e%2e%2Fy",
        "callback_url=http%3A%2F%2F127.0.0.1.e.test%3A3000%2Fcb",
        "callback_url=http%3A%2F%2Flocalhost%40e.test%2Fcb",
        "callback_url=http%3A%2F%2F10.0.0.1%2Fcb",
        "callback_url=data%3Atext%2Fhtml%2Cx",
        "callback_url=file%3A%2F%2F%2Fetc%2Fpasswd",
        "callback_url=com.example.app%3A%2Fcb",
    ] {
        let answer = server.get(&format!("/auth?{query}")).send().await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.headers.get("location").is_none(), "{query}");
    }
}

#[tokio::test]
async fn a20_a21_what_an_app_says_is_inert_text_and_one_header() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let query = "callback_url=https%3A%2F%2Fnotes.example%2Fcb%3Fx%3D1&key_label=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
    let split = format!("{query}&state=%0D%0AX-Injected%3A%20yes");
    let refused = server.get(&format!("/auth?{split}")).send().await;
    assert_eq!(refused.status, 400);
    assert!(refused.headers.get("x-injected").is_none());
    let (visit, handle) = (Visit::of(&server, &ada).await, asked(&server, query).await);
    let page = visit.see(&format!("/auth/consent?request={handle}")).await;
    assert!(!page.text().contains("<img src=x"), "{}", page.text());
    assert!(page.text().contains("&#60;img src=x"), "it is shown, as text");
}

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_first_and_comes_back() {
    let server = Server::start().await;
    let handle = asked(&server, ASKED).await;
    let answer = server.get(&format!("/auth/consent?request={handle}")).send().await;
    let expected = format!("/login?continue=%2Fauth%2Fconsent%3Frequest%3D{handle}");
    assert_eq!((answer.status, answer.header("location")), (303, expected.as_str()));
}
