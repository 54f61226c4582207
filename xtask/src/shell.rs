//! Running other programs from the root of the repository, and saying which one failed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Why a verb ended early, in words for the person who typed it.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// A failure whose details were printed where they happened.
    pub(crate) fn already_told() -> Self {
        Self(String::new())
    }

    /// Whether nothing is left to say.
    pub(crate) fn is_already_told(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// The root of the repository this was started in.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program to be run from the root.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// The cargo that started us.
pub(crate) fn cargo() -> Command {
    let mut command = program(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    // Facts about this package; another package's build must not see them.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs `command` with our own input and output; anything but success is a failure.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure(format!("{}: {status}", spell(command)))) }
}

/// Runs `command` unseen; a failure carries everything it printed.
pub(crate) fn quietly(command: &mut Command) -> Result<Output, Failure> {
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| not_started(command, &error))?;
    if output.status.success() {
        return Ok(output);
    }
    let (told, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Failure(format!("{}: {}\n{told}{said}", spell(command), output.status)))
}

/// Whether the program answers at all.
pub(crate) fn answers(command: &mut Command) -> bool {
    quietly(command).is_ok()
}

/// Whether we may install packages and must leave root before starting a database.
pub(crate) fn is_root() -> bool {
    program("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure(format!("{}: {error}", spell(command)))
}

/// The command as a person would type it.
fn spell(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
