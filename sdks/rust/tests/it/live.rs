//! Against the real server: the program that the same build made.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use keyhaven_sdk::models::{
    AuthTokenRequest, CreateOrganization, CreateTokenRequest, CreateTokenRequestAttributes,
    CreateTokenRequestData, TokenGrantType,
};
use keyhaven_sdk::verify::Verifier;
use keyhaven_sdk::{Client, ClientCredentials, Kind, Refusal, Secret, Security, funcs};
use serde_json::Value;

pub(crate) struct Server {
    process: Child,
    folder: tempfile::TempDir,
    port: String,
}

/// `target/debug/keyhaven` beside this test.
fn program() -> PathBuf {
    let own = std::env::current_exe().expect("a test has a file");
    let program = own.parent().and_then(|deps| deps.parent()).expect("a folder").join("keyhaven");
    assert!(program.exists(), "build the server first: cargo build -p keyhaven");
    program
}

impl Server {
    fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings from the environment.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let words = ["serve", "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"];
        let mut process = command(&folder)
            .args(words)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output is ours")).lines();
        let mut port = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("http://localhost:")
                && port.is_empty()
            {
                port = rest.chars().take_while(char::is_ascii_digit).collect();
            }
            if line.contains("curl -u kh_client_") {
                break;
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, folder, port }
    }

    pub(crate) fn client(&self, words: &[&str]) -> (String, Secret) {
        let mut create = command(&self.folder);
        create.args(["client", "create", "--json", "--name", "Rust"]).args(words);
        let made: Value =
            serde_json::from_slice(&create.output().expect("it runs").stdout).expect("JSON");
        // A client with a key of its own has no secret.
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        (text("client_id"), Secret::from(text("client_secret")))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn command(folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(program());
    command.arg("--data").arg(folder.path().join("data"));
    for (name, _) in std::env::vars() {
        if name.starts_with("KEYHAVEN_") {
            command.env_remove(name);
        }
    }
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[tokio::test]
async fn the_token_operations_work_and_refuse() {
    let server = Server::start();
    let grants = ["--grant", "client_credentials", "--grant", "refresh_token"];
    let words = [&["--org", "default", "--scope", "/ping.read"][..], &grants].concat();
    let (id, secret) = server.client(&words);
    let client = Client::builder().server_url(server.url()).build().unwrap();
    let attributes = CreateTokenRequestAttributes {
        client_id: id.clone(),
        client_secret: Some(secret.clone()),
        grant_type: TokenGrantType::ClientCredentials,
        refresh_token: None,
    };
    let mut body = CreateTokenRequest { data: CreateTokenRequestData { attributes, r#type: None } };
    let made = client.oauth().create_token(&body).send().await.unwrap();
    let (token, name) = (&made.data.attributes.access_token, &made.data.id);
    let call = client.oauth().fetch_token_groups(name).oauth2(token.clone());
    assert!(call.send().await.unwrap().data.is_empty());
    let organization = client.oauth().fetch_token_organization(name);
    let bearer = Security::bearer(token.clone());
    let organization = organization.security(bearer).send().await.unwrap();
    assert_eq!(organization.data.r#type, "organization");
    body.data.attributes.client_secret = Some(Secret::from("kh_secret_wrong"));
    let error = client.oauth().create_token(&body).send().await.unwrap_err();
    let Some(Refusal::CreateOrUpdateErrorResponse(refused)) = error.refusal() else {
        panic!("{error:?}")
    };
    assert_eq!(refused.errors[0].code, "InvalidCredentials");

    let ask = AuthTokenRequest {
        grant_type: TokenGrantType::ClientCredentials,
        scope: Some("/ping.read".to_owned()),
        client_id: Some(id.clone()),
        client_secret: Some(secret),
        refresh_token: None,
    };
    let made = funcs::authentication_create_auth_token(&client, &ask).await.unwrap();
    let issuer = format!("http://localhost:{}", server.port);
    let verifier = Verifier::new(&issuer, &issuer).scopes(["/ping.read"]);
    let claims = verifier.check(made.access_token.reveal()).await.unwrap();
    assert_eq!(claims.client_id, id);
}

#[tokio::test]
async fn native_operations_happen_once_and_are_refused_in_problem_details() {
    let server = Server::start();
    let (id, secret) = server.client(&["--scope", "keyhaven:admin"]);
    let tokens = ClientCredentials::new(&server.url(), id, secret).scope("keyhaven:admin");
    let builder = Client::builder().server_url(server.url()).token_source(tokens.build());
    let client = builder.build().unwrap();
    let body = CreateOrganization { name: "Acme".to_owned(), slug: "acme".to_owned() };
    let once = || client.organizations().create_organization(&body).idempotency_key("rust-live");
    let first = once().send().await.unwrap();
    let again = once().send().await.unwrap();
    assert_eq!(first.id, again.id);
    assert!(again.meta().idempotent_replay);
    let error = client.organizations().show_organization("nowhere").send().await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.problem().is_some_and(|problem| !problem.title.is_empty()));
}
