//! `/v1/users`.

use axum::http::Method;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn an_address_in_another_case_is_the_same_user() {
    let house = House::new().await;
    let id = house.user("Ada@A.test").await;
    let body = json!({"name": "Other", "email": "ADA@a.TEST"});
    let taken = house.post("/v1/users", body).await.expect(409);
    assert_eq!(taken.fault(), ("/email", "is taken"));
    let found = house.get("/v1/users?email=aDa@a.test").await.expect(200);
    assert_eq!(found.body["items"][0]["id"], json!(id));
    assert_eq!(found.body["items"][0]["email"], "ada@a.test");
}

#[tokio::test]
async fn a_deleted_user_leaves_every_organization() {
    let house = House::new().await;
    house.organization("a").await;
    let user = house.user("ada@a.test").await;
    let body = json!({"user": user, "role": "owner"});
    house.post("/v1/organizations/a/members", body).await.expect(201);
    house.delete(&format!("/v1/users/{user}")).await.expect(204);
    let members = house.get("/v1/organizations/a/members").await.expect(200);
    assert_eq!(members.body["items"], json!([]));
}

#[tokio::test]
async fn a_user_is_renamed_readdressed_and_disabled() {
    let house = House::new().await;
    let path = format!("/v1/users/{}", house.user("ada@a.test").await);
    let body = json!({"name": "Ada L", "email": "L@a.test", "disabled": true});
    let changed = house.patch(&path, body).await.expect(200);
    assert_eq!((changed.text("name"), changed.text("email")), ("Ada L".into(), "l@a.test".into()));
    assert_eq!(changed.body["disabled_at"], 1_800_000_000);
}

#[tokio::test]
async fn a_profile_is_replaced_whole_and_each_claim_has_its_type() {
    let house = House::new().await;
    let path = format!("/v1/users/{}/profile", house.user("ada@a.test").await);
    assert_eq!(house.get(&path).await.expect(200).body, json!({}));
    let full = json!({
        "name": "Ada L", "family_name": "Lovelace", "given_name": "Ada", "middle_name": "B",
        "nickname": "Countess", "preferred_username": "ada", "profile": "https://a.test/ada",
        "picture": "https://a.test/ada.png", "website": "https://ada.test", "gender": "female",
        "birthdate": "1815-12-10", "zoneinfo": "Europe/London", "locale": "en-GB",
        "phone_number": "+44 20 7946 0000", "phone_number_verified": true,
        "address": {"street_address": "12 St James’s Square", "country": "GB"}
    });
    let put = |body| house.send(Method::PUT, &path, Some(body));
    assert_eq!(put(full.clone()).await.expect(200).body, full);
    assert_eq!(put(json!({"locale": "fr"})).await.expect(200).body, json!({"locale": "fr"}));
    for (body, fault) in [
        (json!({"picture": "http://a.test"}), ("/picture", "is an https URL")),
        (json!({"email": "b@a.test"}), ("/email", "is not a member of this request")),
        (json!({"address": {}}), ("/address", "has the members of an address, as texts")),
    ] {
        assert_eq!(put(body).await.expect(400).fault(), fault);
    }
    let nobody = "/v1/users/019a2b3c-4d5e-7f60-8123-456789abcdef/profile";
    house.send(Method::PUT, nobody, Some(json!({}))).await.expect(404);
}
