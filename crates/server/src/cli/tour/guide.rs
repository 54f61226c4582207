//! Leads through the tour: sends each request as a real client, and prints what went over the wire.

use anyhow::Result;
use serde_json::Value;

use super::exchange::{Exchange, Plan};
use super::server::ThrowAway;
use super::wire::{mask, pretty};
use crate::app::Clock;
use crate::cli::caller;
use crate::cli::print::{Ink, Printer};

/// How wide the print is.
pub(super) const WIDTH: usize = 78;

/// The headers of answers that are shown and can be checked.
const SHOWN: [&str; 2] = ["location", "gram-session"];

/// The guide and what was seen so far.
pub(super) struct Guide {
    http: reqwest::Client,
    base: String,
    clock: Clock,
    printer: Printer,
    exchanges: Vec<Exchange>,
}

impl Guide {
    pub(super) fn new(server: &ThrowAway, clock: Clock, printer: Printer) -> Result<Self> {
        let base = format!("http://{}", server.address());
        Ok(Self { http: caller::client()?, base, clock, printer, exchanges: Vec::new() })
    }

    /// Now, in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// Sends a request, lets `look` check the answer, prints both, and returns the document.
    pub(super) async fn send(
        &mut self,
        plan: Plan,
        look: impl FnOnce(&mut Exchange, &Value),
    ) -> Result<Value> {
        self.print_request(&plan)?;
        let elsewhere = plan.path.starts_with("http://");
        let base = if elsewhere { "" } else { &self.base };
        let mut request = self.http.request(plan.method.clone(), format!("{base}{}", plan.path));
        for (name, value) in &plan.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &plan.body {
            request = request.body(body.clone());
        }
        let begun = self.clock.tick();
        let response = request.send().await?;
        let status = response.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let media_type = response.headers().get("content-type");
        let media_type = media_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let headers = SHOWN.iter().filter_map(|name| {
            let value = response.headers().get(*name)?.to_str().ok()?;
            Some((*name, value.to_owned()))
        });
        let headers = headers.collect();
        let text = response.text().await?;
        let millis = self.clock.tick().saturating_sub(begun);
        let mut exchange = Exchange::new(&plan, status.as_u16(), media_type, headers, text, millis);
        let document = exchange.document();
        look(&mut exchange, &document);
        self.print_answer(&exchange, reason)?;
        self.exchanges.push(exchange);
        Ok(document)
    }

    pub(super) fn into_exchanges(self) -> Vec<Exchange> {
        self.exchanges
    }

    fn print_request(&self, plan: &Plan) -> Result<()> {
        if self.printer.is_json() {
            return Ok(());
        }
        let number = self.exchanges.len() + 1;
        let title = format!("{number} · {}", plan.operation);
        let used = title.chars().count() + plan.about.chars().count() + 8;
        let rule = "─".repeat(WIDTH.saturating_sub(used).max(2));
        self.printer.say(&format!(
            "\n{} {} {} {} {}\n",
            self.printer.paint(Ink::Dim, "──"),
            self.printer.paint(Ink::Bold, &title),
            self.printer.paint(Ink::Dim, &rule),
            plan.about,
            self.printer.paint(Ink::Dim, "──"),
        ))?;
        let line = format!("{} {}", plan.method, mask(&plan.path));
        self.printer.say(&format!(
            "   {} {}",
            self.printer.paint(Ink::Name, "→"),
            self.printer.paint(Ink::Bold, &line)
        ))?;
        for (name, value) in &plan.headers {
            self.header(name, &mask(value))?;
        }
        self.body(plan.body.as_deref().unwrap_or_default())
    }

    fn print_answer(&self, exchange: &Exchange, reason: &str) -> Result<()> {
        if self.printer.is_json() {
            return Ok(());
        }
        let ink = if exchange.status < 300 { Ink::Good } else { Ink::Warn };
        let status = self.printer.paint(ink, &format!("{} {reason}", exchange.status));
        let time = self.printer.paint(Ink::Dim, &format!("{} ms", exchange.millis));
        let arrow = self.printer.paint(Ink::Name, "←");
        self.printer.say(&format!("\n   {arrow} {status}   {time}"))?;
        if let Some(media_type) = &exchange.media_type {
            self.header("content-type", media_type)?;
        }
        for (name, value) in &exchange.headers {
            self.header(name, &mask(value))?;
        }
        self.body(&exchange.text)?;
        self.print_checks(exchange)
    }

    /// As many to a line as fit.
    fn print_checks(&self, exchange: &Exchange) -> Result<()> {
        let (mut line, mut used) = (String::new(), 0);
        for (what, holds) in exchange.checks() {
            let (mark, ink) = if *holds { ("✓", Ink::Good) } else { ("✗", Ink::Bad) };
            let width = what.chars().count() + 5;
            if used + width > WIDTH - 5 {
                line.push_str("\n     ");
                used = 0;
            }
            line.push_str(&format!("{} {what}   ", self.printer.paint(ink, mark)));
            used += width;
        }
        self.printer.say(&format!("\n     {}", line.trim_end()))
    }

    fn header(&self, name: &str, value: &str) -> Result<()> {
        self.printer
            .say(&format!("     {}", self.printer.paint(Ink::Dim, &format!("{name}: {value}"))))
    }

    fn body(&self, text: &str) -> Result<()> {
        for line in pretty(text, |ink, word| self.printer.paint(ink, word)) {
            self.printer.say(&format!("     {line}"))?;
        }
        Ok(())
    }
}
