//! Connectors and connections from the command line, beside a running server and by HTTP.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use keyhaven_fake_provider::{Endpoint, Fake, Rules};
use serde_json::{Value, json};

use super::{Instance, Running, http, keyhaven, text};

const SECRET: &str = "fake-client-secret";

/// An instance that may reach a provider, which its organization has defined.
struct Scene {
    instance: Instance,
    server: Running,
    operator: (String, String),
    fake: Fake,
}

async fn scene() -> Scene {
    let instance = Instance::begun();
    let settings = "egress_allow = \"127.0.0.1\"\n";
    fs::write(instance.path().join("keyhaven.toml"), settings).unwrap();
    let fake = Fake::start(Rules::default()).await.unwrap();
    let operator = instance.client(&["--scope", "keyhaven:admin"]);
    let server = instance.serve();
    let scene = Scene { instance, server, operator, fake };
    let path = "/v1/organizations/acme-health/providers/fake";
    let definition = json!({ "definition": scene.fake.definition("fake") });
    scene.native(reqwest::Method::PUT, path, &definition).await;
    scene
}

impl Scene {
    async fn native(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let request = http().request(method, format!("{}{path}", self.server.url));
        let (id, secret) = &self.operator;
        let form = [("grant_type", "client_credentials"), ("scope", "keyhaven:admin")];
        let token = http().post(format!("{}/oauth2/token", self.server.url));
        let token = token.basic_auth(id, Some(secret)).form(&form).send().await.unwrap();
        let token = text(&token.json::<Value>().await.unwrap(), "access_token");
        let answer = request.bearer_auth(token).json(body).send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap_or(Value::Null)
    }

    /// Runs a command on the directory with something to read on standard input.
    fn told(&self, words: &[&str], input: &str) -> Value {
        let mut command = keyhaven();
        command.args(words).arg("--json").arg("--data").arg(self.instance.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        serde_json::from_slice(&ended.stdout).unwrap()
    }

    fn connector(&self) -> Value {
        let words = [
            "connector",
            "create",
            "--org",
            "acme-health",
            "--provider",
            "fake",
            "--name",
            "Outside notes",
            "--client-id",
            "fake-client",
            "--client-secret-stdin",
            "--scope",
            "read",
            "--param",
            "prompt=consent",
        ];
        self.told(&words, &format!("{SECRET}\n"))
    }

    async fn connection(&self, connector: &str, account: &str) -> String {
        let (_, refresh) = self.fake.grant(account, "read");
        let body = json!({
            "connector": connector, "account": account, "refresh_token": refresh,
            "labels": ["notes"], "scopes": ["read"],
        });
        text(&self.native(reqwest::Method::POST, "/v1/connections", &body).await, "id")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_is_created_with_a_secret_that_no_list_of_processes_shows() {
    let scene = scene().await;
    let made = scene.connector();
    let id = text(&made, "id");
    assert_eq!(made["client_secret"]["last_four"], "cret", "{made}");
    assert!(!made.to_string().contains(SECRET), "{made}");
    assert!(text(&made, "redirect_uri").ends_with(&id), "{made}");
    assert_eq!(made["params"], json!({ "prompt": "consent" }));
    let show = ["connector", "show", &id];
    assert_eq!(scene.instance.json(&show), made);
    let mut by_http = scene.server.json(&scene.operator, &show);
    // The running server knows its own port.
    by_http["redirect_uri"] = made["redirect_uri"].clone();
    assert_eq!(by_http, made, "by HTTP");
    let list = scene.instance.json(&["connector", "list", "--org", "acme-health"]);
    assert_eq!(list["items"], json!([made]));
    let update = ["connector", "update", &id, "--name", "Notes", "--client-secret-stdin"];
    let changed = scene.told(&update, "the-next-client-secret");
    assert_eq!(
        (text(&changed, "name"), &changed["next_client_secret"]["last_four"]),
        ("Notes".into(), &json!("cret"))
    );
    assert_eq!(scene.instance.json(&["connector", "delete", &id]), json!({ "deleted": id }));
    assert_eq!(scene.instance.refused(&show)["status"], 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_listed_shown_used_and_revoked() {
    let scene = scene().await;
    let connector = text(&scene.connector(), "id");
    let one = scene.connection(&connector, "account-1").await;
    scene.connection(&connector, "account-2").await;
    let list = |flags: &[&str]| {
        let words = [&["connection", "list", "--org", "acme-health"], flags].concat();
        scene.instance.json(&words)["items"].as_array().unwrap().len()
    };
    assert_eq!(
        (list(&[]), list(&["--connector", &connector]), list(&["--label", "notes"])),
        (2, 2, 2)
    );
    assert_eq!((list(&["--label", "other"]), list(&["--status", "revoked"])), (0, 0));
    // Any of the two ways finds the token; the server's own job may have fetched it already.
    let words = ["connection", "token", &one, "--purpose", "nightly sync"];
    let token = scene.server.json(&scene.operator, &words);
    assert_eq!(scene.fake.account_of(&text(&token, "access_token")).as_deref(), Some("account-1"));
    assert_eq!(scene.instance.json(&words)["access_token"], token["access_token"]);
    let plain = scene.instance.run(&["connection", "token", &one]);
    assert_eq!(String::from_utf8(plain.stdout).unwrap().trim(), text(&token, "access_token"));
    let shown = scene.instance.json(&["connection", "show", &one]);
    assert_eq!((&shown["status"], &shown["account"]), (&json!("active"), &json!("account-1")));
    assert!(!shown.to_string().contains("fake-refresh-token"), "{shown}");
    assert_eq!(scene.instance.json(&["connection", "revoke", &one]), json!({ "revoked": one }));
    assert_eq!(list(&["--status", "revoked"]), 1);
    assert_eq!(scene.instance.refused(&["connection", "token", &one])["error"], "not_connected");
    let told = scene.instance.json(&["connection", "timeline", &one]);
    let words: Vec<_> =
        told["items"].as_array().unwrap().iter().map(|event| text(event, "what")).collect();
    for word in ["connected", "refreshed", "revoked"] {
        assert!(words.iter().any(|told| told == word), "no {word} in {words:?}");
    }
    while scene.fake.requests(Endpoint::Revoke) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_needs_its_user_says_so_and_where_to_send_them() {
    let scene = scene().await;
    let connector = text(&scene.connector(), "id");
    let body = json!({
        "connector": connector, "account": "account-9", "refresh_token": "unknown-to-the-provider",
    });
    let made = scene.native(reqwest::Method::POST, "/v1/connections", &body).await;
    let refused = scene.instance.refused(&["connection", "token", &text(&made, "id")]);
    assert_eq!(
        (&refused["error"], &refused["reason"]),
        (&json!("needs_reauth"), &json!("grant_revoked"))
    );
    assert!(text(&refused, "reconnect_url").contains(&text(&made, "id")), "{refused}");
    let list = ["connection", "list", "--org", "acme-health", "--status", "needs_reauth"];
    assert_eq!(scene.instance.json(&list)["items"].as_array().unwrap().len(), 1);
}
