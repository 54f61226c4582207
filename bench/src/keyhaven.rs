//! The server under test: set up through its own command line in a folder of its own, then served.

use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::Outcome;
use crate::bench::Bench;
use crate::load::{Naming, Plan, Request, Source};
use crate::process::{Process, pinned};
use crate::wire::Order;

const DATABASE: &str = "KEYHAVEN_DATABASE";
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// One installation: a data folder and perhaps a PostgreSQL behind it.
#[derive(Clone)]
pub(crate) struct Installation {
    program: PathBuf,
    data: PathBuf,
    database: Option<String>,
    organization: String,
}

/// An OAuth client of the installation.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    secret: String,
}

/// The running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    process: Process,
    log: PathBuf,
}

impl Installation {
    /// Makes an organization called bench; `database` is a PostgreSQL URL, nothing means SQLite.
    pub(crate) fn create(bench: &Bench, database: Option<String>) -> Outcome<Self> {
        let program = fs::canonicalize(&bench.options().keyhaven)
            .map_err(|error| format!("{}: {error}", bench.options().keyhaven.display()))?;
        let data = bench.folder("data-")?;
        let mut new = Self { program, data, database, organization: String::new() };
        let made = new.run(&["org", "create", "--name", "bench"])?;
        new.organization = text(&made, "id")?;
        Ok(new)
    }

    /// Makes a confidential client with both grants; `flags` choose its tokens.
    pub(crate) fn client(&self, flags: &[&str]) -> Outcome<Client> {
        let mut words = vec!["client", "create", "--org", &self.organization, "--name", "bench"];
        words.extend(["--grant", "client_credentials", "--grant", "refresh_token"]);
        words.extend(["--scope", "read"]);
        words.extend(flags);
        let made = self.run(&words)?;
        Ok(Client { id: text(&made, "client_id")?, secret: text(&made, "client_secret")? })
    }

    /// Makes a client that may charge.
    pub(crate) fn meter(&self) -> Outcome<Client> {
        let words = ["client", "create", "--org", &self.organization, "--name", "meter"];
        let more = ["--grant", "client_credentials", "--scope", "keyhaven:usage"];
        let made = self.run(&[&words[..], &more].concat())?;
        Ok(Client { id: text(&made, "client_id")?, secret: text(&made, "client_secret")? })
    }

    /// Makes a client that may administer the instance.
    pub(crate) fn operator(&self) -> Outcome<Client> {
        let words = ["client", "create", "--name", "operator"];
        let more = ["--grant", "client_credentials", "--scope", "keyhaven:admin"];
        let made = self.run(&[&words[..], &more].concat())?;
        Ok(Client { id: text(&made, "client_id")?, secret: text(&made, "client_secret")? })
    }

    /// Makes a connector whose connections hold keys; its id.
    pub(crate) fn connector(&self) -> Outcome<String> {
        let words = ["connector", "create", "--org", &self.organization, "--name", "bench"];
        let more = ["--provider", "custom_api_key", "--var", "host=api.example.com"];
        text(&self.run(&[&words[..], &more].concat())?, "id")
    }

    /// Makes an API key; `flags` say more. Its id and its text.
    pub(crate) fn key(&self, flags: &[&str]) -> Outcome<(String, String)> {
        let mut words = vec!["key", "create", "--label", "bench"];
        words.extend(flags);
        let made = self.run(&words)?;
        Ok((text(&made, "id")?, text(&made, "secret")?))
    }

    /// Makes a budget of the organization that no bench spends.
    pub(crate) fn budget(&self, period: &str) -> Outcome<()> {
        let words = ["budget", "create", "--org", &self.organization, "--unit", "units"];
        let more = ["--limit", "100000000000000", "--period", period];
        self.run(&[&words[..], &more].concat()).map(drop)
    }

    /// Invites somebody into the organization; the code of the invitation.
    pub(crate) fn invite(&self, email: &str) -> Outcome<String> {
        let words = ["user", "invite", "--email", email, "--org", &self.organization];
        let made = text(&self.run(&words)?, "link")?;
        let code = made.split_once('#').ok_or("the invitation's link has no code")?.1;
        Ok(code.to_owned())
    }

    /// Makes a member of the organization, without a password.
    pub(crate) fn member(&self, email: &str) -> Outcome<()> {
        self.run(&["user", "create", "--email", email, "--name", "Bench"])?;
        let words = ["member", "add", "--org", &self.organization, email, "--role", "member"];
        self.run(&words).map(drop)
    }

    /// A ticket that signs this person in, once, within a minute.
    pub(crate) fn ticket(&self, email: &str) -> Outcome<String> {
        text(&self.run(&["ticket", "create", "--user", email])?, "shared_token")
    }

    pub(crate) fn organization(&self) -> &str {
        &self.organization
    }

    /// Starts the server and waits until it takes connections.
    pub(crate) fn serve(&self, core: Option<usize>) -> Outcome<Server> {
        let (address, operator) = (free_address()?, free_address()?);
        let log = self.data.with_extension("log");
        let mut command = pinned(core, &self.program);
        command.arg("serve").arg("--data").arg(&self.data);
        command.args(["--listen", &address.to_string()]);
        command.args(["--operator-listen", &operator.to_string()]);
        self.point_at_database(&mut command);
        let words = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(words.try_clone()?).stderr(words);
        let mut server = Server { address, process: Process::start(&mut command)?, log };
        server.wait()?;
        Ok(server)
    }

    /// The embedded database's file, found by its first bytes.
    pub(crate) fn database_file(&self) -> Outcome<PathBuf> {
        for entry in fs::read_dir(&self.data)? {
            let path = entry?.path();
            let mut start = [0; SQLITE.len()];
            if path.is_file() && File::open(&path)?.read(&mut start)? > 0 && &start == SQLITE {
                return Ok(path);
            }
        }
        Err("the data folder holds no SQLite database".into())
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The same installation in another folder. The server must not run.
    pub(crate) fn copy(&self, bench: &Bench) -> Outcome<Self> {
        let data = bench.folder("data-")?;
        for entry in fs::read_dir(&self.data)? {
            let path = entry?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                fs::copy(&path, data.join(name))?;
            }
        }
        Ok(Self { data, ..self.clone() })
    }

    /// Removes the data folder. The server must not run.
    pub(crate) fn discard(self) -> Outcome<()> {
        Ok(fs::remove_dir_all(self.data)?)
    }

    fn run(&self, words: &[&str]) -> Outcome<Value> {
        let mut command = Command::new(&self.program);
        command.args(words).arg("--data").arg(&self.data).arg("--json");
        self.point_at_database(&mut command);
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("keyhaven {} failed: {why}", words.join(" ")).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The environment chooses the database for `serve` and for the command line alike.
    fn point_at_database(&self, command: &mut Command) {
        match &self.database {
            Some(url) => command.env(DATABASE, url),
            None => command.env_remove(DATABASE),
        };
    }
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn stop(self) -> Outcome<()> {
        self.process.stop()
    }

    fn wait(&mut self) -> Outcome<()> {
        let patience = Instant::now() + Duration::from_secs(30);
        while Instant::now() < patience {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if self.process.has_ended() {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("keyhaven serve ended: {log}").into());
            }
            thread::sleep(Duration::from_micros(200));
        }
        Err("keyhaven serve did not listen within 30 s".into())
    }

    /// A plan for one of this server's endpoints.
    pub(crate) fn plan(&self, bench: &Bench, request: Request, source: Source) -> Plan {
        Plan { address: self.address, connections: bench.connections(), request, source }
    }

    /// Sends `request` until `count` answers came and keeps their `field`s in a file.
    pub(crate) fn collect(
        &self,
        bench: &Bench,
        request: Request,
        field: &str,
        count: usize,
    ) -> Outcome<PathBuf> {
        let file = bench.folder("tokens-")?.join("tokens");
        let mut loader = bench.loader(&self.plan(bench, request, Source::Fixed))?;
        let field = field.to_owned();
        let got = loader.collect(&Order::Collect { count, field, file: file.clone() })?;
        if got < count {
            return Err(format!("only {got} of {count} tokens were issued").into());
        }
        Ok(file)
    }
}

impl Client {
    /// RFC 6749 §4.4 with Basic authentication.
    pub(crate) fn credentials_grant(&self) -> Request {
        let body = "grant_type=client_credentials&scope=read";
        self.form("/oauth2/token", body, r#""access_token":""#)
    }

    /// The JSON shape of the same grant, whose every answer carries a refresh token.
    pub(crate) fn credentials_grant_in_json(&self) -> Request {
        let (id, secret) = (&self.id, &self.secret);
        let body = format!(
            r#"{{"grant_type":"client_credentials","client_id":"{id}","client_secret":"{secret}","scope":"read"}}"#
        );
        json("/oauth2/token", &body, r#""refresh_token":""#)
    }

    /// RFC 6749 §6; the token goes where `{}` stands.
    pub(crate) fn refresh_grant(&self) -> Request {
        let body = "grant_type=refresh_token&refresh_token={}";
        self.form("/oauth2/token", body, r#""refresh_token":""#)
    }

    /// RFC 6749 §4.1.1, as an address.
    pub(crate) fn authorization(&self) -> String {
        let id = &self.id;
        let redirect = "http%3A%2F%2F127.0.0.1%2Fcb";
        format!(
            "/oauth2/authorize?client_id={id}&redirect_uri={redirect}&response_type=code&scope=openid"
        )
    }

    /// The same, asked by a browser that holds this session.
    pub(crate) fn authorization_of(&self, session: &str) -> Request {
        let path = self.authorization();
        let cookie = format!("Cookie: __Host-sid={session}\r\n");
        let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{cookie}");
        Request {
            head,
            body: None,
            status: 303,
            or: Vec::new(),
            needs: String::new(),
            naming: Naming::None,
        }
    }

    /// RFC 6749 §4.1.3; the code goes where `{}` stands.
    pub(crate) fn code_grant(&self) -> Request {
        let body = "grant_type=authorization_code&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&code={}";
        self.form("/oauth2/token", body, r#""id_token":""#)
    }

    /// RFC 7662.
    pub(crate) fn introspection(&self, active: &str) -> Request {
        self.form("/oauth2/introspect", "token={}", active)
    }

    /// RFC 7009.
    pub(crate) fn revocation(&self) -> Request {
        self.form("/oauth2/revoke", "token={}", "")
    }

    /// A token for charging keys.
    pub(crate) fn usage_grant(&self) -> Request {
        let body = "grant_type=client_credentials&scope=keyhaven:usage";
        self.form("/oauth2/token", body, r#""access_token":""#)
    }

    /// A token for administering.
    pub(crate) fn operator_grant(&self) -> Request {
        let body = "grant_type=client_credentials&scope=keyhaven:admin";
        self.form("/oauth2/token", body, r#""access_token":""#)
    }

    /// The check of any credential; its answer names the client.
    pub(crate) fn check(&self) -> Request {
        json("/v1/check", r#"{"credential":"{}"}"#, &self.id)
    }

    fn form(&self, path: &str, body: &str, needs: &str) -> Request {
        let pair = STANDARD.encode(format!("{}:{}", self.id, self.secret));
        let kind = "application/x-www-form-urlencoded";
        post(path, &format!("Authorization: Basic {pair}\r\nContent-Type: {kind}\r\n"), body, needs)
    }
}

/// The check of a key by its text; the answer names it.
pub(crate) fn check_key(id: &str) -> Request {
    json("/v1/check", r#"{"credential":"{}"}"#, id)
}

/// A charge of one unit by the holder of `token`; the key goes where `{}` stands.
pub(crate) fn charge(token: &str, naming: Naming) -> Request {
    let body = r#"{"credential":"{}","cost":{"amount":"1","unit":"units"}}"#;
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    Request { naming, ..post("/v1/usage/charge", &headers, body, r#""repeated":false"#) }
}

/// Connects an account by its key.
pub(crate) fn connect_key(token: &str, connector: &str) -> Request {
    let body = format!(r#"{{"connector":"{connector}","api_key":"of no use anywhere"}}"#);
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    Request { status: 201, ..post("/v1/connections", &headers, &body, r#""id":""#) }
}

/// Asks for a connection's token.
pub(crate) fn connection_token(token: &str, connection: &str) -> Request {
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let path = format!("/v1/connections/{connection}/token");
    post(&path, &headers, "{}", r#""access_token":""#)
}

fn json(path: &str, body: &str, needs: &str) -> Request {
    post(path, "Content-Type: application/json\r\n", body, needs)
}

fn post(path: &str, headers: &str, body: &str, needs: &str) -> Request {
    Request {
        head: format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"),
        body: Some(body.to_owned()),
        status: 200,
        or: Vec::new(),
        needs: needs.to_owned(),
        naming: Naming::None,
    }
}

fn text(value: &Value, name: &str) -> Outcome<String> {
    let found = value.get(name).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| format!("the command line printed no {name}: {value}").into())
}

/// A port nobody uses now. Another process could take it before the server does; the run then
/// fails loudly.
fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
