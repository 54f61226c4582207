//! What the figures were measured on.

use std::fs;
use std::thread;

use serde::Serialize;

/// The parts of a machine that explain its figures.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
}

impl Machine {
    /// Reads `/proc`; what it does not tell stays "unknown".
    pub(crate) fn here() -> Self {
        let unknown = || "unknown".to_owned();
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or_else(unknown, |(_, name)| name.to_owned());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")
            .map_or_else(|_error| unknown(), |text| text.trim().to_owned());
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { processor, cores, kernel }
    }

    pub(crate) fn line(&self) -> String {
        format!("{}, {} cores, Linux {}", self.processor, self.cores, self.kernel)
    }
}
