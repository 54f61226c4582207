//! Commands beside a running server: on its directory, and by HTTP.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{Instance, keyhaven, text};

#[test]
fn the_same_line_works_with_and_without_a_server() {
    let instance = Instance::begun();
    let operator = instance.client(&["--scope", "keyhaven:admin"]);
    let lines: &[&[&str]] = &[
        &["org", "show", "acme-health"],
        &["client", "list"],
        &["signing-key", "list"],
        &["project", "list", "--org", "Acme Health"],
    ];
    let alone: Vec<_> = lines.iter().map(|line| instance.json(line)).collect();
    let server = instance.serve();
    for (line, before) in lines.iter().zip(&alone) {
        assert_eq!(instance.json(line), *before, "{line:?} beside the server");
        assert_eq!(server.json(&operator, line), *before, "{line:?} by HTTP");
    }
    instance.json(&["org", "create", "--name", "Made beside"]);
    assert_eq!(
        text(&server.json(&operator, &["org", "show", "made-beside"]), "name"),
        "Made beside"
    );
    server.json(&operator, &["org", "delete", "made-beside"]);
    assert_eq!(instance.json(&["org", "list"])["items"].as_array().unwrap().len(), 1);
}

#[test]
fn without_the_scope_a_server_is_not_managed() {
    let instance = Instance::begun();
    let nobody = instance.client(&["--org", "acme-health", "--scope", "read"]);
    let server = instance.serve();
    let output = server.run(&nobody, &["org", "list"]);
    assert_eq!(output.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(told["error"], "invalid_scope", "{told}");
}

/// The receipt is the promise: after `effective_by` no check may let the token through. Seconds are
/// whole, so the first moment that is certainly behind it is a second later.
#[tokio::test]
async fn a_running_server_refuses_what_a_command_revoked_by_the_moment_on_the_receipt() {
    let instance = Instance::begun();
    let client = instance.client(&["--org", "acme-health", "--scope", "read"]);
    let server = instance.serve();
    let token = server.token(&client).await;
    let ask = json!({ "credential": token });
    assert_eq!(server.post("/v1/check", &ask).await.0, 200);
    let receipt = instance.json(&["client", "revoke", &client.0]);
    let promised = receipt["effective_by"].as_i64().unwrap() + 1;
    loop {
        let asked_at = now();
        let (status, answer) = server.post("/v1/check", &ask).await;
        if status == 401 {
            assert_eq!(answer["reason"], "invalid_token");
            break;
        }
        assert!(asked_at < promised, "alive at {asked_at}, promised dead by {promised}");
    }
    let told = instance.json(&["token", "inspect", &token]);
    assert_eq!(text(&told, "rule"), "everything issued to the client so far was revoked");
}

#[expect(clippy::disallowed_methods, reason = "compared with a receipt's wall clock")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[tokio::test]
async fn a_token_is_inspected_without_being_printed() {
    let instance = Instance::begun();
    let client = instance.client(&["--org", "acme-health", "--scope", "read"]);
    let opaque = instance.client(&["--org", "acme-health", "--token-format", "opaque"]);
    let server = instance.serve();
    for client in [client, opaque] {
        let token = server.token(&client).await;
        let output = instance.run(&["token", "inspect", &token]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("alive") && told.contains("true"), "{told}");
        assert!(!told.contains(&token) && !told.contains(&token[token.len() - 12..]), "{told}");
        instance.json(&["client", "update", &client.0, "--disable"]);
        let told = instance.json(&["token", "inspect", &token]);
        assert_eq!(told["alive"], false);
        assert_eq!(text(&told, "rule"), "the client of the access token is disabled");
        assert!(text(&told, "hint").contains("--enable"), "{told}");
    }
}

#[test]
fn a_follower_sees_what_happens_next() {
    let instance = Instance::begun();
    let mut follower = keyhaven()
        .args(["audit", "list", "--follow", "--json", "--action", "organization.created", "--data"])
        .arg(instance.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || {
        let line = lines.next().unwrap().unwrap();
        text(&serde_json::from_str(&line).unwrap(), "target")
    };
    let first = next();
    let made = instance.json(&["org", "create", "--name", "Later"]);
    assert_eq!(next(), format!("organization:{}", text(&made, "id")));
    assert_ne!(first, format!("organization:{}", text(&made, "id")));
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[tokio::test]
async fn a_session_is_named_and_ended_beside_the_server() {
    let instance = Instance::begun();
    instance.json(&["user", "create", "--email", "ada@example.com", "--name", "Ada"]);
    let ticket = instance.json(&["ticket", "create", "--user", "ada@example.com"]);
    let running = instance.serve();
    let ticket = text(&ticket, "shared_token");
    let address = format!("{}/rpc/auth.callback?shared_token={ticket}", running.url);
    super::http().get(address).send().await.unwrap();
    let listed = instance.json(&["session", "list", "--user", "ada@example.com"]);
    let id = text(&listed["items"][0], "id");
    let named = instance.json(&["session", "name", &id, "Till 3"]);
    assert_eq!((text(&named, "id"), text(&named, "name")), (id.clone(), "Till 3".to_owned()));
    assert_eq!(text(&instance.json(&["session", "show", &id]), "name"), "Till 3");
    let bare = instance.json(&["session", "name", &id, ""]);
    assert!(bare.get("name").is_none(), "{bare}");
    instance.json(&["session", "end", &id]);
    assert_eq!(instance.refused(&["session", "show", &id])["status"], 404);
}
