//! One endpoint under steady load beside its floors: CPU per request as a ratio.

use std::fs;

use crate::Outcome;
use crate::bench::Bench;
use crate::cpu::Meter;
use crate::fill::fill;
use crate::floor::Floor;
use crate::keyhaven::{Client, Installation, Server};
use crate::lane::{Cost, Lane, Round, compare};
use crate::load::{Request, Source, exchange_once};
use crate::report::Row;
use crate::statistics::median;

const OPAQUE: &[&str] = &["--token-format", "opaque"];
const ES256: &[&str] = &["--token-format", "jwt", "--token-alg", "ES256"];
const EDDSA: &[&str] = &["--token-format", "jwt", "--token-alg", "EdDSA"];
/// Few enough for any cache, many enough that one entry is not the whole story.
const WARM: usize = 1_000;

const ACTIVE: &str = r#""active":true"#;
const DEAD: &str = r#""active":false"#;

/// A server, one client of it, and what to send.
pub(super) struct Subject {
    pub(super) server: Server,
    pub(super) request: Request,
    pub(super) source: Source,
}

impl Subject {
    /// Measures it beside `floors`, charging the server's process alone.
    pub(super) fn beside(&self, bench: &Bench, floors: &[Floor]) -> Outcome<(Lane, Vec<Round>)> {
        let plan = self.server.plan(bench, self.request.clone(), self.source.clone());
        let mut lane = Lane::to(bench, &plan, Meter::of(self.server.id())?)?;
        let mut floors =
            floors.iter().map(|floor| Lane::floor(bench, floor)).collect::<Outcome<Vec<_>>>()?;
        let rounds = compare(bench, &mut lane, &mut floors)?;
        Ok((lane, rounds))
    }
}

impl Subject {
    /// What the server answers to the first request.
    fn answer(&self) -> Outcome<String> {
        let mut request = self.request.clone();
        if let Source::Cycle(file) = &self.source {
            let tokens = fs::read_to_string(file)?;
            let first = tokens.lines().next().unwrap_or_default();
            request.body = request.body.map(|body| body.replacen("{}", first, 1));
        }
        Ok(exchange_once(self.server.address, &request)?.body)
    }
}

pub(super) fn credentials_es256(bench: &Bench) -> Outcome<Vec<Row>> {
    let (_lane, rounds) = credentials(bench, ES256)?.beside(bench, &[Floor::J])?;
    Ok(vec![
        Row::cost("cc-es256", "J", rounds.clone(), |floors| floors[0]).goal(1.10),
        saturated_tail("cc-es256", &rounds),
    ])
}

pub(super) fn credentials_eddsa(bench: &Bench) -> Outcome<Vec<Row>> {
    let (_lane, rounds) = credentials(bench, EDDSA)?.beside(bench, &[Floor::J, Floor::JEddsa])?;
    Ok(vec![
        Row::cost("cc-eddsa", "J", rounds.clone(), |floors| floors[0]).goal(0.85),
        Row::cost("cc-eddsa", "J with EdDSA", rounds.clone(), |floors| floors[1]),
        saturated_tail("cc-eddsa", &rounds),
    ])
}

pub(super) fn credentials_opaque(bench: &Bench) -> Outcome<Vec<Row>> {
    let subject = credentials(bench, OPAQUE)?;
    let (mut lane, rounds) = subject.beside(bench, &[Floor::H])?;
    let tail = half_load_tail(bench, "cc-opaque", &mut lane, &rounds)?;
    Ok(vec![Row::cost("cc-opaque", "H", rounds, |floors| floors[0]).goal(2.2), tail])
}

pub(super) fn introspect_warm(bench: &Bench) -> Outcome<Vec<Row>> {
    let subject = pooled(bench, OPAQUE, |client| client.introspection(ACTIVE))?;
    against_hello(bench, "introspect-warm", &subject, 1.5)
}

pub(super) fn introspect_jwt(bench: &Bench) -> Outcome<Vec<Row>> {
    let subject = pooled(bench, ES256, |client| client.introspection(ACTIVE))?;
    against_hello(bench, "introspect-jwt", &subject, 2.0)
}

pub(super) fn check_opaque(bench: &Bench) -> Outcome<Vec<Row>> {
    let subject = pooled(bench, OPAQUE, Client::check)?;
    against_its_size(bench, "check-opaque", &subject)
}

pub(super) fn check_jwt(bench: &Bench) -> Outcome<Vec<Row>> {
    let subject = pooled(bench, ES256, Client::check)?;
    against_its_size(bench, "check-jwt", &subject)
}

/// Every token is presented once and was never seen by the server, so no cache can know it.
pub(super) fn introspect_cold(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(OPAQUE)?;
    let count = bench.pool_size(90_000);
    let file = fill(bench, &installation, &client, count, count)?;
    let server = installation.serve(bench.server_core())?;
    let request = client.introspection(ACTIVE);
    let subject = Subject { server, request, source: Source::Once(file) };
    against_hello(bench, "introspect-cold", &subject, 2.2)
}

pub(super) fn refresh(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(ES256)?;
    let server = installation.serve(bench.server_core())?;
    let families = bench.options().families;
    let field = "refresh_token".to_owned();
    let file = server.collect(bench, client.credentials_grant_in_json(), &field, families)?;
    let source = Source::Rotate { file, field };
    let subject = Subject { server, request: client.refresh_grant(), source };
    let rows = bench.folder("rows-")?.join("update.db");
    let floors = [Floor::J, Floor::update(rows, families)];
    let (mut lane, rounds) = subject.beside(bench, &floors)?;
    let tail = half_load_tail(bench, "refresh", &mut lane, &rounds)?;
    let row = Row::cost("refresh", "(J + 1.5 W)", rounds, |floors| floors[0] + 1.5 * floors[1]);
    Ok(vec![row.goal(1.0), tail])
}

/// Revokes each token once, then asks for them again: a revocation that did not take effect would
/// be cheap.
pub(super) fn revoke(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(OPAQUE)?;
    let server = installation.serve(bench.server_core())?;
    let count = bench.pool_size(70_000);
    let file = server.collect(bench, client.credentials_grant(), "access_token", count)?;
    let source = Source::Once(file.clone());
    let subject = Subject { server, request: client.revocation(), source };
    let rows = bench.folder("rows-")?.join("append.db");
    let (_lane, rounds) = subject.beside(bench, &[Floor::H, Floor::append(rows)])?;
    let sent = fs::read_to_string(&file)?.lines().take(WARM).collect::<Vec<_>>().join("\n");
    fs::write(&file, sent)?;
    let plan = subject.server.plan(bench, client.introspection(DEAD), Source::Once(file));
    Lane::to(bench, &plan, Meter::of(subject.server.id())?)?.closed(10_000)?;
    let floor = |floors: &[f64]| floors[0] + 2.0 * floors[1] + 5.0;
    Ok(vec![Row::cost("revoke", "(H + 2 W + 5 µs)", rounds, floor).goal(1.0)])
}

fn credentials(bench: &Bench, flags: &[&str]) -> Outcome<Subject> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(flags)?;
    let server = installation.serve(bench.server_core())?;
    Ok(Subject { server, request: client.credentials_grant(), source: Source::Fixed })
}

/// A server that issued a few tokens and is asked about them again and again.
fn pooled(
    bench: &Bench,
    flags: &[&str],
    request: impl FnOnce(&Client) -> Request,
) -> Outcome<Subject> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(flags)?;
    let server = installation.serve(bench.server_core())?;
    let file = server.collect(bench, client.credentials_grant(), "access_token", WARM)?;
    Ok(Subject { server, request: request(&client), source: Source::Cycle(file) })
}

pub(super) fn against_hello(
    bench: &Bench,
    name: &str,
    subject: &Subject,
    goal: f64,
) -> Outcome<Vec<Row>> {
    let (_lane, rounds) = subject.beside(bench, &[Floor::H])?;
    let tail = saturated_tail(name, &rounds);
    Ok(vec![Row::cost(name, "H", rounds, |floors| floors[0]).goal(goal), tail])
}

/// Look-ups from memory: beside bare axum that answers as many bytes, and their encoding.
pub(super) fn against_its_size(bench: &Bench, name: &str, subject: &Subject) -> Outcome<Vec<Row>> {
    let file = bench.folder("body-")?.join("body");
    fs::write(&file, subject.answer()?)?;
    let floors = [Floor::Body { file: file.clone() }, Floor::EncodedBody { file }, Floor::H];
    let (_lane, rounds) = subject.beside(bench, &floors)?;
    let goal = |floors: &[f64]| 1.35 * floors[0] + (floors[1] - floors[0]).max(0.0);
    let against = "(1.35 H of its size + encoding)";
    Ok(vec![
        Row::cost(name, against, rounds.clone(), goal).goal(1.0),
        Row::cost(name, "H", rounds.clone(), |floors| floors[2]),
        saturated_tail(name, &rounds),
    ])
}

/// Stateless paths: with every connection busy all the time, p99 stays near p50.
fn saturated_tail(name: &str, rounds: &[Round]) -> Row {
    let ratios: Vec<f64> =
        rounds.iter().map(|round| round.ours.p99_ms / round.ours.p50_ms).collect();
    Row::figure(name, "p99 ÷ p50, saturated", "×", &ratios).goal(1.5)
}

/// Durable paths: at half of what they could do, p99 stays under a bound in milliseconds.
pub(super) fn half_load_tail(
    bench: &Bench,
    name: &str,
    lane: &mut Lane,
    rounds: &[Round],
) -> Outcome<Row> {
    let half = median(rounds.iter().map(|round| round.ours.per_second)) / 2.0;
    let costs = (0..bench.rounds())
        .map(|_turn| lane.open(half, bench.slice_millis()))
        .collect::<Outcome<Vec<Cost>>>()?;
    let tails: Vec<f64> = costs.iter().map(|cost| cost.p99_ms).collect();
    Ok(Row::figure(name, "p99 at half load", "ms", &tails).goal(5.0).beside(&costs))
}
