//! Processor time and memory of other processes, read from `/proc` (Linux only).
//!
//! User and system time together are exact; the split is not, so only the sum is used.

use std::fs;
use std::process::Command;

use crate::Outcome;

/// Whose processor time is charged to a request.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    process: u32,
    /// A database server's first process; it and all its children are charged too.
    postmaster: Option<u32>,
    tick_us: f64,
}

impl Meter {
    /// Charges all threads of `process`.
    pub(crate) fn of(process: u32) -> Outcome<Self> {
        Ok(Self { process, postmaster: None, tick_us: tick_us()? })
    }

    /// Charges `process` and the database behind it.
    pub(crate) fn with_database(process: u32, postmaster: u32) -> Outcome<Self> {
        Ok(Self { postmaster: Some(postmaster), ..Self::of(process)? })
    }

    /// Microseconds used so far.
    pub(crate) fn read_us(&self) -> Outcome<f64> {
        let own = stat(self.process)?;
        let database = self.postmaster.map(family_ticks).transpose()?.unwrap_or(0);
        Ok((own.own_ticks + database) as f64 * self.tick_us)
    }
}

/// Resident memory of a process in bytes.
pub(crate) fn resident_bytes(process: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    parse_resident(&status).ok_or_else(|| format!("no VmRSS for process {process}").into())
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    own_ticks: u64,
    /// Of children that ended and were waited for.
    reaped_ticks: u64,
}

fn stat(process: u32) -> Outcome<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    parse_stat(&text).ok_or_else(|| format!("/proc/{process}/stat is unreadable").into())
}

/// The second field is the program's name in parentheses and may itself hold spaces and
/// parentheses; only the last `)` ends it (proc(5)).
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own_ticks: number(11)? + number(12)?,
        reaped_ticks: number(13)? + number(14)?,
    })
}

/// A process, its ended children and its living children. A child that ends between two readings
/// moves from the last group to the second, so the sum never falls.
fn family_ticks(parent: u32) -> Outcome<u64> {
    let head = stat(parent)?;
    let mut ticks = head.own_ticks + head.reaped_ticks;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end while the list is walked.
        if let Ok(child) = stat(process)
            && child.parent == parent
        {
            ticks += child.own_ticks + child.reaped_ticks;
        }
    }
    Ok(ticks)
}

fn tick_us() -> Outcome<f64> {
    let output = Command::new("getconf").arg("CLK_TCK").output()?;
    let per_second: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(1_000_000.0 / per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &str = "S 42 1 1 0 -1 4194560 9 0 0 0 250 50 7 3 20 0 4 0 100 1000 200";

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let wanted = Some(Stat { parent: 42, own_ticks: 300, reaped_ticks: 10 });
        for name in ["(keyhaven)", "(tokio-rt (1) x)", "(a) b 9 9)", "(postgres: w) 1)", "( )"] {
            assert_eq!(parse_stat(&format!("77 {name} {FIELDS}")), wanted, "{name}");
        }
    }

    #[test]
    fn a_torn_line_is_refused() {
        assert_eq!(parse_stat("77 (keyhaven) S 42 1"), None);
        assert_eq!(parse_stat("77 keyhaven S 42"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(parse_resident("Name:\tVmRSS\nVmRSS:\t    8232 kB\n"), Some(8_429_568));
        assert_eq!(parse_resident("Name:\tkeyhaven\n"), None);
    }

    #[test]
    fn this_process_has_memory_and_a_clock_that_does_not_go_back() {
        let meter = Meter::with_database(std::process::id(), std::process::id()).unwrap();
        let before = meter.read_us().unwrap();
        assert!(meter.read_us().unwrap() >= before);
        assert!(resident_bytes(std::process::id()).unwrap() > 0);
    }
}
