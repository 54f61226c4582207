//! What a process costs before it does anything: start to first token, idle memory, file size.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::bench::Bench;
use crate::cpu::resident_bytes;
use crate::keyhaven::Installation;
use crate::load::exchange_once;
use crate::report::Row;

const MIB: f64 = 1024.0 * 1024.0;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(&["--token-format", "jwt"])?;
    let request = client.credentials_grant();
    // The first start makes signing keys; every later one finds data.
    exchange_once(installation.serve(None)?.address, &request)?;
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _turn in 0..bench.rounds() {
        let begun = Instant::now();
        let server = installation.serve(None)?;
        exchange_once(server.address, &request)?;
        starts.push(begun.elapsed().as_secs_f64() * 1e3);
        // Idle means that start-up work is over; its length does not matter to the figure.
        thread::sleep(Duration::from_millis(bench.slice_millis()));
        memory.push(resident_bytes(server.id())? as f64 / MIB);
        server.stop()?;
    }
    let size = fs::metadata(installation.program())?.len() as f64 / MIB;
    Ok(vec![
        Row::figure("start", "spawn to first token, data present", "ms", &starts).goal(25.0),
        Row::figure("start", "idle memory", "MiB", &memory).goal(24.0),
        Row::figure("start", "binary", "MiB", &[size]).goal(25.0),
    ])
}
