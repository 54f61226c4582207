//! People: `auth.info` of a warm session beside a body of its size, and signing in with a password
//! beside the one hash it takes; and what a flood of sign-ins does to everybody else.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::thread;

use super::steady::{Subject, against_its_size};
use crate::Outcome;
use crate::bench::Bench;
use crate::cpu::{Meter, resident_bytes};
use crate::floor::Floor;
use crate::keyhaven::{Installation, Server};
use crate::lane::{Lane, compare};
use crate::load::{Naming, Plan, Reply, Request, Source, exchange_once};
use crate::report::Row;

const PASSWORD: &str = "harbour+lights+at+dusk";
/// Callers at once: fewer than the tries of one account, and than the places in the queue of one core.
const CALLERS: usize = 8;
const PEOPLE: usize = 16;
/// What is left of the thousand connections of one address when the tokens have theirs.
const FLOOD: usize = 900;
/// Tokens per second beside a flood.
const TRICKLE: f64 = 100.0;
const MIB: f64 = 1024.0 * 1024.0;
/// More sign-ins per second than one core can hash.
const SIGN_INS_PER_SECOND: usize = 100;

pub(super) fn auth_info(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let email = "ada@example.test";
    installation.member(email)?;
    let server = installation.serve(bench.server_core())?;
    let ticket = installation.ticket(email)?;
    let arrived = get(&server, &format!("/rpc/auth.callback?shared_token={ticket}"), "", 307);
    let session = arrived?.field("gram-session")?.to_owned();
    let session = format!("Gram-Session: {session}\r\n");
    let request = Request { needs: email.to_owned(), ..asking("/rpc/auth.info", &session, 200) };
    let subject = Subject { server, request, source: Source::Fixed };
    against_its_size(bench, "auth-info", &subject)
}

pub(super) fn sign_in_password(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let codes: Vec<String> = (0..PEOPLE)
        .map(|number| installation.invite(&format!("user{number}@example.test")))
        .collect::<Outcome<_>>()?;
    let server = installation.serve(bench.server_core())?;
    for code in codes {
        accept(&server, &code)?;
    }
    let mut browser = Browser::open(&server)?;
    let mut lines = String::new();
    for number in 0..bench.pool_size(SIGN_INS_PER_SECOND) {
        let handle = browser.begin(&server)?;
        writeln!(lines, "{handle}&username=user{}%40example.test", number % PEOPLE)?;
    }
    let file = bench.folder("sign-ins-")?.join("sign-ins");
    fs::write(&file, lines)?;
    let token = &browser.token;
    let form = format!("form_token={token}&sign_in={{}}&password={PASSWORD}");
    let request = sending("/login", &browser.cookie, server.address, &form);
    let plan =
        Plan { address: server.address, connections: CALLERS, request, source: Source::Once(file) };
    let mut lane = Lane::to(bench, &plan, Meter::of(server.id())?)?;
    let mut floors = [Lane::floor(bench, &Floor::Argon2id)?];
    let rounds = compare(bench, &mut lane, &mut floors)?;
    Ok(vec![Row::cost("sign-in-password", "argon2id", rounds, |floors| floors[0]).goal(1.1)])
}

/// A80: wrong passwords from as many connections as one address may hold, each sent again as soon as
/// it was answered, beside a steady trickle of tokens.
pub(super) fn sign_in_flood(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let client = installation.client(&["--token-format", "jwt"])?;
    let server = installation.serve(bench.server_core())?;
    let mut browser = Browser::open(&server)?;
    let handle = browser.begin(&server)?;
    let emails: Vec<String> =
        (0..100_000).map(|number| format!("nobody{number}%40example.test")).collect();
    let file = bench.folder("emails-")?.join("emails");
    fs::write(&file, emails.join("\n"))?;
    let token = &browser.token;
    let form = format!("form_token={token}&sign_in={handle}&username={{}}&password=guess");
    let request = sending("/login", &browser.cookie, server.address, &form);
    let request = Request { status: 422, or: vec![429, 503], ..request };
    let source = Source::Cycle(file);
    let plan = Plan { address: server.address, connections: FLOOD, request, source };
    let meter = || Meter::of(server.id());
    let mut flood = Lane::to(bench, &plan, meter()?)?;
    let tokens = server.plan(bench, client.credentials_grant(), Source::Fixed);
    let mut tokens = Lane::to(bench, &tokens, meter()?)?;
    let quiet = tokens.open(TRICKLE, bench.slice_millis())?;
    let before = resident_bytes(server.id())?;
    let (mut tails, mut memory) = (Vec::new(), Vec::new());
    for _turn in 0..bench.rounds() {
        let millis = bench.slice_millis();
        let cost = thread::scope(|scope| {
            let flooding =
                scope.spawn(|| flood.closed(millis).map(drop).map_err(|error| error.to_string()));
            let cost = tokens.open(TRICKLE, millis);
            flooding.join().map_err(|_| "the flood panicked")??;
            cost
        })?;
        tails.push(cost.p99_ms);
        memory.push(resident_bytes(server.id())?.saturating_sub(before) as f64 / MIB);
    }
    let ratios: Vec<f64> = tails.iter().map(|tail| tail / quiet.p99_ms).collect();
    let name = "sign-in-flood";
    Ok(vec![
        Row::figure(name, "p99 of tokens beside it", "ms", &tails).goal(1_000.0),
        Row::figure(name, "p99 of tokens ÷ quiet", "×", &ratios),
        Row::figure(name, "memory it added", "MiB", &memory),
    ])
}

/// Makes the account of an invitation, with the password.
fn accept(server: &Server, code: &str) -> Outcome<()> {
    let page = get(server, "/invitation", "", 200)?;
    let cookie = cookie(&page)?;
    let token = page.value("form_token")?;
    let form = format!("form_token={token}&once={code}&name=Bench&password={PASSWORD}");
    exchange_once(server.address, &sending("/invitation", &cookie, server.address, &form))?;
    Ok(())
}

/// A browser whose sign-ins are all bound to one cookie.
struct Browser {
    cookie: String,
    token: String,
}

impl Browser {
    fn open(server: &Server) -> Outcome<Self> {
        let page = get(server, "/login", "", 200)?;
        Ok(Self { cookie: cookie(&page)?, token: page.value("form_token")?.to_owned() })
    }

    /// The handle of a sign-in that has just begun.
    fn begin(&mut self, server: &Server) -> Outcome<String> {
        let page = get(server, "/login", &format!("Cookie: {}\r\n", self.cookie), 200)?;
        Ok(page.value("sign_in")?.to_owned())
    }
}

fn cookie(page: &Reply) -> Outcome<String> {
    Ok(page.field("set-cookie")?.split(';').next().unwrap_or_default().to_owned())
}

fn get(server: &Server, path: &str, fields: &str, status: u16) -> Outcome<Reply> {
    exchange_once(server.address, &asking(path, fields, status))
}

fn asking(path: &str, fields: &str, status: u16) -> Request {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}");
    Request { head, body: None, status, or: Vec::new(), needs: String::new(), naming: Naming::None }
}

/// A form as a browser sends it; where it succeeds, a page follows.
fn sending(path: &str, cookie: &str, address: SocketAddr, form: &str) -> Request {
    let origin = format!("http://localhost:{}", address.port());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nOrigin: {origin}\r\n\
         Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n",
    );
    let body = Some(form.to_owned());
    Request { head, body, status: 303, or: Vec::new(), needs: String::new(), naming: Naming::None }
}
