//! What can happen to a server: it stops, it hangs, it ends our sessions. Each test that hurts a
//! server starts its own.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use keyhaven_store::Error;
use keyhaven_store::engine::{Commit, Engine, Location, Options};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::harness::{
    LIST_NOTES, Place, connect, done, furnish, has_note, note, notes_in, raise_any, value_of,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_is_busy_and_found_again_with_everything_acknowledged() {
    let server = Server::start();
    let place = Place::postgres_on(&server.url()).await;
    let engine = place.open().await;
    furnish(&*engine).await;
    let load = Load::start(&engine);
    for _ in 0..2 {
        load.until_each(Seen::Kept).await;
        server.stop_at_once();
        load.until_each(Seen::Busy).await;
        server.serve();
    }
    load.until_each(Seen::Kept).await;
    let acknowledged = load.stop().await;
    let rows = engine.read(&LIST_NOTES, vec![]).await.expect("reads");
    let kept: BTreeSet<i64> = rows.iter().map(|row| row.int(0).expect("an id")).collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    let odd = kept.iter().filter(|id| *id % 2 == 1).count();
    let raised = usize::try_from(value_of(&*engine, 1).await).expect("a count");
    assert_eq!(odd, raised, "half a commit stands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_busy_and_found_again() {
    let server = Server::start();
    let place = Place::postgres_on(&server.url()).await;
    let deadline = Duration::from_millis(500);
    let engine = place.open_with(Options { deadline, ..Options::default() }).await;
    furnish(&*engine).await;
    done(engine.commit(vec![note(0), raise_any(1)]).await);
    server.signal_all("-STOP");
    for round in 1..4 {
        let answers = async {
            (
                engine.commit(vec![note(round)]).await.map(|_| ()),
                engine.commit(vec![note(round), raise_any(1)]).await.map(|_| ()),
                engine.read(&LIST_NOTES, vec![]).await.map(|_| ()),
            )
        };
        // Far above three deadlines: only an answer that never comes fails here.
        let answers = timeout(Duration::from_secs(30), answers).await.expect("answers come");
        let all_busy = (Err(()), Err(()), Err(()));
        let busy = |answer: Result<(), Error>| match answer {
            Ok(()) => Ok(()),
            Err(Error::Busy(_)) => Err(()),
            Err(Error::Broken(reason)) => panic!("broken, though it heals: {reason}"),
        };
        assert_eq!((busy(answers.0), busy(answers.1), busy(answers.2)), all_busy);
    }
    server.signal_all("-CONT");
    until_kept(&engine, |id| vec![note(id)]).await;
    until_kept(&engine, |id| vec![note(id), raise_any(1)]).await;
    assert!(has_note(&*engine, 0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_ended_by_an_administrator_are_replaced() {
    let place = Place::postgres().await;
    let engine = place.open().await;
    furnish(&*engine).await;
    let Location::Postgres(url) = &place.location else { panic!("no PostgreSQL") };
    let administrator = connect(url).await;
    for _ in 0..3 {
        done(engine.commit(vec![raise_any(1)]).await);
        let ended = administrator
            .batch_execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = 'keyhaven'",
            )
            .await;
        ended.expect("the administrator may");
        until_kept(&engine, |id| vec![note(id)]).await;
        until_kept(&engine, |id| vec![note(id), raise_any(1)]).await;
        assert!(notes_in(&*engine).await > 0);
    }
    place.discard().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_never_reaches_an_error() {
    let url = "postgres://keyhaven:hunter2@127.0.0.1:1/none";
    let location = Location::parse(url).expect("a location");
    let refused = keyhaven_store::engine::open(&location, Options::default()).await;
    let Err(error @ Error::Busy(_)) = refused else { panic!("nobody listens there") };
    assert!(!format!("{error} {error:?} {location:?}").contains("hunter2"), "{error:?}");
}

/// Commits until one is kept; until then every answer must be `Busy`.
async fn until_kept(
    engine: &Arc<dyn Engine>,
    steps: impl Fn(i64) -> Vec<keyhaven_store::engine::Step>,
) {
    static NEXT: AtomicI64 = AtomicI64::new(1_000_000);
    loop {
        match engine.commit(steps(NEXT.fetch_add(1, Ordering::Relaxed))).await {
            Ok(Commit::Done(_)) => return,
            Ok(Commit::Lost(at)) => panic!("lost at {at}"),
            Err(Error::Busy(_)) => yield_now().await,
            Err(Error::Broken(reason)) => panic!("broken, though it heals: {reason}"),
        }
    }
}

/// What a caller under load has seen.
#[derive(Clone, Copy)]
enum Seen {
    Kept = 0,
    Busy = 1,
}

/// How often each kind of caller has seen each answer.
type Counts = [[AtomicU64; 2]; 3];

/// Callers that append (even ids), commit in several steps (odd ids) and read, without pause.
struct Load {
    stopped: Arc<AtomicBool>,
    counts: Arc<Counts>,
    callers: JoinSet<BTreeSet<i64>>,
}

impl Load {
    fn start(engine: &Arc<dyn Engine>) -> Self {
        let (stopped, counts) = (Arc::new(AtomicBool::new(false)), Arc::<Counts>::default());
        let mut callers = JoinSet::new();
        for caller in 0..12_u8 {
            let engine = Arc::clone(engine);
            let (stopped, counts) = (Arc::clone(&stopped), Arc::clone(&counts));
            callers.spawn(async move {
                let mut acknowledged = BTreeSet::new();
                let mut nth = 0;
                while !stopped.load(Ordering::Relaxed) {
                    nth += 1;
                    let id = (i64::from(caller) << 32) + nth * 2 + i64::from(caller % 3);
                    let kind = usize::from(caller % 3);
                    let seen = match ask(&*engine, kind, id).await {
                        Ok(()) => Seen::Kept,
                        Err(Error::Busy(_)) => Seen::Busy,
                        Err(Error::Broken(reason)) => panic!("broken, though it heals: {reason}"),
                    };
                    if kind < 2 && matches!(seen, Seen::Kept) {
                        acknowledged.insert(id);
                    }
                    counts[kind][seen as usize].fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                }
                acknowledged
            });
        }
        Self { stopped, counts, callers }
    }

    /// Waits until every kind of caller has seen this answer, from now on, many times.
    async fn until_each(&self, seen: Seen) {
        let now = || {
            [0, 1, 2].map(|kind: usize| self.counts[kind][seen as usize].load(Ordering::Relaxed))
        };
        let before = now();
        while now().iter().zip(before).any(|(now, before)| *now < before + 20) {
            assert!(!self.callers.is_empty());
            yield_now().await;
        }
    }

    async fn stop(self) -> BTreeSet<i64> {
        self.stopped.store(true, Ordering::Relaxed);
        self.callers.join_all().await.into_iter().flatten().collect()
    }
}

async fn ask(engine: &dyn Engine, kind: usize, id: i64) -> Result<(), Error> {
    let stands = |commit: Commit| assert!(matches!(commit, Commit::Done(_)), "{commit:?}");
    match kind {
        0 => engine.commit(vec![note(id)]).await.map(stands),
        1 => engine.commit(vec![note(id), raise_any(1)]).await.map(stands),
        _ => engine.read(&LIST_NOTES, vec![]).await.map(|_| ()),
    }
}

/// A PostgreSQL of the test's own: a cluster in a temporary folder, reached by its socket there.
struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Self { folder, programs: programs() };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(server.folder.path()));
        }
        let data = server.data();
        let mut initdb = server.program("initdb");
        run(initdb.arg("-D").arg(data).args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "-N"]));
        server.serve();
        server
    }

    fn serve(&self) {
        let socket = format!("-c listen_addresses='' -k {}", self.folder.path().display());
        let mut start = self.program("pg_ctl");
        start.args(["start", "-w", "-o", &socket, "-D"]).arg(self.data());
        run(start.arg("-l").arg(self.folder.path().join("log")));
    }

    /// As after a power cut.
    fn stop_at_once(&self) {
        run(self.program("pg_ctl").args(["stop", "-m", "immediate", "-D"]).arg(self.data()));
    }

    /// Sends a signal to the server and all its children.
    fn signal_all(&self, signal: &str) {
        let parent = self.pid();
        let children = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(children).expect("Linux tells children");
        let mut kill = Command::new("kill");
        kill.arg(signal).arg(&parent).args(children.split_whitespace()).stderr(Stdio::null());
        // A child may be gone by now; the others have heard.
        kill.status().expect("the program starts");
    }

    fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=postgres", self.folder.path().display())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn pid(&self) -> String {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid"));
        file.expect("it runs").lines().next().expect("its pid").to_owned()
    }

    /// One of PostgreSQL's programs, which refuse to run as root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        if !is_root() {
            return Command::new(path);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(path);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.signal_all("-CONT");
            self.stop_at_once();
        }
    }
}

fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    #[expect(clippy::disallowed_methods, reason = "a test looks for the server's programs")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&path));
    found.reverse();
    let found = found.into_iter().find(|folder| folder.join("pg_ctl").exists());
    found.expect("PostgreSQL's programs: run `cargo xtask test`, which installs them")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self")
        .is_ok_and(|this| std::os::unix::fs::MetadataExt::uid(&this) == 0)
}

fn run(command: &mut Command) {
    command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{command:?}: {status}");
}
