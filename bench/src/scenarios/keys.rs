//! API keys: the check of a warm key, and charges of one hot path of six budgets.

use std::fs;

use super::steady::{Subject, against_its_size, half_load_tail};
use crate::Outcome;
use crate::bench::Bench;
use crate::floor::Floor;
use crate::keyhaven::{Installation, charge as charge_request, check_key};
use crate::load::{Naming, Source};
use crate::report::Row;

/// A key that every cache knows after its first use.
pub(super) fn check(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let (id, text) = installation.key(&["--org", installation.organization()])?;
    let file = bench.folder("tokens-")?.join("tokens");
    fs::write(&file, text)?;
    let server = installation.serve(bench.server_core())?;
    let subject = Subject { server, request: check_key(&id), source: Source::Cycle(file) };
    against_its_size(bench, "check-key", &subject)
}

/// Three keys in a line with a budget each, under a tenant with three of its own: every charge of
/// every caller moves the same six balances. Each has a name that grows with time.
pub(super) fn charge(bench: &Bench) -> Outcome<Vec<Row>> {
    let subject = charges(bench, Naming::Growing)?;
    let rows = bench.folder("rows-")?.join("append.db");
    let (mut lane, rounds) = subject.beside(bench, &[Floor::H, Floor::append(rows)])?;
    let tail = half_load_tail(bench, "charge", &mut lane, &rounds)?;
    Ok(vec![Row::cost("charge", "(H + 8 W)", rounds, goal).goal(1.0), tail])
}

/// The same with names in no order: each touches a page of the index of its own.
pub(super) fn charge_scattered(bench: &Bench) -> Outcome<Vec<Row>> {
    let subject = charges(bench, Naming::Scattered)?;
    let rows = bench.folder("rows-")?.join("append.db");
    let (_, rounds) = subject.beside(bench, &[Floor::H, Floor::append(rows)])?;
    Ok(vec![Row::cost("charge-scattered", "(H + 8 W)", rounds, goal)])
}

fn goal(floors: &[f64]) -> f64 {
    floors[0] + 8.0 * floors[1]
}

fn charges(bench: &Bench, naming: Naming) -> Outcome<Subject> {
    let installation = Installation::create(bench, None)?;
    let limit = ["--limit", "100000000000000", "--unit", "units"];
    let org = ["--org", installation.organization(), "--depth", "3"];
    let (top, _) = installation.key(&[&org[..], &limit].concat())?;
    let below = ["--parent", &top, "--depth", "1"];
    let (middle, _) = installation.key(&[&below[..], &limit].concat())?;
    let below = ["--parent", middle.as_str()];
    let (_, text) = installation.key(&[&below[..], &limit].concat())?;
    for period in ["none", "daily", "monthly"] {
        installation.budget(period)?;
    }
    let meter = installation.meter()?;
    let server = installation.serve(bench.server_core())?;
    let token =
        fs::read_to_string(server.collect(bench, meter.usage_grant(), "access_token", 1)?)?;
    let request = charge_request(token.lines().next().unwrap_or_default(), naming);
    let file = bench.folder("tokens-")?.join("tokens");
    fs::write(&file, text)?;
    Ok(Subject { server, request, source: Source::Cycle(file) })
}
