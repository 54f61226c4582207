//! One run of the bench: its options, its scratch space and the cores it may use.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use clap::Args;
use serde::Serialize;
use tempfile::TempDir;

use crate::Outcome;
use crate::load::Plan;
use crate::process::Worker;

/// How to measure, and what.
#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct Options {
    /// The server to measure.
    #[arg(long, default_value = "target/release/keyhaven")]
    pub(crate) keyhaven: PathBuf,
    /// Only scenarios whose name begins with this; may be given several times.
    #[arg(long)]
    pub(crate) only: Vec<String>,
    /// Rounds per scenario.
    #[arg(long, default_value_t = 8)]
    pub(crate) rounds: usize,
    /// Milliseconds per slice.
    #[arg(long, default_value_t = 1_500)]
    pub(crate) slice: u64,
    /// Keep-alive connections of the loader.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// How many refresh families the rotation chooses from.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) families: usize,
    /// How many stored tokens the growth scenario compares.
    #[arg(long, value_delimiter = ',', default_value = "1e3,1e5,1e6,1e7")]
    pub(crate) growth: Vec<f64>,
    /// The core that servers and floors run on.
    #[arg(long, default_value_t = 0)]
    pub(crate) server_core: usize,
    /// The core that loaders run on.
    #[arg(long, default_value_t = 1)]
    pub(crate) loader_core: usize,
    /// Where data folders go; must be a disk, for commits to memory cost nothing.
    #[arg(long, default_value_os_t = env::temp_dir())]
    pub(crate) scratch: PathBuf,
    /// Three rounds of 200 ms over small pools: shows that everything runs, measures nothing well.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print everything that was measured as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the table as Markdown.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Print the names of the scenarios and end.
    #[arg(long)]
    pub(crate) list: bool,
}

/// The run.
pub(crate) struct Bench {
    options: Options,
    program: PathBuf,
    scratch: TempDir,
    pins: bool,
}

impl Bench {
    pub(crate) fn new(mut options: Options) -> Outcome<Self> {
        if options.quick {
            (options.rounds, options.slice, options.families) = (3, 200, 2_000);
            options.growth = vec![1e3, 1e4];
        }
        let scratch =
            tempfile::Builder::new().prefix("keyhaven-bench-").tempdir_in(&options.scratch)?;
        if in_memory(scratch.path())? {
            eprintln!("{} is memory: durable figures mean nothing", options.scratch.display());
        }
        // A throw-away PostgreSQL runs as another user and must reach its folder.
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))?;
        let pins = can_pin(options.server_core.max(options.loader_core));
        if !pins {
            eprintln!("no taskset or too few cores: nothing is pinned, ratios will scatter");
        }
        Ok(Self { options, program: env::current_exe()?, scratch, pins })
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) const fn rounds(&self) -> usize {
        self.options.rounds
    }

    pub(crate) const fn slice_millis(&self) -> u64 {
        self.options.slice
    }

    pub(crate) const fn warm_up_millis(&self) -> u64 {
        self.options.slice / 4
    }

    pub(crate) const fn connections(&self) -> usize {
        self.options.connections
    }

    pub(crate) fn server_core(&self) -> Option<usize> {
        self.pins.then_some(self.options.server_core)
    }

    /// How many requests at `per_second` all slices and the warm-up could send.
    pub(crate) fn pool_size(&self, per_second: usize) -> usize {
        let millis = self.slice_millis() * self.rounds() as u64 + self.warm_up_millis();
        per_second * millis as usize / 1_000
    }

    /// A new empty folder, gone at the end of the run.
    pub(crate) fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(self.scratch.path())?.keep();
        Ok(folder)
    }

    pub(crate) fn loader(&self, plan: &Plan) -> Outcome<Worker> {
        let core = self.pins.then_some(self.options.loader_core);
        let mut worker = Worker::start(core, &self.program, &["load"])?;
        worker.tell(plan)?;
        Ok(worker)
    }
}

fn in_memory(folder: &Path) -> Outcome<bool> {
    let output = Command::new("stat").args(["-f", "-c", "%T"]).arg(folder).output()?;
    Ok(matches!(output.stdout.trim_ascii(), b"tmpfs" | b"ramfs"))
}

fn can_pin(highest: usize) -> bool {
    let taskset = Command::new("taskset").arg("--version").stdout(Stdio::null()).status();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    highest < cores && taskset.is_ok_and(|status| status.success())
}
