//! A private PostgreSQL for one run: a fresh cluster in a temporary folder, a free port on
//! loopback, gone afterwards. Never a cluster of the machine's, never a fixed port.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::shell::{self, Failure};

/// Tests find the database by this variable.
pub(crate) const VARIABLE: &str = "KEYHAVEN_TEST_POSTGRES";

const SUPERUSER: &str = "keyhaven";
const START_LIMIT: Duration = Duration::from_secs(60);
const TRIES: usize = 3;

/// `cargo xtask postgres -- COMMAND…`
pub(crate) fn verb(words: &[String]) -> Result<(), Failure> {
    let words = words.strip_prefix(&["--".to_owned()]).unwrap_or(words);
    let [name, rest @ ..] = words else {
        return Err(Failure("say what to run: cargo xtask postgres -- COMMAND…".to_owned()));
    };
    let database = Postgres::start()?;
    // From where the caller stands, not from the root: the command is theirs.
    shell::run(Command::new(name).args(rest).env(VARIABLE, database.url()))
}

/// A running server. Dropping it stops the server and removes its folder.
pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a cluster and waits until it accepts connections.
    pub(crate) fn start() -> Result<Self, Failure> {
        let programs = programs().ok_or_else(|| Failure(MISSING.to_owned()))?;
        sweep();
        let folder = std::env::temp_dir().join(format!("{FOLDER}{}", std::process::id()));
        let account = account();
        make_folder(&folder, account.as_ref())?;
        let cluster = Cluster { programs, folder, account };
        cluster.init().inspect_err(|_| drop(std::fs::remove_dir_all(&cluster.folder)))?;
        // The free port can be taken between finding it and using it; then another one is.
        let mut last = Failure(String::new());
        for _ in 0..TRIES {
            match cluster.serve() {
                Ok(running) => return Ok(running),
                Err(failure) => last = failure,
            }
        }
        drop(std::fs::remove_dir_all(&cluster.folder));
        Err(last)
    }

    /// Where the superuser connects; databases may be made and dropped at will.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: open connections are cut, nothing is lost.
        let stop = format!("kill -INT {}", self.server.id());
        drop(shell::quietly(shell::program("sh").args(["-c", &stop])));
        drop(self.server.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// What a person without PostgreSQL is told.
pub(crate) const MISSING: &str = "PostgreSQL's server programs (initdb, postgres) are missing; \
     install them: apt-get install --no-install-recommends postgresql";

/// The folder with `initdb` and `postgres`: the newest of Debian's, or the one on PATH.
pub(crate) fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    found.sort_by_key(|bin| version_of(bin));
    found.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&path));
    found.into_iter().find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

fn version_of(bin: &Path) -> u32 {
    let version = bin.parent().and_then(Path::file_name).unwrap_or_default();
    version.to_string_lossy().parse().unwrap_or(0)
}

/// A made cluster that may be served.
struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    account: Option<Account>,
}

impl Cluster {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn init(&self) -> Result<(), Failure> {
        let mut initdb = self.as_account("initdb");
        initdb.arg("-D").arg(self.data()).args(["-U", SUPERUSER, "-A", "trust", "--no-sync"]);
        shell::quietly(initdb.args(["-E", "UTF8", "--locale=C.UTF-8"])).map(drop)
    }

    fn serve(&self) -> Result<Postgres, Failure> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log_path = self.folder.join("log");
        let log = std::fs::File::create(&log_path)?;
        let mut postgres = self.as_account("postgres");
        postgres.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        postgres.args(["-p", &port.to_string(), "-h", "127.0.0.1", "-N", "200"]);
        postgres.args(["-c", "fsync=on"]);
        postgres.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut server = postgres.spawn()?;
        let since = Instant::now();
        while !self.is_ready() {
            if server.try_wait()?.is_some() || since.elapsed() > START_LIMIT {
                drop(server.kill());
                let log = std::fs::read_to_string(&log_path).unwrap_or_default();
                return Err(Failure(format!("PostgreSQL did not start:\n{log}")));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(Postgres { server, folder: self.folder.clone(), port })
    }

    /// The server's own word: the last line of its pid file.
    fn is_ready(&self) -> bool {
        std::fs::read_to_string(self.data().join("postmaster.pid"))
            .is_ok_and(|text| text.lines().last().is_some_and(|state| state.trim() == "ready"))
    }

    /// One of PostgreSQL's programs. It refuses to run as root, and should not outlive us even if
    /// we are killed: `setpriv` sees to both where there is one (Linux).
    fn as_account(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        if !shell::answers(shell::program("setpriv").arg("--version")) {
            return shell::program(&path.to_string_lossy());
        }
        let mut command = shell::program("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if let Some(Account { user, group }) = &self.account {
            command.args(["--reuid", user, "--regid", group, "--init-groups"]);
        }
        command.current_dir(&self.folder).arg("--").arg(path);
        command
    }
}

const FOLDER: &str = "keyhaven-postgres-";

/// Removes what runs that were killed left behind.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(owner) = name.strip_prefix(FOLDER).and_then(|id| id.parse::<u32>().ok()) else {
            continue;
        };
        if Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{owner}")).exists() {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

/// Whom to be instead of root.
struct Account {
    user: String,
    group: String,
}

/// The account to leave root for; nobody else needs one.
fn account() -> Option<Account> {
    if !shell::is_root() {
        return None;
    }
    let known = shell::answers(shell::program("id").args(["-u", "postgres"]));
    let name = if known { "postgres" } else { "nobody" };
    let number = |kind| {
        let id = shell::quietly(shell::program("id").args([kind, name])).ok()?;
        Some(String::from_utf8_lossy(&id.stdout).trim().to_owned())
    };
    Some(Account { user: number("-u")?, group: number("-g")? })
}

fn make_folder(folder: &Path, account: Option<&Account>) -> Result<(), Failure> {
    let mut install = shell::program("install");
    install.args(["-d", "-m", "700"]);
    if let Some(account) = account {
        install.args(["-o", &account.user, "-g", &account.group]);
    }
    shell::quietly(install.arg(folder)).map(drop)
}
