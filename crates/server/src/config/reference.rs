//! The reference page of settings, written from the table in `config/mod.rs`.

use std::fmt::Write;

use super::{Config, Key};

/// The page `docs/reference/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    for key in Config::KEYS {
        section(&mut page, key);
    }
    page
}

/// The keys that are flags of `keyhaven serve` too.
pub const FLAGS: &[&str] = &["data", "listen", "operator_listen", "issuer", "database"];

const HEAD: &str = "\
<!-- Written by `cargo xtask generate` from crates/server/src/config/mod.rs. Do not edit. -->

# Configuration

A value is taken from the last of these that has it: the default, `keyhaven.toml` (in the data
directory, or the file named by `--config` or `KEYHAVEN_CONFIG`), the environment, the flags of the
command where there is one. `keyhaven config` prints every value and where it came from. An unknown key
is an error.

A secret can be kept in a file: give the key with `_file` appended and the path, or write the value
as `file:` and the path.
";

fn section(page: &mut String, key: &Key) {
    let about = key.about.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let default = if key.default.is_empty() { "not set" } else { key.default };
    let environment = key.name.to_ascii_uppercase();
    let flag = match FLAGS.contains(&key.name) {
        true => format!(" · `--{}`", key.name.replace('_', "-")),
        false => String::new(),
    };
    let secret = if key.secret { " · secret" } else { "" };
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n## `{}`\n\n{about}\n\n{} · default: {default}{secret}  \n`KEYHAVEN_{environment}`{flag}\n",
        key.name, key.unit,
    );
}
