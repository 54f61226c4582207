//! A throw-away PostgreSQL for one run: fsync on, defaults otherwise, loopback only.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use crate::Outcome;
use crate::bench::Bench;
use crate::process::{Process, pinned};

/// A running cluster, stopped when dropped.
pub(crate) struct Cluster {
    programs: PathBuf,
    data: PathBuf,
    owner: Option<u32>,
    port: u16,
    process: Process,
}

impl Cluster {
    /// Makes and starts one on the servers' core, with a database for each name.
    pub(crate) fn start(bench: &Bench, databases: &[&str]) -> Outcome<Self> {
        let programs = find_programs()?;
        let data = bench.folder("postgres-")?;
        let owner = owner(&data)?;
        let mut make = Command::new(programs.join("initdb"));
        make.arg("-D").arg(&data).args(["-U", "postgres", "--auth=trust"]);
        let made = as_owner(&mut make, owner).stdout(Stdio::null()).status()?;
        if !made.success() {
            return Err("initdb failed; its last words are above".into());
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut serve = pinned(bench.server_core(), programs.join("postgres"));
        serve.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        as_owner(&mut serve, owner).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut serve)?;
        let cluster = Self { programs, data, owner, port, process };
        cluster.create(databases)?;
        Ok(cluster)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The first process, parent of all others.
    pub(crate) fn postmaster(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the cluster takes connections, then makes the databases.
    fn create(&self, databases: &[&str]) -> Outcome<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let patience = Instant::now() + Duration::from_secs(30);
        let client = loop {
            match runtime.block_on(tokio_postgres::connect(&self.url("postgres"), NoTls)) {
                Ok((client, connection)) => {
                    let _driving = runtime.spawn(connection);
                    break client;
                }
                Err(error) if Instant::now() > patience => return Err(error.into()),
                Err(_not_yet) => thread::sleep(Duration::from_millis(20)),
            }
        };
        for database in databases {
            runtime.block_on(client.batch_execute(&format!("CREATE DATABASE {database}")))?;
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = Command::new(self.programs.join("pg_ctl"));
        stop.arg("stop").arg("-D").arg(&self.data).args(["-m", "immediate", "-s"]);
        // What does not stop by itself is killed when the process is dropped.
        let _ = as_owner(&mut stop, self.owner).status();
    }
}

/// PostgreSQL refuses to run as root: the folder then goes to the user that its package made.
fn owner(data: &Path) -> Outcome<Option<u32>> {
    if number_from("id", &["-u"])? != 0 {
        return Ok(None);
    }
    let owner = number_from("id", &["-u", "postgres"])?;
    chown(data, Some(owner), None)?;
    Ok(Some(owner))
}

fn as_owner(command: &mut Command, owner: Option<u32>) -> &mut Command {
    match owner {
        Some(owner) => command.uid(owner).current_dir("/"),
        None => command,
    }
}

fn number_from(program: &str, arguments: &[&str]) -> Outcome<u32> {
    let output = Command::new(program).args(arguments).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The newest `/usr/lib/postgresql/*/bin` that Debian's packages fill.
fn find_programs() -> Outcome<PathBuf> {
    let missing = "no PostgreSQL server found under /usr/lib/postgresql";
    let versions = fs::read_dir("/usr/lib/postgresql").map_err(|_error| missing)?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs.join("postgres").is_file().then_some((version, programs))
        })
        .collect();
    found.sort_unstable();
    found.pop().map(|(_version, programs)| programs).ok_or_else(|| missing.into())
}
