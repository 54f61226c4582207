//! PostgreSQL for faults: a database on the server all tests share, or a cluster of the test's
//! own that may be stopped and killed.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

/// A database of this test alone.
pub(super) struct Database {
    url: String,
    /// Whom to ask to drop it: nobody, when its whole cluster goes away.
    server: Option<String>,
    name: String,
}

impl Database {
    /// On the server that `cargo xtask test` started.
    pub(super) fn shared() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        #[expect(clippy::disallowed_methods, reason = "a test finds its server by this variable")]
        let server = std::env::var("KEYHAVEN_TEST_POSTGRES").expect(
            "KEYHAVEN_TEST_POSTGRES names no server: run `cargo xtask test`, which starts one, or \
             set it to the postgres:// URL of a superuser",
        );
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fault_{}_{count}", std::process::id());
        psql(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        psql(&server, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        let (before, options) = server.split_once('?').unwrap_or((&server, ""));
        let authority = before.find("://").map_or(0, |at| at + 3);
        let end = before[authority..].find('/').map_or(before.len(), |at| authority + at);
        let url = format!("{}/{name}?{options}", &before[..end]);
        Self { url: url.trim_end_matches('?').to_owned(), server: Some(server), name }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The same database reached at another address.
    pub(super) fn through(&self, address: std::net::SocketAddr) -> Self {
        let (scheme, rest) = self.url.split_once("://").expect("a URL");
        let (authority, path) = rest.split_once('/').expect("a database");
        let user = authority.rsplit_once('@').map_or(String::new(), |(user, _)| format!("{user}@"));
        Self {
            url: format!("{scheme}://{user}{address}/{path}"),
            server: None,
            name: String::new(),
        }
    }

    /// Where the server listens.
    pub(super) fn address(&self) -> String {
        let authority = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split('/').next().unwrap_or_default();
        let address = authority.rsplit('@').next().unwrap_or_default();
        if address.contains(':') { address.to_owned() } else { format!("{address}:5432") }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(server) = &self.server
            && !std::thread::panicking()
        {
            psql(server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

/// A PostgreSQL of the test's own: a cluster in a temporary folder, reached by its socket there.
pub(super) struct Cluster {
    folder: TempDir,
}

impl Cluster {
    pub(super) fn start() -> Self {
        let cluster = Self { folder: tempfile::tempdir().expect("a folder") };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(cluster.folder.path()));
        }
        let mut initdb = program("initdb");
        initdb.arg("-D").arg(cluster.data()).args(["-A", "trust", "-U", "postgres", "-E", "UTF8"]);
        run(initdb.arg("-N"));
        cluster.serve();
        cluster
    }

    pub(super) fn database(&self) -> Database {
        let url =
            format!("postgres:///postgres?host={}&user=postgres", self.folder.path().display());
        Database { url, server: None, name: String::new() }
    }

    /// Starts it again, and waits until it takes connections.
    pub(super) fn serve(&self) {
        let socket = format!("-c listen_addresses='' -k {}", self.folder.path().display());
        let mut start = program("pg_ctl");
        start.args(["start", "-w", "-o", &socket, "-D"]).arg(self.data());
        run(start.arg("-l").arg(self.folder.path().join("log")));
    }

    /// An orderly stop that cuts connections.
    pub(super) fn stop(&self) {
        self.end("fast");
    }

    /// As after a power cut.
    pub(super) fn stop_at_once(&self) {
        self.end("immediate");
    }

    fn end(&self, mode: &str) {
        run(program("pg_ctl").args(["stop", "-w", "-m", mode, "-D"]).arg(self.data()));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.stop_at_once();
        }
    }
}

/// Every row of a database as text; bytes in hexadecimal.
pub(super) fn dump(url: &str) -> Vec<u8> {
    let mut dump = Command::new(path_of("pg_dump"));
    dump.args(["--data-only", "--no-owner", "-d", url]).current_dir("/").stdin(Stdio::null());
    let ended = dump.output().expect("pg_dump starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    ended.stdout
}

fn psql(server: &str, sql: &str) {
    let mut psql = Command::new(path_of("psql"));
    run(psql.args(["-X", "-q", "-d", server, "-c", sql]));
}

/// One of PostgreSQL's programs, which refuse to run as root.
fn program(name: &str) -> Command {
    let path = path_of(name);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(path);
    command
}

/// Debian's newest, or whatever is on the path.
fn path_of(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort_by(|one, other| other.cmp(one));
    #[expect(clippy::disallowed_methods, reason = "a test looks for the server's programs")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.exists());
    found.expect("PostgreSQL's programs: run `cargo xtask test`, which installs them")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self")
        .is_ok_and(|this| std::os::unix::fs::MetadataExt::uid(&this) == 0)
}

fn run(command: &mut Command) {
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{command:?}: {status}");
}
