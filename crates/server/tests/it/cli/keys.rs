//! `keyhaven key`, `budget` and `usage`: a key's life from the command line, beside a server whose
//! checks say whether it holds.

use serde_json::{Value, json};

use super::{Instance, Running, text};

async fn status(server: &Running, key: &str) -> u16 {
    server.post("/v1/check", &json!({ "credential": key })).await.0
}

/// What a command changed is heard by the server within a second; asked until then.
async fn until(server: &Running, key: &str, wanted: u16) {
    let heard = async {
        while status(server, key).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    let within = std::time::Duration::from_secs(30);
    tokio::time::timeout(within, heard).await.expect("the server hears of it");
}

#[tokio::test]
async fn a_rotated_key_answers_to_both_texts_within_the_overlap_and_to_one_without() {
    let instance = Instance::begun();
    let server = instance.serve();
    let made = instance.json(&["key", "create", "--org", "acme-health", "--label", "Laptop"]);
    let (id, first) = (text(&made, "id"), text(&made, "secret"));
    assert_eq!(status(&server, &first).await, 200);

    let rotated = instance.json(&["key", "rotate", &id, "--overlap", "1h"]);
    let second = text(&rotated, "secret");
    assert_eq!(
        (text(&rotated, "id"), &text(&rotated, "last_four")),
        (id.clone(), &second[second.len() - 4..].to_owned())
    );
    assert!(rotated["previous_expires_at"].is_i64(), "{rotated}");
    until(&server, &second, 200).await;
    assert_eq!(status(&server, &first).await, 200, "within the overlap");

    // A second rotation ends the oldest text; without an overlap it ends both.
    let third = text(&instance.json(&["key", "rotate", &id, "--overlap", "90s"]), "secret");
    until(&server, &first, 401).await;
    assert_eq!((status(&server, &second).await, status(&server, &third).await), (200, 200));
    let rotated = instance.json(&["key", "rotate", &id]);
    assert_eq!(rotated["previous_expires_at"], Value::Null);
    until(&server, &third, 401).await;
    assert_eq!(status(&server, &second).await, 401);
    assert_eq!(status(&server, &text(&rotated, "secret")).await, 200);
    for span in ["-1s", "soon", "31d"] {
        let refused = instance.run(&["key", "rotate", &id, &format!("--overlap={span}")]);
        assert!(!refused.status.success(), "{span}");
    }
}

#[tokio::test]
async fn a_key_is_disabled_enabled_and_deleted() {
    let instance = Instance::begun();
    let server = instance.serve();
    let made = instance.json(&["key", "create", "--org", "acme-health", "--label", "Laptop"]);
    let (id, key) = (text(&made, "id"), text(&made, "secret"));
    assert_eq!(status(&server, &key).await, 200);
    assert!(instance.json(&["key", "disable", &id])["disabled_at"].is_i64());
    until(&server, &key, 401).await;
    instance.json(&["key", "enable", &id]);
    until(&server, &key, 200).await;
    assert!(instance.json(&["key", "delete", &id])["effective_by"].is_i64());
    until(&server, &key, 401).await;
    assert_eq!(instance.json(&["key", "list"])["items"], json!([]));
}

#[test]
fn a_persons_keys_are_listed_and_deleted_together() {
    let instance = Instance::begun();
    instance.json(&["user", "create", "--email", "ada@example.com", "--name", "Ada"]);
    let org = ["--org", "acme-health"];
    instance.json(&[&["member", "add", "ada@example.com", "--role", "member"], &org[..]].concat());
    for label in ["Laptop", "Phone"] {
        let create = ["key", "create", "--label", label, "--owner", "ada@example.com"];
        instance.json(&[&create[..], &org].concat());
    }
    instance.json(&[&["key", "create", "--label", "Nobody's"], &org[..]].concat());
    let labels = |words: &[&str]| -> Vec<String> {
        let list = instance.json(words);
        list["items"].as_array().unwrap().iter().map(|key| text(key, "label")).collect()
    };
    assert_eq!(labels(&["key", "list", "--owner", "ada@example.com"]), ["Phone", "Laptop"]);
    // Neither was handed to an app, so none is held by this one.
    let app = "019a2b3c-4d5e-7f60-8123-456789abcdef";
    instance.json(&["key", "delete", "--owner", "ada@example.com", "--app", app]);
    assert_eq!(labels(&["key", "list"]).len(), 3);
    let receipt = instance.json(&["key", "delete", "--owner", "ada@example.com"]);
    assert!(receipt["revoked_at"].is_i64(), "{receipt}");
    assert_eq!(labels(&["key", "list"]), ["Nobody's"]);
}

#[tokio::test]
async fn use_is_listed_by_day_and_key_and_a_budget_says_what_is_left() {
    let instance = Instance::begun();
    let create = ["key", "create", "--org", "acme-health", "--label", "Laptop"];
    let limit = ["--limit", "10.00", "--unit", "USD", "--period", "monthly"];
    let made = instance.json(&[&create[..], &limit].concat());
    let operator = instance.client(&["--scope", "keyhaven:usage"]);
    let server = instance.serve();
    let token = server.token_for(&operator, "keyhaven:usage").await;
    let cost = json!({ "amount": "2.5", "unit": "USD" });
    let body = json!({ "credential": made["secret"], "cost": cost });
    for name in ["one", "two", "two"] {
        assert_eq!(server.charge(&token, name, &body).await, 200);
    }
    let used = instance.json(&["usage", "--key", &text(&made, "id")]);
    let [day] = used["items"].as_array().unwrap().as_slice() else { panic!("{used}") };
    assert_eq!((text(day, "amount"), &day["charges"]), ("5.00".into(), &json!(2)), "{used}");
    assert_eq!((text(day, "key"), text(day, "unit")), (text(&made, "id"), "USD".into()));
    let budgets = instance.json(&["budget", "list", "--org", "acme-health"]);
    assert_eq!(text(&budgets["items"][0], "left"), "5.00", "{budgets}");
}
