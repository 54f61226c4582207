//! Lists the provider files for `src/catalogue.rs`, in the order of their keys.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=providers");
    println!("cargo::rerun-if-changed=build.rs");
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("providers");
    let mut keys = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(key) = path.file_stem().and_then(|stem| stem.to_str())
        {
            keys.push(key.to_owned());
        }
    }
    keys.sort();
    let mut code = format!("static FILES: [File; {}] = [\n", keys.len());
    for key in &keys {
        let path = folder.join(format!("{key}.toml"));
        writeln!(
            code,
            "    File {{ key: {key:?}, text: include_str!({path:?}), read: OnceLock::new() }},"
        )
        .map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("files.rs"), code)
}

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by the environment")]
fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
