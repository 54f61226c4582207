//! Signing in with an app: the way to a code, and its redemption, durable and with an ID token.

use super::steady::{Subject, half_load_tail};
use crate::Outcome;
use crate::bench::Bench;
use crate::codes::{SIGNS_IN, sign_in};
use crate::cpu::Meter;
use crate::floor::Floor;
use crate::keyhaven::Installation;
use crate::lane::{Lane, compare};
use crate::load::Source;
use crate::report::Row;

const TRUSTED: &[&str] = &["--consent", "trusted"];

/// More codes than are redeemed in a second.
const CODES: usize = 20_000;

/// A live session asks again and again; each answer is a code of its own.
pub(super) fn authorize(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(&[SIGNS_IN, TRUSTED].concat())?;
    let server = installation.serve(bench.server_core())?;
    let session = sign_in(&installation, &server)?;
    let request = client.authorization_of(&session);
    let subject = Subject { server, request, source: Source::Fixed };
    let rows = bench.folder("rows-")?.join("append.db");
    let (mut lane, rounds) = subject.beside(bench, &[Floor::H, Floor::append(rows)])?;
    let tail = half_load_tail(bench, "authorize", &mut lane, &rounds)?;
    Ok(vec![Row::cost("authorize", "(H + W)", rounds, |floors| floors[0] + floors[1]), tail])
}

/// Every code once, moments after the same server gave it: a signed access token, an ID token and a refresh family come of it.
pub(super) fn redeem(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(&[SIGNS_IN, TRUSTED].concat())?;
    let server = installation.serve(bench.server_core())?;
    let session = sign_in(&installation, &server)?;
    let giver = server.plan(bench, client.authorization_of(&session), Source::Fixed);
    let plan = server.plan(bench, client.code_grant(), Source::Supplied);
    let lane = Lane::to(bench, &plan, Meter::of(server.id())?)?;
    let mut lane = lane.supplied(bench, &giver, "code", CODES)?;
    let rows = bench.folder("rows-")?.join("append.db");
    let floors = [Floor::J, Floor::append(rows)];
    let mut floors =
        floors.iter().map(|floor| Lane::floor(bench, floor)).collect::<Outcome<Vec<_>>>()?;
    let rounds = compare(bench, &mut lane, &mut floors)?;
    let tail = half_load_tail(bench, "redeem", &mut lane, &rounds)?;
    let goal = |floors: &[f64]| 2.0 * (floors[0] + floors[1]);
    Ok(vec![Row::cost("redeem", "(2 J + 2 W)", rounds, goal).goal(1.0), tail])
}
