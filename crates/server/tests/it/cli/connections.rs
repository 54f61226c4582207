//! Connectors and connections from the command line, beside a running server and by HTTP.

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

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
    fn fed(&self, words: &[&str], input: &str) -> Output {
        let mut command = keyhaven();
        command.args(words).arg("--json").arg("--data").arg(self.instance.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that refuses its flags reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// As [`Self::fed`]; the document of a command that must succeed.
    #[track_caller]
    fn told(&self, words: &[&str], input: &str) -> Value {
        let ended = self.fed(words, input);
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
async fn all_connections_of_a_connector_are_asked_again_and_ended() {
    let scene = scene().await;
    let connector = text(&scene.connector(), "id");
    for account in 0..3 {
        scene.connection(&connector, &format!("account-{account}")).await;
    }
    let count = |status: &str| {
        let words = ["connection", "list", "--org", "acme-health", "--status", status];
        scene.instance.json(&words)["items"].as_array().unwrap().len()
    };
    let words = ["connector", "reauthorize", &connector, "--reason", "scope_change"];
    let asked = scene.server.json(&scene.operator, &words);
    assert_eq!(asked, json!({ "changed": 3, "mailed": 0, "remaining": 0 }));
    let list = ["connection", "list", "--org", "acme-health"];
    let listed = scene.instance.json(&list)["items"].clone();
    assert_eq!(listed[0]["reason"], "scope_change", "{listed}");
    assert_eq!((count("needs_reauth"), count("active")), (3, 0));
    let again = scene.instance.json(&["connector", "reauthorize", &connector, "--mail"]);
    assert_eq!(again["changed"], 0, "they have been asked");
    let ended = scene.instance.json(&["connector", "revoke-connections", &connector]);
    assert_eq!(ended, json!({ "changed": 3, "mailed": 0, "remaining": 0 }));
    assert_eq!(count("revoked"), 3);
    let unknown = "019a2b3c-4d5e-7f60-8123-456789abcdef";
    let refused = scene.instance.refused(&["connector", "reauthorize", unknown]);
    assert_eq!(refused["status"], 404, "{refused}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_with_a_connection_changes_and_its_tokens_do_not() {
    let scene = scene().await;
    let connector = text(&scene.connector(), "id");
    let id = scene.connection(&connector, "account-1").await;
    let before = scene.instance.json(&["connection", "token", &id]);
    let update = ["connection", "update", &id];
    let words = [&update[..], &["--label", "drive", "--label", "finance"]].concat();
    let words = [&words[..], &["--external-id", "row-7", "--metadata", "folder=reports"]].concat();
    let words = [&words[..], &["--account-label", "Reports"]].concat();
    let changed = scene.instance.json(&words);
    assert_eq!(changed["labels"], json!(["drive", "finance"]), "{changed}");
    assert_eq!(changed["metadata"], json!({ "folder": "reports" }), "{changed}");
    assert_eq!(
        (&changed["external_id"], &changed["account_label"]),
        (&json!("row-7"), &json!("Reports"))
    );
    // By HTTP, and only what is given.
    let words = [&update[..], &["--metadata", "owner=ada=lovelace"]].concat();
    let changed = scene.server.json(&scene.operator, &words);
    let both = json!({ "folder": "reports", "owner": "ada=lovelace" });
    assert_eq!((&changed["metadata"], &changed["external_id"]), (&both, &json!("row-7")));
    let list = ["connection", "list", "--org", "acme-health", "--external-id", "row-7"];
    assert_eq!(scene.instance.json(&list)["items"].as_array().unwrap().len(), 1);
    let after = scene.instance.json(&["connection", "token", &id]);
    assert_eq!(after["access_token"], before["access_token"]);
    let refused = scene.instance.refused(&[&update[..], &["--label", "two words"]].concat());
    assert_eq!(refused["errors"][0]["pointer"], "/labels", "{refused}");
    let nothing = scene.instance.run(&update);
    assert!(!nothing.status.success());
    let said = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(said.contains("give at least one flag"), "{said}");
    let bare = scene.instance.run(&[&update[..], &["--metadata", "folder"]].concat());
    let said = String::from_utf8_lossy(&bare.stderr).into_owned();
    assert!(said.contains("'folder' is not NAME=VALUE"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_made_on_the_command_line_opens_its_page() {
    let scene = scene().await;
    let connector = text(&scene.connector(), "id");
    let invite = ["connection", "invite", &connector];
    let words = [&invite[..], &["--purpose", "Read your notes", "--external-id", "row-9"]].concat();
    let made = scene.server.json(&scene.operator, &[&words[..], &["--lifetime", "120"]].concat());
    assert_eq!(made["status"], "open", "{made}");
    let url = text(&made, "url");
    assert!(url.starts_with(&format!("{}/connect/kh_flow_", scene.server.url)), "{url}");
    let page = http().get(&url).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    let page = page.text().await.unwrap();
    for part in ["Acme Health", "Fake provider", "Read your notes", "Outside notes"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let plain = scene.instance.run(&[&invite[..], &["--connection", &connector]].concat());
    assert!(!plain.status.success(), "a connector is no connection");
    for (flag, value, pointer) in [
        ("--return-url", "https://evil.example/", "/return_url"),
        ("--lifetime", "59", "/lifetime"),
        ("--user", "ada", "/user"),
    ] {
        let refused = scene.instance.refused(&[&invite[..], &[flag, value]].concat());
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_is_tried_and_the_dry_run_says_what_is_wrong() {
    let scene = scene().await;
    let connector = text(&scene.connector(), "id");
    let test = ["connector", "test", &connector];
    let found = scene.instance.json(&test);
    assert_eq!(found["ok"], true, "{found}");
    scene.fake.change(|rules| rules.client_secret = "another".into());
    let found = scene.server.json(&scene.operator, &test);
    assert_eq!(found["ok"], false, "{found}");
    let plain = scene.instance.run(&test);
    assert!(plain.status.success(), "what was found is an answer");
    let said = String::from_utf8(plain.stdout).unwrap();
    let line = said.lines().find(|line| line.contains("token_endpoint")).expect("its line");
    assert!(line.contains("failed") && line.contains("invalid_client"), "{said}");
    assert!(!said.contains(SECRET) && !found.to_string().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_come_over_in_calls_of_their_own_and_once() {
    let scene = scene().await;
    let connector = text(&scene.connector(), "id");
    let row = |number: usize| {
        let account = format!("account-{number}");
        let (access, refresh) = scene.fake.grant(&account, "read");
        json!({
            "external_id": format!("row-{number}"), "account": account, "scopes": ["read"],
            "access_token": access, "refresh_token": refresh,
        })
    };
    // More than one call takes, and one that is not right.
    let mut rows: Vec<Value> = (0..30).map(row).collect();
    rows.push(json!({ "external_id": "bare" }));
    let rows = Value::from(rows).to_string();
    let import = ["connector", "import", &connector];
    let report = scene.told(&[&import[..], &["--prove", "account"]].concat(), &rows);
    let items = report["items"].as_array().unwrap();
    let count = |status: &str| items.iter().filter(|item| item["status"] == status).count();
    assert_eq!((items.len(), count("created"), count("refused")), (31, 30, 1), "{report}");
    assert!(items[..30].iter().all(|item| item["proof"] == "passed"), "{report}");
    assert_eq!(items[30]["external_id"], "bare", "in the order of the rows");
    assert!(!report.to_string().contains("fake-access-token"), "{report}");
    let again = scene.told(&import, &rows);
    let items = again["items"].as_array().unwrap();
    assert!(items[..30].iter().all(|item| item["status"] == "exists"), "{again}");
    let one = text(&items[7], "connection");
    let token = scene.instance.json(&["connection", "token", &one]);
    assert_eq!(scene.fake.account_of(&text(&token, "access_token")).as_deref(), Some("account-7"));
    for (input, why) in [("{}", "no JSON list"), ("row-1", "no JSON list")] {
        let refused = scene.fed(&import, input);
        assert_eq!(refused.status.code(), Some(1), "{input}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(
        scene.fed(&[&import[..], &["--prove", "word"]].concat(), "[]").status.code(),
        Some(2)
    );
}
