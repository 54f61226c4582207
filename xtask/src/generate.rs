//! `cargo xtask generate [--check]`: the files that the built server writes about itself, and the
//! SDKs that follow from its OpenAPI document.
//!
//! `--check` only compares, so that what is committed is what the code says.

use std::path::Path;

use crate::sdk;
use crate::shell::{self, Failure};

/// One generated file: the words given to `keyhaven`, and where what it prints belongs.
struct Page {
    words: &'static [&'static str],
    file: &'static str,
}

/// Everything generated.
const PAGES: &[Page] = &[
    Page { words: &["reference", "configuration"], file: "docs/reference/configuration.md" },
    Page { words: &["reference", "cli"], file: "docs/reference/cli.md" },
    Page { words: &["reference", "providers"], file: "docs/reference/providers.md" },
    Page { words: &["openapi"], file: "sdks/openapi.json" },
];

/// `cargo xtask generate [--check]`
pub(crate) fn verb(words: &[String]) -> Result<(), Failure> {
    match words {
        [] => {
            every_page(write)?;
            sdk::verb(&[])
        }
        [check] if check == "--check" => every_page(compare),
        _ => Err(Failure("say `generate` or `generate --check`".to_owned())),
    }
}

fn every_page(settle: fn(&Path, &[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    build()?;
    let keyhaven = shell::target().join("debug/keyhaven");
    for page in PAGES {
        let told =
            shell::quietly(shell::program(&keyhaven.to_string_lossy()).args(page.words))?.stdout;
        settle(Path::new(page.file), &told)?;
    }
    Ok(())
}

/// The same selection as the test build: another one would unify other features and compile every
/// dependency a second time.
fn build() -> Result<(), Failure> {
    let mut build = shell::cargo();
    build.args(["build", "--workspace", "--all-targets", "--locked", "--quiet"]);
    shell::quietly(&mut build).map(drop)
}

fn write(file: &Path, told: &[u8]) -> Result<(), Failure> {
    if compare(file, told).is_ok() {
        return Ok(());
    }
    let path = shell::root().join(file);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, told)?;
    println!("wrote {}", file.display());
    Ok(())
}

fn compare(file: &Path, told: &[u8]) -> Result<(), Failure> {
    if std::fs::read(shell::root().join(file)).is_ok_and(|had| had == told) {
        return Ok(());
    }
    Err(Failure(format!("{} is not what the code says; cargo xtask generate", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_differs_by_a_byte_is_refused() {
        let ours = std::fs::read(shell::root().join("xtask/Cargo.toml")).unwrap();
        let file = Path::new("xtask/Cargo.toml");
        assert!(compare(file, &ours).is_ok());
        let longer = [ours.as_slice(), b"\n"].concat();
        assert!(compare(file, &longer).unwrap_err().0.starts_with("xtask/Cargo.toml is not"));
        assert!(compare(Path::new("xtask/no-such-file"), &ours).is_err());
    }
}
