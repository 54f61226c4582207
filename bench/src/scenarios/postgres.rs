//! Durable issue over PostgreSQL beside one insert per request: both processes' CPU is charged.

use crate::Outcome;
use crate::bench::Bench;
use crate::cluster::Cluster;
use crate::cpu::Meter;
use crate::floor::Floor;
use crate::keyhaven::Installation;
use crate::lane::{Lane, compare};
use crate::load::Source;
use crate::report::Row;

const CONNECTIONS: usize = 32;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Row>> {
    let cluster = Cluster::start(bench, &["floor", "keyhaven"])?;
    let charged = |process| Meter::with_database(process, cluster.postmaster());
    let database = cluster.url("floor");
    let insert = Floor::Postgres { database, connections: CONNECTIONS };
    let mut floor = [Lane::floor_with(bench, &insert, charged)?];
    if !bench.options().keyhaven.exists() {
        let mut hello = [Lane::floor(bench, &Floor::H)?];
        let rounds = compare(bench, &mut floor[0], &mut hello)?;
        return Ok(vec![Row::cost("floor PostgreSQL", "H", rounds, |floors| floors[0])]);
    }
    let installation = Installation::create(bench, Some(cluster.url("keyhaven")))?;
    let client = installation.client(&["--token-format", "opaque"])?;
    let server = installation.serve(bench.server_core())?;
    let plan = server.plan(bench, client.credentials_grant(), Source::Fixed);
    let mut ours = Lane::to(bench, &plan, charged(server.id())?)?;
    let rounds = compare(bench, &mut ours, &mut floor)?;
    let against = "one INSERT per request";
    Ok(vec![Row::cost("postgres-issue", against, rounds, |floors| floors[0]).goal(0.3)])
}
