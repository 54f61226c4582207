//! What was measured, as a table for people, Markdown for BENCHMARKING.md, or JSON with every round.

use std::fmt::Write as _;

use serde::Serialize;

use crate::Outcome;
use crate::bench::Options;
use crate::lane::{Cost, Round};
use crate::machine::Machine;
use crate::statistics::{Spread, median};

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    scenario: String,
    measure: String,
    unit: &'static str,
    value: Option<Spread>,
    goal: Option<f64>,
    verdict: Verdict,
    /// The medians of the rounds' own figures.
    cost: Option<Cost>,
    floor_us: Option<f64>,
    rounds: Vec<Round>,
    failure: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Met,
    Missed,
    /// A floor or a figure beside the point: nothing was promised.
    None,
    Failed,
}

impl Row {
    /// CPU per request as a multiple of what `floor` makes of the floors' own.
    pub(crate) fn cost(
        scenario: &str,
        floor_name: &str,
        rounds: Vec<Round>,
        floor: fn(&[f64]) -> f64,
    ) -> Self {
        let floor_us =
            |round: &Round| floor(&round.floors.iter().map(|cost| cost.cpu_us).collect::<Vec<_>>());
        let ratios: Vec<f64> =
            rounds.iter().map(|round| round.ours.cpu_us / floor_us(round)).collect();
        let ours: Vec<Cost> = rounds.iter().map(|round| round.ours).collect();
        let mut row = Self::figure(scenario, &format!("CPU ÷ {floor_name}"), "×", &ratios);
        row.floor_us = Some(median(rounds.iter().map(floor_us)));
        row.rounds = rounds;
        row.beside(&ours)
    }

    /// Any other figure, one value per round.
    pub(crate) fn figure(
        scenario: &str,
        measure: &str,
        unit: &'static str,
        values: &[f64],
    ) -> Self {
        Self {
            scenario: scenario.to_owned(),
            measure: measure.to_owned(),
            unit,
            value: Spread::of(values),
            goal: None,
            verdict: Verdict::None,
            cost: None,
            floor_us: None,
            rounds: Vec::new(),
            failure: None,
        }
    }

    pub(crate) fn failed(scenario: &str, why: &str) -> Self {
        let row = Self::figure(scenario, "", "", &[]);
        Self { verdict: Verdict::Failed, failure: Some(why.to_owned()), ..row }
    }

    /// The most the value may be.
    pub(crate) fn goal(mut self, goal: f64) -> Self {
        self.goal = Some(goal);
        self.verdict = match self.value {
            Some(value) if value.median <= goal => Verdict::Met,
            Some(_) => Verdict::Missed,
            None => Verdict::Failed,
        };
        self
    }

    /// Throughput and latency to show beside the value.
    pub(crate) fn beside(mut self, costs: &[Cost]) -> Self {
        self.cost = Some(Cost::typical(costs));
        self
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.verdict == Verdict::Failed
    }

    fn cells(&self) -> [String; 9] {
        let cost = |figure: fn(&Cost) -> f64, digits: usize| {
            self.cost.map_or(String::new(), |cost| format!("{:.digits$}", figure(&cost)))
        };
        let number =
            |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.1}"));
        let verdict = match self.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "MISSED",
            Verdict::None => "",
            Verdict::Failed => "FAILED",
        };
        [
            format!("{} {}", self.scenario, self.measure).trim_end().to_owned(),
            self.value.map_or(String::new(), |value| spread(value, self.unit)),
            self.goal.map_or(String::new(), |goal| format!("≤ {goal} {}", self.unit)),
            verdict.to_owned(),
            cost(|cost| cost.cpu_us, 1),
            number(self.floor_us),
            cost(|cost| cost.per_second, 0),
            cost(|cost| cost.p50_ms, 2),
            cost(|cost| cost.p99_ms, 2),
        ]
    }
}

fn spread(value: Spread, unit: &str) -> String {
    let digits = if unit == "×" { 2 } else { 1 };
    let Spread { median, low, high } = value;
    format!("{median:.digits$} {unit} [{low:.digits$}–{high:.digits$}]")
}

const HEADINGS: [&str; 9] = [
    "scenario",
    "median [quartiles]",
    "goal",
    "",
    "CPU µs",
    "floor µs",
    "req/s",
    "p50 ms",
    "p99 ms",
];

/// The table; `markdown` with bars, otherwise with spaces.
pub(crate) fn table(rows: &[Row], markdown: bool) -> String {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let width =
        |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
    let widths: [usize; 9] = std::array::from_fn(width);
    let bar = if markdown { " | " } else { "  " };
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> = (0..9).map(|at| pad(&line[at], widths[at], at >= 4)).collect();
        push_line(&mut out, &cells.join(bar), markdown);
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            push_line(&mut out, &rules.join(bar), markdown);
        }
    }
    for row in rows {
        if let Some(failure) = &row.failure {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n{}: {failure}", row.scenario);
        }
    }
    out
}

fn push_line(out: &mut String, line: &str, markdown: bool) {
    let line = if markdown { format!("| {line} |") } else { line.trim_end().to_owned() };
    out.push_str(&line);
    out.push('\n');
}

fn pad(text: &str, width: usize, right: bool) -> String {
    if right { format!("{text:>width$}") } else { format!("{text:<width$}") }
}

/// Everything: machine, options, rows and their rounds.
pub(crate) fn json(machine: &Machine, options: &Options, rows: &[Row]) -> Outcome<String> {
    let all = serde_json::json!({ "machine": machine, "options": options, "rows": rows });
    Ok(serde_json::to_string_pretty(&all)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(cpu_us: f64) -> Cost {
        Cost { cpu_us, per_second: 1e3, p50_ms: 1.0, p99_ms: 2.0 }
    }

    fn rounds(pairs: &[(f64, f64)]) -> Vec<Round> {
        let round =
            |(ours, floor): &(f64, f64)| Round { ours: cost(*ours), floors: vec![cost(*floor)] };
        pairs.iter().map(round).collect()
    }

    #[test]
    fn the_ratio_is_taken_within_each_round() {
        let row = Row::cost("x", "H", rounds(&[(20.0, 10.0), (60.0, 30.0), (8.0, 4.0)]), |f| f[0]);
        assert_eq!(row.value, Some(Spread { median: 2.0, low: 2.0, high: 2.0 }));
    }

    #[test]
    fn a_goal_is_missed_only_above_it() {
        let at = |goal| Row::cost("x", "H", rounds(&[(20.0, 10.0)]), |f| f[0]).goal(goal).verdict;
        assert_eq!((at(2.0), at(1.99)), (Verdict::Met, Verdict::Missed));
    }

    #[test]
    fn a_figure_without_rounds_has_failed_its_goal() {
        assert!(Row::figure("x", "p99", "ms", &[]).goal(5.0).has_failed());
    }

    #[test]
    fn every_line_of_the_markdown_has_as_many_bars() {
        let rows = [
            Row::cost("a", "H", rounds(&[(20.0, 10.0)]), |f| f[0]).goal(2.2),
            Row::figure("start", "idle memory", "MiB", &[8.0]),
        ];
        let text = table(&rows, true);
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().all(|line| line.matches('|').count() == 10), "{text}");
    }
}
