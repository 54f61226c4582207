//! What can happen to a file: its process is killed, its disk fills, its log grows, another
//! process holds its lock.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use keyhaven_store::Error;
use keyhaven_store::engine::{Location, Options, Step, open};
use tokio::task::JoinSet;

use crate::harness::{
    FORGET_NOTES, LIST_NOTES, Place, done, furnish, has_note, heavy_note, note, notes_in,
    raise_any, value_of,
};

/// The child of the next test finds its data directory and its first id by these.
const KILLED_DIRECTORY: &str = "KEYHAVEN_KILLED_DIRECTORY";
const KILLED_FROM: &str = "KEYHAVEN_KILLED_FROM";
const KILLED_TEST: &str = "sqlite_faults::what_was_acknowledged_survives_kill_9";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    if let Some((location, from)) = role_of_the_child() {
        return write_until_killed(&location, from).await;
    }
    let place = Place::sqlite();
    let engine = place.open().await;
    furnish(&*engine).await;
    engine.close().await.expect("closes");
    let mut acknowledged = BTreeSet::new();
    for round in 0..5 {
        acknowledged.extend(killed_after(300, place.file().parent().expect("a folder"), round));
        let engine = place.open().await;
        let rows = engine.read(&LIST_NOTES, vec![]).await.expect("reads");
        let kept: BTreeSet<i64> = rows.iter().map(|row| row.int(0).expect("an id")).collect();
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        let raised = value_of(&*engine, 1).await;
        assert_eq!(kept.len(), usize::try_from(raised).expect("a count"), "half a commit stands");
        engine.close().await.expect("closes");
    }
}

#[expect(clippy::disallowed_methods, reason = "the child is told its part in the environment")]
fn role_of_the_child() -> Option<(Location, i64)> {
    let directory = std::env::var(KILLED_DIRECTORY).ok()?;
    let from = std::env::var(KILLED_FROM).ok()?.parse().ok()?;
    Some((Location::Sqlite(directory.into()), from))
}

async fn write_until_killed(location: &Location, from: i64) {
    let engine = open(location, Options::default()).await.expect("the engine opens");
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let engine = Arc::clone(&engine);
        callers.spawn(async move {
            for id in from + caller * 100_000.. {
                done(engine.commit(vec![note(id), raise_any(1)]).await);
                writeln!(std::io::stdout().lock(), "kept {id}").expect("the parent listens");
            }
        });
    }
    callers.join_all().await;
}

/// Lets a child write until it has acknowledged `count` commits, kills it, and answers all that it
/// had acknowledged by then.
fn killed_after(count: usize, directory: &Path, round: i64) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([KILLED_TEST, "--exact", "--nocapture"])
        .env(KILLED_DIRECTORY, directory)
        .env(KILLED_FROM, (round * 10_000_000).to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let (mut kept, mut line) = (Vec::new(), String::new());
    while output.read_line(&mut line).expect("text") > 0 {
        // A line torn by the kill has no end. The first one stands behind the test's name.
        let whole = line.strip_suffix('\n').and_then(|line| line.rsplit_once("kept "));
        kept.extend(whole.map(|(_, id)| id.parse::<i64>().expect("an id")));
        line.clear();
        if kept.len() == count {
            child.kill().expect("SIGKILL");
        }
    }
    child.wait().expect("the child is gone");
    assert!(kept.len() >= count, "the child ended by itself after {}", kept.len());
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_under_continuous_load() {
    const LIMIT: u64 = 1 << 20;
    let place = Place::sqlite();
    let engine = place.open_with(Options { log_bytes: LIMIT, ..Options::default() }).await;
    furnish(&*engine).await;
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let engine = Arc::clone(&engine);
        callers.spawn(async move {
            let mut longest = 0;
            for nth in 0..200 {
                let id = caller * 1000 + nth;
                done(engine.commit(vec![heavy_note(id, 8000)]).await);
                assert!(has_note(&*engine, id).await);
                longest = engine.measure().await.expect("measures").log_bytes.max(longest);
            }
            longest
        });
    }
    let longest = callers.join_all().await.into_iter().max().expect("a length");
    let written = engine.measure().await.expect("measures").bytes;
    assert!(written > 20 * LIMIT, "too little was written to show anything: {written}");
    // Four times the limit, and one group of all callers.
    assert!(longest < 5 * LIMIT, "the log grew to {longest} bytes");
    engine.close().await.expect("closes");
    let left = engine.measure().await.expect("measures").log_bytes;
    assert_eq!(left, 0, "closing left {left} bytes of log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_fails_commits_and_heals_without_a_restart() {
    let place = Place::sqlite();
    let most_bytes = Some(4 << 20);
    let engine = place.open_with(Options { most_bytes, ..Options::default() }).await;
    furnish(&*engine).await;
    let mut kept = 0;
    let reason = loop {
        match engine.commit(vec![raise_any(1), heavy_note(kept, 100_000)]).await {
            Ok(_) => kept += 1,
            Err(Error::Broken(reason)) => break reason.to_string(),
            Err(Error::Busy(reason)) => panic!("only busy: {reason}"),
        }
    };
    assert!(reason.contains("full"), "{reason}");
    assert!(kept > 10, "full after {kept} notes");
    assert_eq!(notes_in(&*engine).await, kept, "reads go on, and show what was acknowledged");
    assert_eq!(value_of(&*engine, 1).await, kept, "half of a failed commit stands");
    done(engine.commit(vec![Step::any(&FORGET_NOTES, vec![])]).await);
    done(engine.commit(vec![raise_any(1), heavy_note(kept, 100_000)]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_writer_hangs_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("on purpose: waking this caller panics in the writer's thread");
        }
    }
    let place = Place::sqlite();
    let engine = place.open().await;
    furnish(&*engine).await;
    let mut commit = engine.commit(vec![note(1)]);
    let waker = Waker::from(Arc::new(Panics));
    assert!(commit.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    for id in 2..20 {
        let told = engine.commit(vec![note(id)]).await;
        let unknown = matches!(&told, Err(Error::Broken(r)) if r.to_string().contains("unknown"));
        assert!(told.is_ok() || unknown, "{told:?}");
    }
    done(engine.commit(vec![note(20)]).await);
    assert!(has_note(&*engine, 1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_held_by_another_process_is_busy_for_writers_and_nothing_for_readers() {
    let place = Place::sqlite();
    let engine = place.open().await;
    furnish(&*engine).await;
    let blocked = place.block_writes().await;
    let (outcome, counted) = tokio::join!(engine.commit(vec![note(1)]), notes_in(&*engine));
    assert_eq!(counted, 0);
    let Err(Error::Busy(reason)) = outcome else { panic!("not busy: {outcome:?}") };
    assert!(reason.to_string().contains("locked"), "{reason}");
    blocked.release().await;
    done(engine.commit(vec![note(1)]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_commits_and_checkpoints_do_not_count_as_changes_elsewhere() {
    let place = Place::sqlite();
    let engine = place.open_with(Options { log_bytes: 1 << 17, ..Options::default() }).await;
    furnish(&*engine).await;
    for id in 0..200 {
        done(engine.commit(vec![heavy_note(id, 8000)]).await);
    }
    // The writer may still be ending a group, which is when it cannot tell.
    while engine.changed_elsewhere() {
        tokio::task::yield_now().await;
    }
    let other = place.open().await;
    done(other.commit(vec![note(1000)]).await);
    assert!(engine.changed_elsewhere());
    assert!(!engine.changed_elsewhere(), "told twice");
}

#[tokio::test]
async fn the_files_are_readable_by_their_owner_only() {
    let place = Place::sqlite();
    let engine = place.open().await;
    furnish(&*engine).await;
    let file = place.file();
    let mode = |path: &Path| {
        std::fs::metadata(path).unwrap_or_else(|e| panic!("{path:?}: {e}")).permissions().mode()
            & 0o777
    };
    assert_eq!(mode(file.parent().expect("a folder")), 0o700);
    for file in ["db", "db-wal", "db-shm"].map(|kind| file.with_extension(kind)) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}
