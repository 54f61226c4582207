//! Keys that a command prints: how a key service (a cloud's, Vault, a smart card) unwraps the master
//! key without us knowing any of them. The command inherits our environment and sees no input; what
//! it prints is never shown, and of what it complains one line is, without anything like a key.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use keyhaven_protocol::secret::Secret;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::config::Words;

/// How long a command may take. Whoever starts the server waits for it.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// Bytes that are read of what a command prints, and of what it complains: some hundred keys.
const MOST: usize = 16 * 1024;

/// Characters of a complaint that are shown.
const SHOWN: usize = 200;

/// A run of this many characters of base64 or hexadecimal may be a key: 32 bytes are 43 and 64.
const LIKE_A_KEY: usize = 40;

/// The lines that the command prints and that are not empty; at least one.
pub(super) async fn printed_lines(words: &Words, within: Duration) -> Result<Vec<Secret>> {
    let program = &words.program;
    let mut child = start(words).with_context(|| format!("{program} cannot be started"))?;
    let Ok(ended) = timeout(within, end_of(&mut child)).await else {
        // Dropping the child kills it.
        bail!("{program} did not end within {} seconds", within.as_secs_f32());
    };
    let Ended { printed, said, status } = ended.with_context(|| program.clone())?;
    if printed.cut {
        bail!("{program} printed more than {MOST} bytes; a key is one line");
    }
    if !status.success() {
        bail!("{program} failed ({status}){}", complaint(&said));
    }
    let text = std::str::from_utf8(printed.bytes());
    let text = text.ok().with_context(|| format!("{program} printed no text"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<_> = lines.map(Secret::from).collect();
    if lines.is_empty() {
        bail!("{program} printed no key{}", complaint(&said));
    }
    Ok(lines)
}

fn start(words: &Words) -> std::io::Result<Child> {
    let mut command = Command::new(&words.program);
    command.args(&words.arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()
}

struct Ended {
    printed: Held,
    said: Held,
    status: ExitStatus,
}

async fn end_of(child: &mut Child) -> Result<Ended> {
    let printed = child.stdout.take().context("its output is not there")?;
    let said = child.stderr.take().context("its errors are not there")?;
    let (printed, said, status) = tokio::join!(Held::read(printed), Held::read(said), child.wait());
    Ok(Ended { printed: printed?, said: said?, status: status? })
}

/// The beginning of what came, in memory that is wiped and never moved.
struct Held {
    memory: Zeroizing<Vec<u8>>,
    filled: usize,
    /// Whether more came.
    cut: bool,
}

impl Held {
    /// Reads to the end, so that whoever writes is not held up; keeps the beginning.
    async fn read(mut from: impl AsyncRead + Unpin) -> std::io::Result<Self> {
        let mut held = Self { memory: Zeroizing::new(vec![0; MOST]), filled: 0, cut: false };
        let mut rest = Zeroizing::new([0; 512]);
        loop {
            let room = &mut held.memory[held.filled..];
            let count = match room.is_empty() {
                false => from.read(room).await?,
                true => from.read(rest.as_mut_slice()).await?,
            };
            match count {
                0 => return Ok(held),
                _ if held.filled == MOST => held.cut = true,
                count => held.filled += count,
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[..self.filled]
    }
}

/// The first line of what a command wrote to its error output, as far as it may be shown.
fn complaint(said: &Held) -> String {
    let text = Zeroizing::new(String::from_utf8_lossy(said.bytes()).into_owned());
    match text.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!(": {}", shown(line)),
        None => String::new(),
    }
}

/// Without control characters, without what may be a key, and not too long.
fn shown(line: &str) -> String {
    let of_a_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_');
    let mut shown = String::new();
    let mut left = line;
    while let Some(first) = left.chars().next() {
        let run = left.find(|c| !of_a_key(c)).unwrap_or(left.len());
        let (piece, rest) = left.split_at(run.max(first.len_utf8()));
        match piece.len() {
            LIKE_A_KEY.. => shown.push('…'),
            _ => shown.extend(piece.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c })),
        }
        left = rest;
    }
    match shown.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    async fn run(script: &str) -> Result<Vec<String>, String> {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let words = Words { program: "/bin/sh".to_owned(), arguments };
        let lines = printed_lines(&words, WITHIN).await.map_err(|error| format!("{error:#}"))?;
        Ok(lines.iter().map(|line| line.reveal().to_owned()).collect())
    }

    #[tokio::test]
    async fn lines_come_without_what_surrounds_them() {
        assert_eq!(run("printf '\\n one \\r\\ntwo'").await.unwrap(), ["one", "two"]);
        let complaining = "echo a warning >&2; echo one";
        assert_eq!(run(complaining).await.unwrap(), ["one"]);
    }

    #[tokio::test]
    async fn a_command_that_fails_is_told_by_its_code_and_its_first_complaint() {
        let why = run("echo; echo denied >&2; echo more >&2; exit 3").await.unwrap_err();
        assert_eq!(why, "/bin/sh failed (exit status: 3): denied");
        assert!(run("kill -9 $$").await.unwrap_err().contains("signal: 9"));
        let silent = run("exit 1").await.unwrap_err();
        assert_eq!(silent, "/bin/sh failed (exit status: 1)");
    }

    #[tokio::test]
    async fn no_refusal_repeats_a_key() {
        let traced = run(&format!("echo {KEY}; echo + echo {KEY} >&2; exit 1")).await.unwrap_err();
        assert_eq!(traced, "/bin/sh failed (exit status: 1): + echo …");
        let printed = run(&format!("echo {KEY}; exit 1")).await.unwrap_err();
        assert!(!printed.contains(KEY), "{printed}");
    }

    #[tokio::test]
    async fn a_command_that_prints_nothing_or_far_too_much_is_refused() {
        assert_eq!(run("echo odd >&2").await.unwrap_err(), "/bin/sh printed no key: odd");
        assert_eq!(run("echo ' '").await.unwrap_err(), "/bin/sh printed no key");
        let much = run("head -c 100000 /dev/zero").await.unwrap_err();
        assert!(much.contains("printed more than"), "{much}");
        assert!(run("printf '\\377'").await.unwrap_err().ends_with("printed no text"));
        let loud = "head -c 1000000 /dev/zero >&2; echo one";
        assert_eq!(run(loud).await.unwrap(), ["one"], "its complaints hold nobody up");
    }

    #[tokio::test]
    async fn a_command_that_does_not_end_is_killed() {
        let words = Words { program: "sleep".to_owned(), arguments: vec!["600".to_owned()] };
        let why = printed_lines(&words, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(format!("{why:#}"), "sleep did not end within 0.05 seconds");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let words = Words { program: "/no/such".to_owned(), arguments: Vec::new() };
        let why = format!("{:#}", printed_lines(&words, WITHIN).await.unwrap_err());
        assert!(why.starts_with("/no/such cannot be started: No such file"), "{why}");
    }

    #[test]
    fn a_complaint_is_one_short_line_that_a_terminal_only_shows() {
        assert_eq!(shown("a\u{1b}[31mb"), "a\u{fffd}[31mb");
        let long = shown(&"ä ".repeat(300));
        assert_eq!(long.chars().count(), SHOWN + 1);
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(shown(arn), arn, "names of keys are no keys");
        assert_eq!(shown(&format!("key={KEY};")), "…;");
        assert_eq!(shown(&"0f".repeat(32)), "…");
    }
}
