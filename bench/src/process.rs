//! Child processes: pinned to a core, spoken to by lines, ended when their owner goes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Outcome;
use crate::wire::{Answer, Order, Slice};

/// A command that runs `program` on `core` alone. `taskset` becomes the program, so the process id
/// is the program's.
pub(crate) fn pinned(core: Option<usize>, program: impl AsRef<OsStr>) -> Command {
    let Some(core) = core else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// A process that does not outlive its owner.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Outcome<Self> {
        let child = command.spawn();
        Ok(Self(
            child.map_err(|error| format!("{:?} did not start: {error}", command.get_program()))?,
        ))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Asks the process to stop and waits; the owner's end kills it if it does not.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        Command::new("kill").arg("-TERM").arg(self.id().to_string()).status()?;
        let patience = Instant::now() + Duration::from_secs(10);
        while Instant::now() < patience {
            if self.has_ended() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err("a process did not stop within 10 s of SIGTERM".into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; both calls then fail, and that is what we want anyway.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Another copy of this program that obeys orders.
#[derive(Debug)]
pub(crate) struct Worker {
    process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    pub(crate) fn start<S: AsRef<OsStr>>(
        core: Option<usize>,
        program: &Path,
        arguments: &[S],
    ) -> Outcome<Self> {
        let mut command = pinned(core, program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let (input, output) = (process.0.stdin.take(), process.0.stdout.take());
        let input = input.ok_or("a worker has no input")?;
        let output = BufReader::new(output.ok_or("a worker has no output")?);
        Ok(Self { process, input, output })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn tell(&mut self, value: &impl Serialize) -> Outcome<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        Ok(self.input.write_all(&line)?)
    }

    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> Outcome<T> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() {
            return Err("a worker ended early; its last words are above".into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    pub(crate) fn slice(&mut self, order: &Order) -> Outcome<Slice> {
        self.tell(order)?;
        match self.hear()? {
            Answer::Slice(slice) => Ok(slice),
            Answer::Failed(why) => Err(why.into()),
            Answer::Collected(_) => Err("a worker answered another order".into()),
        }
    }

    pub(crate) fn collect(&mut self, order: &Order) -> Outcome<usize> {
        self.tell(order)?;
        match self.hear()? {
            Answer::Collected(count) => Ok(count),
            Answer::Failed(why) => Err(why.into()),
            Answer::Slice(_) => Err("a worker answered another order".into()),
        }
    }
}
