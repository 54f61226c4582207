//! `keyhaven tour`: a throw-away server, every operation against it over loopback, and what went
//! over the wire, with secrets masked. It is the smoke test and the screenshot: it ends with 1 when
//! anything differs from the contracts.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::World;
use super::print::{Ink, Printer, plain};

mod connection_steps;
mod exchange;
mod guide;
mod key_steps;
mod outside_service;
mod server;
mod session_steps;
mod steps;
mod wire;

use exchange::Exchange;
use guide::Guide;
use outside_service::OutsideService;
use server::ThrowAway;

pub(super) async fn run(world: World, printer: &Printer) -> Result<ExitCode> {
    let clock = world.clock.clone();
    let begun = clock.tick();
    let outside = OutsideService::start(world.dice.clone()).await?;
    let server = ThrowAway::start(world, &outside).await?;
    let visitor = server.prepare(&outside).await?;
    if !printer.is_json() {
        greet(printer, &server, clock.tick().saturating_sub(begun))?;
    }
    let mut guide = Guide::new(&server, clock, *printer)?;
    let walked = steps::walk(&mut guide, &server, &visitor, &outside).await;
    server.stop().await?;
    walked?;
    let exchanges = guide.into_exchanges();
    let passed = exchanges.iter().all(Exchange::passed);
    if printer.is_json() {
        let steps: Vec<_> = exchanges.iter().map(Exchange::to_value).collect();
        printer.document(&json!({ "passed": passed, "steps": steps }))?;
    } else {
        conclude(printer, &exchanges, passed)?;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn greet(printer: &Printer, server: &ThrowAway, millis: u64) -> Result<()> {
    let title = printer.paint(Ink::Bold, "Keyhaven, the tour");
    let about = format!(
        "{} · a throw-away server on SQLite, ready in {millis} ms · secrets are masked",
        server.issuer()
    );
    printer.say(&format!("\n  {title}\n  {}", printer.paint(Ink::Dim, &about)))
}

fn conclude(printer: &Printer, exchanges: &[Exchange], passed: bool) -> Result<()> {
    let mut table = plain();
    table.set_header(["", "operation", "request", "answer", "time", "shown"]);
    for exchange in exchanges {
        let mark = if exchange.passed() { "✓" } else { "✗" };
        let request = format!("{} {}", exchange.method, exchange.template);
        let answer = exchange.status.to_string();
        let time = format!("{} ms", exchange.millis);
        table.add_row([
            mark,
            exchange.operation,
            request.as_str(),
            answer.as_str(),
            time.as_str(),
            exchange.about,
        ]);
    }
    printer.say(&printer.paint(Ink::Dim, &format!("\n{}\n", "─".repeat(guide::WIDTH))))?;
    for (at, line) in table.lines().enumerate() {
        let line = line.trim_end();
        let line = match at {
            0 => printer.paint(Ink::Bold, line),
            _ => line.replacen('✓', &printer.paint(Ink::Good, "✓"), 1).replacen(
                '✗',
                &printer.paint(Ink::Bad, "✗"),
                1,
            ),
        };
        printer.say(&format!(" {line}"))?;
    }
    let mut operations: Vec<_> = exchanges.iter().map(|exchange| exchange.operation).collect();
    operations.retain(|operation| !steps::BETWEEN.contains(operation));
    operations.sort_unstable();
    operations.dedup();
    let counts = format!("{} exchanges, {} operations", exchanges.len(), operations.len());
    printer.say(&if passed {
        format!("\n  {} {counts}: all as the contracts say.\n", printer.paint(Ink::Good, "✓"))
    } else {
        format!("\n  {} {counts}: not all as the contracts say.\n", printer.paint(Ink::Bad, "✗"))
    })
}
