//! The data directory, the master key in it, and the space around it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::Finding;
use crate::config::Config;
use crate::master_key::Source;

const MEBIBYTE: u64 = 1 << 20;

/// Below this the next busy hour may fill the disk.
const LITTLE: u64 = 1024 * MEBIBYTE;

/// Below this a checkpoint may not fit.
const TOO_LITTLE: u64 = 100 * MEBIBYTE;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    if !config.data.is_dir() {
        return Vec::new();
    }
    let mut findings = vec![directory(&config.data)];
    if let Ok(Source::File(path)) = Source::of(config) {
        findings.extend(key_file(&path));
    }
    findings.push(space(&config.data));
    findings
}

fn directory(path: &Path) -> Finding {
    const CHECK: &str = "data directory";
    let shown = path.display();
    if let Err(error) = access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let fix = "run as the user that owns it, or change its owner";
        return Finding::failure(CHECK, format!("{shown}: {error}"), fix);
    }
    match mode(path) {
        Some(mode) if mode & 0o077 != 0 => {
            let detail = format!("{shown} is open to other users (mode {mode:o})");
            Finding::failure(CHECK, detail, format!("chmod 700 {shown}"))
        }
        _ => Finding::ok(CHECK, format!("{shown}, open to its owner only")),
    }
}

/// A missing file is the database's finding: it knows whether something was sealed.
fn key_file(path: &Path) -> Option<Finding> {
    const CHECK: &str = "master key file";
    let shown = path.display();
    let mode = mode(path)?;
    Some(if mode & 0o077 == 0 {
        Finding::ok(CHECK, format!("{shown}, readable by its owner only"))
    } else {
        let detail = format!("{shown} can be read by other users (mode {mode:o})");
        let fix = format!(
            "chmod 600 {shown}; if others had access, whoever read it can open a copy \
                           of the database"
        );
        Finding::failure(CHECK, detail, fix)
    })
}

fn space(path: &Path) -> Finding {
    const CHECK: &str = "disk space";
    let free = match statvfs(path) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            let fix = "look at the file system of the data directory";
            return Finding::warning(CHECK, format!("cannot be measured: {error}"), fix);
        }
    };
    let detail = format!("{} MiB free", free / MEBIBYTE);
    let fix = "make room: without it nothing can be written, and writes are answered 503";
    match free {
        ..TOO_LITTLE => Finding::failure(CHECK, detail, fix),
        TOO_LITTLE..LITTLE => Finding::warning(CHECK, detail, fix),
        LITTLE.. => Finding::ok(CHECK, detail),
    }
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o777)
}
