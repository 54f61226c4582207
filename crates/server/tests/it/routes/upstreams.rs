//! `/v1/upstreams`, `/v1/users/{user}/factors`, sign-in policies and domains.

use axum::http::Method;
use serde_json::{Value, json};

use crate::house::House;

async fn added(house: &House, body: Value) -> String {
    house.post("/v1/upstreams", body).await.expect(201).text("id")
}

#[tokio::test]
async fn a_provider_is_added_changed_and_removed_and_its_secret_never_shown() {
    let house = House::new().await;
    let body =
        json!({"preset": "google", "client_id": "us", "client_secret": "marker-of-a-secret"});
    let made = house.post("/v1/upstreams", body).await.expect(201);
    assert_eq!(made.text("issuer"), "https://accounts.google.com");
    assert_eq!((made.text("name"), made.text("admits")), ("Google".into(), "nobody".into()));
    let id = made.text("id");
    assert!(made.text("redirect_uri").ends_with(&format!("/login/with/{id}/callback")));
    let path = format!("/v1/upstreams/{id}");
    let edit =
        json!({"disabled": true, "admits": "newcomers", "client_secret": "marker-of-a-secret"});
    let changed = house.patch(&path, edit).await.expect(200);
    assert!(changed.body["disabled_at"].is_i64());
    assert_eq!(changed.text("admits"), "newcomers");
    let list = house.get("/v1/upstreams").await.expect(200);
    let audit = house.get("/v1/audit").await.expect(200);
    for shown in [&made, &changed, &list, &audit] {
        assert!(!shown.body.to_string().contains("marker-of-a-secret"));
    }
    house.delete(&path).await.expect(204);
    house.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_provider_that_cannot_be_compared_is_refused() {
    let house = House::new().await;
    for (body, pointer) in [
        (json!({"preset": "nope", "client_id": "us"}), "/preset"),
        (json!({"preset": "generic", "client_id": "us", "name": "N"}), "/issuer"),
        (json!({"preset": "generic", "client_id": "us", "issuer": "https://i.test"}), "/name"),
        (json!({"preset": "microsoft", "client_id": "us"}), "/issuer"),
        (
            json!({"preset": "microsoft", "client_id": "us",
                   "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}),
            "/issuer",
        ),
        (json!({"preset": "google", "client_id": "us", "issuer": "https://i.test"}), "/issuer"),
        (json!({"preset": "google", "client_id": "a b"}), "/client_id"),
        (json!({"preset": "google", "client_id": "us", "scope": "a\"b"}), "/scope"),
        (json!({"preset": "google", "client_id": "us", "admits": "all"}), "/admits"),
        (json!({"preset": "google", "client_id": "us", "organization": "nope"}), "/organization"),
    ] {
        let refused = house.post("/v1/upstreams", body).await;
        assert_eq!(refused.fault().0, pointer, "{}", refused.body);
    }
}

#[tokio::test]
async fn a_policy_names_a_provider_of_the_organization_or_of_the_instance() {
    let house = House::new().await;
    house.organization("a").await;
    house.organization("b").await;
    let own = |organization: &str| json!({"preset": "google", "client_id": "us", "organization": organization});
    let (of_a, of_b) = (added(&house, own("a")).await, added(&house, own("b")).await);
    let path = "/v1/organizations/a/sign-in-policy";
    let put = async |body: Value| house.send(Method::PUT, path, Some(body)).await;
    let policy = put(json!({"demand": "upstream", "upstream": of_a})).await.expect(200);
    assert_eq!(policy.text("upstream"), of_a);
    let foreign = put(json!({"demand": "upstream", "upstream": of_b})).await;
    assert_eq!(foreign.fault(), ("/upstream", "is not there"));
    for body in [json!({"demand": "upstream"}), json!({"demand": "passkey", "upstream": of_a})] {
        assert_eq!(put(body).await.fault().0, "/upstream");
    }
    assert_eq!(put(json!({"demand": "fingerprint"})).await.fault().0, "/demand");
    put(json!({"demand": "second_factor"})).await.expect(200);
    let shown = house.get(path).await.expect(200);
    assert_eq!((shown.text("demand"), shown.body.get("upstream")), ("second_factor".into(), None));
}

#[tokio::test]
async fn a_domain_is_one_organizations() {
    let house = House::new().await;
    house.organization("a").await;
    house.organization("b").await;
    let put = async |path: &str| house.send(Method::PUT, path, None).await;
    put("/v1/organizations/a/domains/Example.com").await.expect(204);
    put("/v1/organizations/a/domains/example.com").await.expect(204);
    put("/v1/organizations/b/domains/example.com").await.expect(409);
    put("/v1/organizations/a/domains/com").await.expect(400);
    let list = house.get("/v1/organizations/a/domains").await.expect(200);
    assert_eq!(list.body["items"][0]["domain"], "example.com");
    house.delete("/v1/organizations/b/domains/example.com").await.expect(404);
    house.delete("/v1/organizations/a/domains/example.com").await.expect(204);
    put("/v1/organizations/b/domains/example.com").await.expect(204);
}

#[tokio::test]
async fn a_factor_that_is_not_there_is_not_removed() {
    let house = House::new().await;
    let user = house.user("ada@a.test").await;
    let path = format!("/v1/users/{user}/factors");
    assert_eq!(house.get(&path).await.expect(200).body, json!({"items": []}));
    for factor in ["totp", "recovery-codes", "nonsense", "019a2b3c-4d5e-7f60-8123-456789abcdef"] {
        house.delete(&format!("{path}/{factor}")).await.expect(404);
    }
    house.get("/v1/users/019a2b3c-4d5e-7f60-8123-456789abcdef/factors").await.expect(404);
}
