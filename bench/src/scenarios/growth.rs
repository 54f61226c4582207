//! The same requests against few and many stored tokens, each size in an installation of its own,
//! in turns. Ratios are to the smallest.

use crate::Outcome;
use crate::bench::Bench;
use crate::cpu::Meter;
use crate::fill::fill;
use crate::keyhaven::{Client, Installation, Server};
use crate::lane::{Cost, Lane, Round};
use crate::load::Source;
use crate::report::Row;

const OPAQUE: &[&str] = &["--token-format", "opaque"];
const ACTIVE: &str = r#""active":true"#;
/// Up to here a write slice would change the size it measures, so each starts from a fresh copy.
const SMALL: usize = 200_000;

/// One size.
struct Stage {
    tokens: usize,
    installation: Installation,
    client: Client,
    pool: std::path::PathBuf,
}

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Row>> {
    let mut sizes: Vec<usize> = bench.options().growth.iter().map(|size| *size as usize).collect();
    sizes.sort_unstable();
    let stages = sizes.iter().map(|size| stage(bench, *size)).collect::<Outcome<Vec<_>>>()?;
    let reads = reads(bench, &stages)?;
    let writes = writes(bench, &stages)?;
    let mut rows = Vec::new();
    for (at, stage) in stages.iter().enumerate().skip(1) {
        let tokens = stage.tokens as f64;
        let first = format!("{:e} tokens", sizes[0] as f64);
        for (what, costs, goal) in [("read", &reads, 1.6), ("write", &writes, 1.25)] {
            let name = format!("growth {what}, {tokens:e} tokens");
            let rounds = pairs(costs, at);
            let tails: Vec<f64> =
                rounds.iter().map(|round| round.ours.p99_ms / round.floors[0].p99_ms).collect();
            rows.push(Row::cost(&name, &first, rounds, |floors| floors[0]).goal(goal));
            let tail = format!("p99 ÷ p99 at {first}");
            rows.push(Row::figure(&name, &tail, "×", &tails).goal(2.0));
        }
    }
    for stage in stages {
        stage.installation.discard()?;
    }
    Ok(rows)
}

fn stage(bench: &Bench, tokens: usize) -> Outcome<Stage> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(OPAQUE)?;
    let sample = tokens.min(bench.pool_size(80_000));
    let pool = fill(bench, &installation, &client, tokens, sample)?;
    Ok(Stage { tokens, installation, client, pool })
}

/// Introspection of stored tokens in no order, the sizes in turns.
fn reads(bench: &Bench, stages: &[Stage]) -> Outcome<Vec<Vec<Cost>>> {
    let mut running = Vec::new();
    for stage in stages {
        let server = stage.installation.serve(bench.server_core())?;
        let source = Source::Cycle(stage.pool.clone());
        let plan = server.plan(bench, stage.client.introspection(ACTIVE), source);
        let mut lane = Lane::to(bench, &plan, Meter::of(server.id())?)?;
        lane.closed(bench.warm_up_millis())?;
        running.push((server, lane));
    }
    let mut rounds = Vec::new();
    for _turn in 0..bench.rounds() {
        let costs = running.iter_mut().map(|(_server, lane)| lane.closed(bench.slice_millis()));
        rounds.push(costs.collect::<Outcome<Vec<_>>>()?);
    }
    running.into_iter().try_for_each(|(server, _lane)| server.stop())?;
    Ok(rounds)
}

/// Opaque issue. Slices are short and small sizes start each from a fresh copy, because writing
/// makes a small database a large one within a second.
fn writes(bench: &Bench, stages: &[Stage]) -> Outcome<Vec<Vec<Cost>>> {
    let large = stages
        .iter()
        .map(|stage| {
            let server =
                (stage.tokens > SMALL).then(|| stage.installation.serve(bench.server_core()));
            server.transpose()
        })
        .collect::<Outcome<Vec<Option<Server>>>>()?;
    let mut rounds = Vec::new();
    for _turn in 0..bench.rounds() {
        let mut costs = Vec::new();
        for (stage, server) in stages.iter().zip(&large) {
            costs.push(match server {
                Some(server) => write_slice(bench, stage, server)?,
                None => write_to_copy(bench, stage)?,
            });
        }
        rounds.push(costs);
    }
    large.into_iter().flatten().try_for_each(Server::stop)?;
    Ok(rounds)
}

fn write_to_copy(bench: &Bench, stage: &Stage) -> Outcome<Cost> {
    let copy = stage.installation.copy(bench)?;
    let server = copy.serve(bench.server_core())?;
    let cost = write_slice(bench, stage, &server)?;
    server.stop()?;
    copy.discard()?;
    Ok(cost)
}

fn write_slice(bench: &Bench, stage: &Stage, server: &Server) -> Outcome<Cost> {
    let plan = server.plan(bench, stage.client.credentials_grant(), Source::Fixed);
    let mut lane = Lane::to(bench, &plan, Meter::of(server.id())?)?;
    lane.closed(bench.slice_millis() / 15)?;
    lane.closed(bench.slice_millis() / 3)
}

/// The rounds of one size beside the smallest.
fn pairs(rounds: &[Vec<Cost>], at: usize) -> Vec<Round> {
    rounds.iter().map(|costs| Round { ours: costs[at], floors: vec![costs[0]] }).collect()
}
