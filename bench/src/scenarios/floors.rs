//! The floors alone, as multiples of H: what this machine can do before Keyhaven does anything.

use crate::Outcome;
use crate::bench::Bench;
use crate::floor::Floor;
use crate::lane::{Lane, compare};
use crate::report::Row;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Row>> {
    let rows = bench.folder("rows-")?;
    let families = bench.options().families;
    let floors = [
        ("floor H, POST", Floor::HPost),
        ("floor J", Floor::J),
        ("floor J, EdDSA", Floor::JEddsa),
        ("floor W, append", Floor::append(rows.join("append.db"))),
        ("floor W, update", Floor::update(rows.join("update.db"), families)),
    ];
    let mut out = Vec::new();
    for (name, floor) in floors {
        let mut lane = Lane::floor(bench, &floor)?;
        let mut hello = [Lane::floor(bench, &Floor::H)?];
        let rounds = compare(bench, &mut lane, &mut hello)?;
        out.push(Row::cost(name, "H", rounds, |floors| floors[0]));
    }
    Ok(out)
}
