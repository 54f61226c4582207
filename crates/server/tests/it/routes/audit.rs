//! `/v1/audit`.

use crate::house::House;

fn actions(answer: &crate::house::Answer) -> Vec<&str> {
    let items = answer.body["items"].as_array().unwrap();
    items.iter().map(|item| item["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_follower_sees_every_settled_row_once() {
    let house = House::new().await;
    house.organization("one").await;
    let early = house.get("/v1/audit?order=oldest").await.expect(200);
    assert_eq!(actions(&early), Vec::<&str>::new(), "rows settle for two seconds");
    house.wait(3);
    house.organization("two").await;
    let path = format!("/v1/audit?order=oldest&cursor={}", early.text("next"));
    let first = house.get(&path).await.expect(200);
    assert_eq!(actions(&first), ["organization.created"]);
    house.wait(3);
    let path = format!("/v1/audit?order=oldest&cursor={}", first.text("next"));
    let second = house.get(&path).await.expect(200);
    assert_eq!(actions(&second), ["organization.created"]);
    assert_ne!(first.body["items"], second.body["items"]);
}

#[tokio::test]
async fn rows_name_the_actor_and_the_request() {
    let house = House::new().await;
    let organization = house.organization("one").await;
    let answer =
        house.get("/v1/audit?action=organization.created&organization=one").await.expect(200);
    let row = &answer.body["items"][0];
    assert_eq!(row["actor"], "test:instance");
    assert_eq!(row["target"], format!("organization:{organization}"));
    assert!(!row["request"].as_str().unwrap().is_empty());
    let none = house.get("/v1/audit?action=client.deleted").await.expect(200);
    assert_eq!(actions(&none), Vec::<&str>::new());
}
