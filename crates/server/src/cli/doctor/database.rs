//! The database: reachable, current, writable, opened by our keys, and of one mind with our clock.

use std::sync::Arc;

use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::engine::{self, Engine, Options};
use keyhaven_store::{Page, Reach, Store, instance};

use super::Finding;
use crate::boot;
use crate::cli::World;
use crate::config::Config;
use crate::keyring::KeyRing;
use crate::master_key::{Fresh, MasterKeys, Source};
use crate::refusals::RefusalLog;

/// Nodes may differ by five seconds (F08); more makes tokens of one look odd to another.
const APART: i64 = 5;

/// A rotation is due every period; after one more day nobody is doing it.
const OVERDUE: Seconds = Seconds(24 * 60 * 60);

const BACK_UP: &str = "restore the data directory from a backup, or see the log of the server";

pub(super) async fn look(config: &Config, world: &World) -> Vec<Finding> {
    const CHECK: &str = "database";
    let Some(location) = boot::location(config) else {
        let fix = "set database to postgres://… or sqlite:DIR";
        return vec![Finding::failure(CHECK, "the URL is of no engine we know", fix)];
    };
    let engine = match engine::open(&location, Options::default()).await {
        Ok(engine) => engine,
        Err(error) => {
            let detail = format!("{location:?} cannot be opened: {error}");
            let fix = "start the database, or correct the setting `database`";
            return vec![Finding::failure(CHECK, detail, fix)];
        }
    };
    let mut findings = vec![Finding::ok(CHECK, format!("{location:?}, its schema is current"))];
    findings.push(clock(engine.as_ref(), world).await);
    match sealed(config, engine.clone(), world).await {
        Ok((finding, store)) => {
            findings.push(finding);
            findings.push(answers(&store, world).await);
            findings.push(signing_keys(&store, config, world.clock.now()).await);
        }
        Err(finding) => findings.push(finding),
    }
    if let Err(error) = engine.close().await {
        findings.push(Finding::warning(CHECK, format!("does not close: {error}"), BACK_UP));
    }
    findings
}

/// Whether our master key is the one that sealed it.
async fn sealed(
    config: &Config,
    engine: Arc<dyn Engine>,
    world: &World,
) -> Result<(Finding, Store), Finding> {
    const CHECK: &str = "master key";
    let failed = |detail: String, fix: &str| Finding::failure(CHECK, detail, fix);
    let unread = |error: anyhow::Error| {
        failed(format!("{error:#}"), "correct that, or load the key it was sealed with")
    };
    let source = Source::of(config).map_err(unread)?;
    let master = MasterKeys::load(config, Fresh::No, &world.dice).await.map_err(unread)?;
    let sealed_by = instance::find_fact(engine.as_ref(), boot::SEALED_BY).await;
    let sealed_by = sealed_by.map_err(|error| failed(error.to_string(), BACK_UP))?;
    if let Some(name) = &sealed_by
        && !master.names().any(|known| known == *name)
    {
        let detail = format!(
            "the database is sealed with {name}, which is not loaded; the current key is from {source}"
        );
        let fix = "give that key by master_key or master_key_command, or among the previous ones";
        return Err(failed(detail, fix));
    }
    let sealer = master.sealer().map_err(|error| failed(format!("{error:#}"), BACK_UP))?;
    let detail = format!("from {source}, opens what the database holds");
    Ok((Finding::ok(CHECK, detail), Store::new(engine, sealer)))
}

/// One read and one write, timed.
async fn answers(store: &Store, world: &World) -> Finding {
    const CHECK: &str = "reads and writes";
    let begun = world.clock.tick();
    if let Err(error) = store.has_organizations().await {
        return Finding::failure(CHECK, format!("it does not answer: {error}"), BACK_UP);
    }
    let read = world.clock.tick();
    let (log, mut written) = RefusalLog::new();
    let refusal = Refusal::request("keyhaven doctor was here; nothing was refused");
    log.note(&refusal, None, "doctor", world.dice.bytes(), world.clock.now());
    let row = written.try_recv().into_iter().collect();
    if let Err(error) = store.record_refusals(row).await {
        let fix = "look for a full disk, a read-only file system or missing rights";
        return Finding::failure(CHECK, format!("it takes no writes: {error}"), fix);
    }
    let wrote = world.clock.tick();
    let (read, wrote) = (read.saturating_sub(begun), wrote.saturating_sub(read));
    let detail = format!("a read took {read} ms, a durable write {wrote} ms");
    if read.max(wrote) > 250 {
        return Finding::warning(CHECK, detail, "move the database closer, or to a faster disk");
    }
    Finding::ok(CHECK, detail)
}

async fn clock(engine: &dyn Engine, world: &World) -> Finding {
    const CHECK: &str = "clock";
    let ours = world.clock.now();
    let theirs = match instance::find_clock(engine).await {
        Ok(text) => text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second),
        Err(error) => return Finding::failure(CHECK, error.to_string(), BACK_UP),
    };
    let Ok(theirs) = theirs else {
        let fix = "compare both clocks by hand";
        return Finding::warning(CHECK, "the database told no time we can read", fix);
    };
    let apart = (ours.0 - theirs).abs();
    if apart > APART {
        let detail = format!("{apart} seconds away from the database's");
        return Finding::failure(CHECK, detail, "synchronise both machines (chrony, NTP)");
    }
    Finding::ok(CHECK, "agrees with the database's")
}

async fn signing_keys(store: &Store, config: &Config, now: Timestamp) -> Finding {
    const CHECK: &str = "signing keys";
    let page = Page { after: None, limit: 1 };
    if let Ok(audit) = store.list_audit(Reach::Instance, None, page).await
        && let Some(newest) = audit.items.first()
        && newest.at.0 > now.0 + APART
    {
        let detail = "the newest audit row lies in the future: the clock was set back";
        return Finding::failure("clock", detail, "synchronise this machine (chrony, NTP)");
    }
    if let Err(error) = KeyRing::load(store).await {
        return Finding::failure(CHECK, format!("cannot be opened: {error}"), BACK_UP);
    }
    let keys = match store.list_signing_key_summaries().await {
        Ok(keys) => keys,
        Err(error) => return Finding::failure(CHECK, error.to_string(), BACK_UP),
    };
    let wanted = config.signing_algorithm.as_str();
    let mut signing = keys.iter().filter(|key| key.signs_from <= now);
    let Some(newest) = signing.find(|key| key.alg == wanted) else {
        let detail = format!("there is no {wanted} key that signs");
        return Finding::failure(CHECK, detail, "keyhaven serve makes one when it starts");
    };
    let due = newest.signs_from.plus(config.signing_rotation.seconds());
    let detail = format!("{wanted} {}, {} published in all", newest.kid, keys.len());
    if due.plus(OVERDUE) < now {
        let fix = "a running server rotates by itself; or: keyhaven signing-key rotate";
        return Finding::warning(CHECK, format!("{detail}; its rotation is overdue"), fix);
    }
    Finding::ok(CHECK, detail)
}
