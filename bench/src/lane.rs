//! A lane is one thing that can be loaded and charged; a comparison runs lanes in turns.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use crate::Outcome;
use crate::bench::Bench;
use crate::cpu::Meter;
use crate::floor::Floor;
use crate::load::{Naming, Plan, Request, Source};
use crate::process::Worker;
use crate::statistics::median;
use crate::wire::{Order, Slice};

/// A loader with whom its requests are charged to.
pub(crate) struct Lane {
    worker: Worker,
    meter: Meter,
    /// The floor's server, when the lane owns it.
    _server: Option<Worker>,
    supply: Option<Supply>,
}

/// What each slice needs new, asked of the server just before the slice and not charged to it.
struct Supply {
    giver: Worker,
    field: &'static str,
    file: PathBuf,
    /// More than a slice can use in a second.
    per_second: usize,
}

/// What one slice cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) cpu_us: f64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Cost {
    fn new(cpu_us: f64, slice: &Slice) -> Outcome<Self> {
        if slice.requests == 0 {
            return Err("a slice without requests: the pool of tokens ran out".into());
        }
        Ok(Self {
            cpu_us: cpu_us / slice.requests as f64,
            per_second: slice.per_second(),
            p50_ms: slice.p50_us / 1e3,
            p99_ms: slice.p99_us / 1e3,
        })
    }

    /// The median of each figure.
    pub(crate) fn typical(costs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(costs.iter().map(figure));
        Self {
            cpu_us: of(|cost| cost.cpu_us),
            per_second: of(|cost| cost.per_second),
            p50_ms: of(|cost| cost.p50_ms),
            p99_ms: of(|cost| cost.p99_ms),
        }
    }
}

impl Lane {
    /// Loads a server that someone else owns.
    pub(crate) fn to(bench: &Bench, plan: &Plan, meter: Meter) -> Outcome<Self> {
        Ok(Self { worker: bench.loader(plan)?, meter, _server: None, supply: None })
    }

    /// Starts a floor and, unless it loads itself, a loader for it.
    pub(crate) fn floor(bench: &Bench, floor: &Floor) -> Outcome<Self> {
        Self::floor_with(bench, floor, Meter::of)
    }

    /// The same, charging more than the floor's own process.
    pub(crate) fn floor_with(
        bench: &Bench,
        floor: &Floor,
        meter: impl FnOnce(u32) -> Outcome<Meter>,
    ) -> Outcome<Self> {
        let mut words = vec!["floor".to_owned()];
        words.extend(floor.arguments());
        let mut server = Worker::start(bench.server_core(), bench.program(), &words)?;
        let meter = meter(server.id())?;
        if matches!(floor, Floor::WAppend(_) | Floor::WUpdate(_)) {
            return Ok(Self { worker: server, meter, _server: None, supply: None });
        }
        let plan = floor_plan(floor, server.hear()?, bench.connections());
        Ok(Self { worker: bench.loader(&plan)?, meter, _server: Some(server), supply: None })
    }

    /// The same, with tokens that the server gives just before each slice: the `field` of what it answers
    /// to the `giver`'s requests, for `per_second` requests at most.
    pub(crate) fn supplied(
        mut self,
        bench: &Bench,
        giver: &Plan,
        field: &'static str,
        per_second: usize,
    ) -> Outcome<Self> {
        let file = bench.folder("supply-")?.join("tokens");
        self.supply = Some(Supply { giver: bench.loader(giver)?, field, file, per_second });
        Ok(self)
    }

    fn restock(&mut self, millis: u64) -> Outcome<()> {
        let Some(supply) = &mut self.supply else { return Ok(()) };
        let count = (supply.per_second * millis as usize / 1_000).max(1);
        let (field, file) = (supply.field.to_owned(), supply.file.clone());
        supply.giver.collect(&Order::Collect { count, field, file })?;
        self.worker.collect(&Order::Feed { file: supply.file.clone() })?;
        Ok(())
    }

    /// One closed-loop slice.
    pub(crate) fn closed(&mut self, millis: u64) -> Outcome<Cost> {
        self.restock(millis)?;
        let before = self.meter.read_us()?;
        let slice = self.worker.slice(&Order::Closed { millis })?;
        Cost::new(self.meter.read_us()? - before, &slice)
    }

    /// One open-loop slice.
    pub(crate) fn open(&mut self, per_second: f64, millis: u64) -> Outcome<Cost> {
        self.restock(millis)?;
        let before = self.meter.read_us()?;
        let slice = self.worker.slice(&Order::Open { per_second, millis })?;
        Cost::new(self.meter.read_us()? - before, &slice)
    }
}

fn floor_plan(floor: &Floor, address: SocketAddr, connections: usize) -> Plan {
    let (method, body, needs) = match floor {
        Floor::H | Floor::WAppend(_) | Floor::WUpdate(_) => ("GET", None, "hello"),
        Floor::Body { .. } | Floor::EncodedBody { .. } => ("GET", None, "{"),
        Floor::Argon2id => ("POST", Some("password=harbour+lights+at+dusk"), "hashed"),
        Floor::HPost => ("POST", Some("grant_type=client_credentials&scope=read"), "hello"),
        Floor::J | Floor::JEddsa | Floor::Postgres { .. } => {
            ("POST", Some("grant_type=client_credentials&scope=read"), "access_token")
        }
    };
    let kind = body.map_or("", |_| "Content-Type: application/x-www-form-urlencoded\r\n");
    let request = Request {
        head: format!("{method} / HTTP/1.1\r\nHost: {address}\r\n{kind}"),
        body: body.map(str::to_owned),
        status: 200,
        or: Vec::new(),
        needs: needs.to_owned(),
        naming: Naming::None,
    };
    Plan { address, connections, request, source: Source::Fixed }
}

/// What a round of turns cost: the candidate and each floor.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) ours: Cost,
    pub(crate) floors: Vec<Cost>,
}

/// Runs candidate and floors in short turns. Every other round goes backwards, so a machine that
/// slows down steadily favours nobody.
pub(crate) fn compare(bench: &Bench, ours: &mut Lane, floors: &mut [Lane]) -> Outcome<Vec<Round>> {
    for lane in floors.iter_mut().chain([&mut *ours]) {
        lane.closed(bench.warm_up_millis())?;
    }
    let millis = bench.slice_millis();
    let mut rounds = Vec::new();
    for turn in 0..bench.rounds() {
        let early = if turn % 2 == 1 { Some(ours.closed(millis)?) } else { None };
        let floors =
            floors.iter_mut().map(|floor| floor.closed(millis)).collect::<Outcome<Vec<_>>>()?;
        let ours = match early {
            Some(cost) => cost,
            None => ours.closed(millis)?,
        };
        rounds.push(Round { ours, floors });
    }
    Ok(rounds)
}
