//! `cargo xtask setup`: whatever the checks and tests need and this machine lacks.
//!
//! Silent when nothing is missing. As root it installs; otherwise it names the piece and the line
//! that installs it, and fails. It never lets a later verb pass by skipping.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Failure};
use crate::{network, postgres};

/// `cargo xtask setup`
pub(crate) fn verb(_: &[String]) -> Result<(), Failure> {
    machine()?;
    toolchain()?;
    cargo_deny()?;
    node_packages("tests/clients")?;
    node_packages("tests/browser")?;
    node_packages("sdks/typescript")?;
    node_packages("examples/dashboard")?;
    node_packages("tests/reader")?;
    python_packages()?;
    go_modules()?;
    rust_crates()
}

/// Debian's browser, which the suite of the pages drives.
pub(crate) const CHROMIUM: &str = "chromium";

/// A program of the machine's, and the Debian packages that bring it.
struct Piece {
    what: &'static str,
    wanted: fn() -> bool,
    present: fn() -> bool,
    packages: &'static [&'static str],
}

const PIECES: &[Piece] = &[
    Piece {
        what: "a C compiler",
        wanted: || true,
        present: || shell::answers(shell::program("cc").arg("--version")),
        packages: &["build-essential"],
    },
    Piece {
        what: "PostgreSQL's server programs",
        wanted: || true,
        present: || postgres::programs().is_some(),
        packages: &["postgresql"],
    },
    Piece {
        what: "Node.js with npm",
        wanted: || node_lock().exists(),
        present: || shell::answers(shell::program("npm").arg("--version")),
        packages: &["nodejs", "npm"],
    },
    Piece {
        what: "Chromium",
        wanted: || shell::root().join("tests/browser/package-lock.json").exists(),
        present: || shell::answers(shell::program(CHROMIUM).arg("--version")),
        packages: &["chromium"],
    },
    Piece {
        what: "nginx",
        wanted: || true,
        present: || shell::answers(shell::program("/usr/sbin/nginx").arg("-v")),
        packages: &["nginx-light"],
    },
    Piece {
        what: "Caddy",
        wanted: || true,
        present: || shell::answers(shell::program("caddy").arg("version")),
        packages: &["caddy"],
    },
    Piece {
        what: "Python with venv",
        wanted: || python_list().exists(),
        present: || {
            shell::answers(shell::program("python3").args(["-m", "ensurepip", "--version"]))
        },
        packages: &["python3-venv"],
    },
    Piece {
        what: "Go",
        wanted: || go_folder().join("go.mod").exists(),
        present: || shell::answers(shell::program("go").arg("version")),
        packages: &["golang-go"],
    },
];

fn machine() -> Result<(), Failure> {
    let missing: Vec<&Piece> =
        PIECES.iter().filter(|piece| (piece.wanted)() && !(piece.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> =
        missing.iter().flat_map(|piece| piece.packages.iter().copied()).collect();
    let install = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    let names = missing.iter().map(|piece| piece.what).collect::<Vec<_>>().join(", ");
    if !shell::is_root() || !shell::answers(shell::program("apt-get").arg("--version")) {
        return Err(Failure(format!("missing: {names}\ninstall with: {install}")));
    }
    println!("setup: installing {names} ({})", packages.join(" "));
    network::patiently(|| apt_get(&["update"]))?;
    let mut words = vec!["install", "--yes", "--no-install-recommends"];
    words.extend(&packages);
    network::patiently(|| apt_get(&words))?;
    match missing.iter().find(|piece| !(piece.present)()) {
        Some(piece) => Err(Failure(format!("{} still missing after: {install}", piece.what))),
        None => Ok(()),
    }
}

fn apt_get(words: &[&str]) -> Command {
    let mut command = shell::program("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["--quiet", "--quiet", "-o", "DPkg::Lock::Timeout=300"]).args(words);
    command
}

fn toolchain() -> Result<(), Failure> {
    for verb in ["fmt", "clippy"] {
        if !shell::answers(shell::cargo().args([verb, "--version"])) {
            return Err(Failure(format!(
                "missing: cargo {verb}\ninstall with: rustup component add rustfmt clippy"
            )));
        }
    }
    Ok(())
}

const DENY: &str = "0.20.2";

/// The pinned cargo-deny: the caller's own if it is that version, else ours under target/.
pub(crate) fn deny_program() -> Option<PathBuf> {
    [PathBuf::from("cargo-deny"), shell::target().join("tools/bin/cargo-deny")].into_iter().find(
        |program| {
            shell::quietly(shell::program(&program.to_string_lossy()).arg("--version"))
                .is_ok_and(|told| told.stdout.trim_ascii().ends_with(DENY.as_bytes()))
        },
    )
}

/// Built without optimisation: compiling it is most of what it costs.
fn cargo_deny() -> Result<(), Failure> {
    if deny_program().is_some() {
        return Ok(());
    }
    println!("setup: building cargo-deny {DENY} into target/tools (some minutes, once)");
    network::patiently(|| install_tool("cargo-deny", DENY))?;
    // The program is what counts; its build is several times larger.
    drop(std::fs::remove_dir_all(shell::target().join("tools/build")));
    Ok(())
}

/// Builds a program of that version into target/tools/bin.
pub(crate) fn install_tool(name: &str, version: &str) -> Command {
    let tools = shell::target().join("tools");
    let mut install = shell::cargo();
    install.args(["install", name, "--version", version, "--locked", "--debug"]);
    install.args(["--no-default-features", "--force", "--quiet", "--root"]).arg(&tools);
    install.arg("--target-dir").arg(tools.join("build")).env("CARGO_PROFILE_DEV_DEBUG", "0");
    install
}

fn clients() -> PathBuf {
    shell::root().join("tests/clients")
}

fn node_lock() -> PathBuf {
    clients().join("package-lock.json")
}

fn python_list() -> PathBuf {
    clients().join("requirements.txt")
}

fn go_folder() -> PathBuf {
    clients().join("go")
}

/// Where the Python suites find their interpreter.
pub(crate) fn python_folder() -> PathBuf {
    shell::target().join("clients/python")
}

fn node_packages(folder: &str) -> Result<(), Failure> {
    let path = shell::root().join(folder);
    let (lock, done) = (path.join("package-lock.json"), path.join("node_modules/.keyhaven-setup"));
    when_changed(&lock, &done, &format!("the Node packages of {folder}"), || {
        network::patiently(|| {
            let mut npm = shell::program("npm");
            npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&path);
            npm
        })
    })
}

fn python_packages() -> Result<(), Failure> {
    let folder = python_folder();
    let done = folder.join(".keyhaven-setup");
    when_changed(&python_list(), &done, "the Python packages of tests/clients", || {
        shell::quietly(shell::program("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        network::patiently(|| {
            let mut pip = shell::program(&folder.join("bin/pip").to_string_lossy());
            pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]);
            pip.arg(python_list());
            pip
        })
    })
}

fn go_modules() -> Result<(), Failure> {
    let folder = go_folder();
    let done = shell::target().join("clients/go.keyhaven-setup");
    when_changed(&folder.join("go.mod"), &done, "the Go modules of tests/clients/go", || {
        network::patiently(|| {
            let mut go = shell::program("go");
            go.args(["mod", "download"]).current_dir(&folder);
            go
        })
    })
}

fn rust_crates() -> Result<(), Failure> {
    let folder = clients().join("rust");
    let done = shell::target().join("clients/rust.keyhaven-setup");
    when_changed(&folder.join("Cargo.lock"), &done, "the crates of tests/clients/rust", || {
        network::patiently(|| {
            let mut fetch = shell::cargo();
            fetch.args(["fetch", "--quiet", "--locked", "--manifest-path"]);
            fetch.arg(folder.join("Cargo.toml"));
            fetch
        })
    })
}

/// Installs what `list` names unless `done` says that this very list was installed already.
fn when_changed(
    list: &Path,
    done: &Path,
    what: &str,
    install: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Ok(wanted) = std::fs::read(list) else {
        return Ok(());
    };
    if std::fs::read(done).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    println!("setup: installing {what}");
    install()?;
    if let Some(folder) = done.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(done, wanted)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(list: &Path, done: &Path) -> bool {
        let mut installed = false;
        let result = when_changed(list, done, "a test's list", || {
            installed = true;
            Ok(())
        });
        assert!(result.is_ok(), "{result:?}");
        installed
    }

    #[test]
    fn a_list_is_installed_once_and_again_when_it_changed() {
        let folder = std::env::temp_dir().join(format!("keyhaven-setup-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (list, done) = (folder.join("list"), folder.join("made/done"));
        assert!(!install(&list, &done), "no list, nothing to install");
        std::fs::write(&list, "a 1").unwrap();
        assert!(install(&list, &done), "a new list");
        assert!(!install(&list, &done), "the same list");
        std::fs::write(&list, "a 2").unwrap();
        assert!(install(&list, &done), "a changed list");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_list_whose_install_failed_is_tried_again() {
        let folder = std::env::temp_dir().join(format!("keyhaven-failed-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (list, done) = (folder.join("list"), folder.join("done"));
        std::fs::write(&list, "a 1").unwrap();
        let result = when_changed(&list, &done, "x", || Err(Failure("no".to_owned())));
        assert!(result.is_err(), "the failure is told");
        assert!(install(&list, &done), "not taken for installed");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
