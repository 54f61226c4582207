//! House rules that a machine can check: what a file must have, and what may not be written where.
//!
//! A scanner of lines, not a parser: it must never need a word of explanation to find its target,
//! so rules that need to understand code are clippy's (`clippy.toml`) or a reviewer's.

mod rules;

use std::path::Path;

use crate::sdk;
use crate::shell::{self, Failure};
use rules::{RULES, Source};

/// Every file of the repository against every rule.
pub(crate) fn check() -> Result<(), Failure> {
    let complaints: Vec<String> = files()?
        .iter()
        .filter_map(|path| Some((path, std::fs::read_to_string(shell::root().join(path)).ok()?)))
        .flat_map(|(path, text)| complaints(path, &text))
        .collect();
    if complaints.is_empty() { Ok(()) } else { Err(Failure(complaints.join("\n"))) }
}

/// What version control knows or would add.
fn files() -> Result<Vec<String>, Failure> {
    let mut git = shell::program("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = shell::quietly(&mut git)?.stdout;
    Ok(String::from_utf8_lossy(&listed)
        .split_terminator('\0')
        .filter(|path| is_written_by_hand(path))
        .map(str::to_owned)
        .collect())
}

fn is_written_by_hand(path: &str) -> bool {
    const WRITTEN: [&str; 14] = [
        "rs", "toml", "md", "sql", "html", "css", "sh", "js", "mjs", "ts", "tsx", "py", "go", "yml",
    ];
    let extension = Path::new(path).extension().unwrap_or_default().to_string_lossy();
    WRITTEN.contains(&&*extension) || path.starts_with(".ci/")
}

/// `path:line: what is wrong`, for each.
fn complaints(path: &str, text: &str) -> Vec<String> {
    // What is generated is judged in its template.
    if text.lines().next().is_some_and(|line| line.contains(sdk::MARK)) {
        return Vec::new();
    }
    let source = Source::new(path, text);
    RULES
        .iter()
        .filter(|rule| (rule.applies)(path))
        .flat_map(|rule| {
            (rule.broken)(&source)
                .into_iter()
                .map(move |line| format!("{path}:{line}: {}", rule.says))
        })
        .collect()
}

#[cfg(test)]
mod tests;
