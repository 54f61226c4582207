//! F03: the disk is full. Reading and verifying go on, writing answers 503, nothing acknowledged
//! is lost, and with space the node works again by itself.
//!
//! The disk is a small tmpfs in a mount namespace of the server's own, so nothing is left mounted;
//! the test reaches its files through `/proc/PID/root`.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use keyhaven_store::engine::Statement;
use keyhaven_store::values;
use tokio::process::Command;

use super::installation::{As, Installation, Registered};
use super::server::{Server, command};
use super::stopwatch::real_clock;
use super::wire::{Caller, Order};

/// Room for the database and a write-ahead log that is not yet due for a checkpoint.
const SIZE: &str = "size=12m";

/// A commit takes a page at least, so a full disk shows long before.
pub(super) const MOST_WRITES: usize = 5_000;

static INTEGRITY: Statement = Statement::new("faults.integrity", "PRAGMA integrity_check");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_only_and_heals_by_itself() {
    let prepared = Installation::sqlite();
    let [opaque, jwt] = prepared.register([As::Opaque, As::Jwt]).await;
    let disk = Disk::with(&prepared).await;
    let mut caller = Caller::of(disk.server.address);
    let mut tokens = Vec::new();
    for _ in 0..20 {
        tokens.push(caller.ask(&Order::issue(&opaque)).await.text("access_token"));
    }
    let family = caller.ask(&Order::begin(&opaque)).await.text("refresh_token");
    let head = caller.ask(&Order::rotate(&opaque, &family)).await.text("refresh_token");

    let ballast = disk.fill();
    until_refused(&mut caller, &opaque, &mut tokens).await;
    reading_goes_on(&mut caller, &opaque, &jwt, &tokens).await;
    // A rotation that had no room may not have happened; one that was answered has.
    let turned = caller.ask(&Order::rotate(&opaque, &head)).await;
    let revoked = caller.ask(&Order::revoke(&opaque, &tokens[0])).await;
    assert!(turned.unavailable() || turned.status == 200, "{turned:?}");
    assert!(revoked.unavailable() || revoked.status == 200, "{revoked:?}");
    until_refused(&mut caller, &opaque, &mut tokens).await;

    fs::remove_file(ballast).expect("the ballast goes");
    tokens.push(caller.ask(&Order::issue(&opaque)).await.text("access_token"));
    assert_eq!(caller.ask(&Order::revoke(&opaque, &tokens[0])).await.status, 200);
    everything_is_there(&mut caller, &opaque, &tokens).await;
    let next = caller.ask(&Order::rotate(&opaque, &head)).await.text("refresh_token");
    if turned.status == 200 {
        assert_eq!(turned.text("refresh_token"), next, "a second head");
    }
    let rescued = disk.rescue().await;
    assert_eq!(integrity(&rescued).await, "ok");
    let again = Server::start(&rescued).await;
    everything_is_there(&mut Caller::of(again.address), &opaque, &tokens).await;
}

/// The first token was revoked; every other one stands.
async fn everything_is_there(caller: &mut Caller, client: &Registered, tokens: &[String]) {
    assert!(!caller.ask(&Order::introspect(client, &tokens[0])).await.active());
    for token in &tokens[1..] {
        assert!(caller.ask(&Order::introspect(client, token)).await.active(), "a token is gone");
    }
}

async fn integrity(installation: &Installation) -> String {
    let node = installation.open(real_clock(0)).await;
    let engine = node.app.store.engine();
    let mut rows = engine.read(&INTEGRITY, values![]).await.expect("reads");
    engine.close().await.expect("closes");
    rows[0].text(0).expect("text")
}

/// Issues until there is no room, noting what was acknowledged.
async fn until_refused(caller: &mut Caller, client: &Registered, tokens: &mut Vec<String>) {
    for _ in 0..MOST_WRITES {
        let answer = caller.ask(&Order::issue(client)).await;
        if answer.unavailable() {
            return;
        }
        tokens.push(answer.text("access_token"));
    }
    panic!("a full disk took {MOST_WRITES} writes");
}

async fn reading_goes_on(
    caller: &mut Caller,
    opaque: &Registered,
    jwt: &Registered,
    tokens: &[String],
) {
    for token in tokens.iter().rev().take(30) {
        assert!(caller.ask(&Order::introspect(opaque, token)).await.active(), "a token is gone");
    }
    let signed = caller.ask(&Order::issue(jwt)).await.text("access_token");
    assert!(caller.ask(&Order::introspect(jwt, &signed)).await.active());
}

/// A server on a disk of its own.
pub(super) struct Disk {
    pub(super) server: Server,
    /// Its data directory as this process reaches it.
    seen_from_here: PathBuf,
    _mount_point: Installation,
}

impl Disk {
    /// A disk with what `prepared` holds.
    pub(super) async fn with(prepared: &Installation) -> Self {
        let there = Installation::sqlite();
        fs::create_dir_all(there.data()).expect("a mount point");
        assert!(can_mount(prepared).await, "{MISSING}");
        let server = Server::start_with(mounted(prepared, &there)).await;
        let seen = PathBuf::from(format!("/proc/{}/root", server.pid()));
        let seen_from_here = seen.join(there.data().strip_prefix("/").expect("absolute"));
        Self { server, seen_from_here, _mount_point: there }
    }

    /// Writes until nothing more fits.
    pub(super) fn fill(&self) -> PathBuf {
        let path = self.seen_from_here.join("ballast");
        let mut file = File::create(&path).expect("a file");
        for size in [64 << 10, 512, 1] {
            let full = write_until_refused(&mut file, size);
            assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
        }
        path
    }

    /// What is on the disk at this instant, as another installation.
    pub(super) async fn rescue(self) -> Installation {
        self.server.pause();
        let rescued = Installation::sqlite();
        fs::create_dir_all(rescued.data()).expect("a folder");
        for file in
            fs::read_dir(&self.seen_from_here).expect("reads").map(|file| file.expect("one"))
        {
            fs::copy(file.path(), rescued.data().join(file.file_name())).expect("copies");
        }
        self.server.kill().await;
        rescued
    }
}

fn write_until_refused(file: &mut File, size: usize) -> std::io::Error {
    let chunk = vec![0; size];
    loop {
        if let Err(refused) = file.write_all(&chunk) {
            return refused;
        }
    }
}

const MISSING: &str = "a small tmpfs cannot be mounted here: run as root with CAP_SYS_ADMIN, or \
                       allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)";

async fn can_mount(prepared: &Installation) -> bool {
    let mut probe = isolated();
    let folder = tempfile::tempdir().expect("a folder");
    probe.env("SOURCE", prepared.data());
    probe.args(["sh", "-c", MOUNT]).arg(folder.path()).arg("true");
    probe.output().await.is_ok_and(|output| output.status.success())
}

/// Mounts on its first argument, copies `SOURCE` there, and becomes the rest.
const MOUNT: &str =
    r#"mount -t tmpfs -o "$SIZE" tmpfs "$0" && cp -a "$SOURCE/." "$0" && exec "$@""#;

/// `unshare`, as root or as the root of a user namespace.
fn isolated() -> Command {
    let mut isolated = Command::new("unshare");
    let root = fs::metadata("/proc/self")
        .is_ok_and(|this| std::os::unix::fs::MetadataExt::uid(&this) == 0);
    isolated.args(if root { ["--mount"].as_slice() } else { &["--map-root-user", "--mount"] });
    isolated.env("SIZE", SIZE);
    isolated
}

/// The usual command, on a disk mounted at its data directory.
fn mounted(prepared: &Installation, there: &Installation) -> Command {
    let usual = command(there);
    let mut mounted = isolated();
    mounted.env("SOURCE", prepared.data()).args(["sh", "-c", MOUNT]).arg(there.data());
    mounted.arg(usual.as_std().get_program()).args(usual.as_std().get_args());
    mounted.env("KEYHAVEN_LOG_LEVEL", "error").env_remove("KEYHAVEN_TEST_POSTGRES");
    mounted.env_remove("KEYHAVEN_FAULT_SEED");
    mounted
}
