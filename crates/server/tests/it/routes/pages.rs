//! Lists in pages (A70).

use serde_json::Value;

use crate::house::House;

async fn three(house: &House) {
    for slug in ["one", "two", "three"] {
        house.organization(slug).await;
        house.wait(1);
    }
}

fn slugs(body: &Value) -> Vec<&str> {
    body["items"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_hold_everything_once_in_order() {
    let house = House::new().await;
    three(&house).await;
    let first = house.get("/v1/organizations?limit=2").await.expect(200);
    assert_eq!(slugs(&first.body), ["one", "two"]);
    let path = format!("/v1/organizations?limit=2&cursor={}", first.text("next"));
    let second = house.get(&path).await.expect(200);
    assert_eq!(slugs(&second.body), ["three"]);
    assert!(second.body.get("next").is_none());
}

#[tokio::test]
async fn a70_strange_limits_are_refused() {
    let house = House::new().await;
    for limit in ["0", "-1", "1000000000", "101", "x", ""] {
        let answer = house.get(&format!("/v1/organizations?limit={limit}")).await.expect(400);
        assert_eq!(answer.fault(), ("limit", "is a number from 1 to 100"), "{limit}");
    }
}

#[tokio::test]
async fn a70_an_edited_cursor_or_one_of_another_list_is_refused() {
    let house = House::new().await;
    three(&house).await;
    let cursor = house.get("/v1/organizations?limit=1").await.expect(200).text("next");
    for at in [0, cursor.len() / 2, cursor.len() - 2] {
        let mut edited = cursor.clone().into_bytes();
        edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
        let edited = String::from_utf8(edited).unwrap();
        let answer = house.get(&format!("/v1/organizations?cursor={edited}")).await.expect(400);
        assert_eq!(answer.fault(), ("cursor", "is not one of this list"));
    }
    house.get(&format!("/v1/users?cursor={cursor}")).await.expect(400);
    house.get("/v1/organizations?cursor=").await.expect(400);
}

#[tokio::test]
async fn unknown_and_repeated_parameters_are_refused() {
    let house = House::new().await;
    house.get("/v1/clients?organisation=acme").await.expect(400);
    let answer = house.get("/v1/clients?limit=1&limit=2").await.expect(400);
    assert_eq!(answer.fault(), ("limit", "may be given once"));
}
