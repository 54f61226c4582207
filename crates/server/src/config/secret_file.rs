//! Secrets kept in files: `NAME_file = "/run/secrets/x"` or a value `file:/run/secrets/x`.
//! One trailing line end is not part of the secret.

use std::path::Path;

use keyhaven_protocol::secret::Secret;

/// The prefix of a value that names a file instead of holding the secret.
pub(super) const PREFIX: &str = "file:";

/// Reads the secret in `path`.
pub(super) fn read(path: &Path) -> Result<Secret, String> {
    let mut text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok(Secret::new(text))
}
