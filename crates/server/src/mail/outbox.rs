//! Letters as files, for instances without a mail server: one `.eml` each, readable by the owner of
//! the data directory only, the oldest removed beyond a bound.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use keyhaven_protocol::id::Id;
use keyhaven_protocol::time::Timestamp;

use super::Unsent;

/// Letters that are kept.
const MOST: usize = 1_000;

#[derive(Clone)]
pub(super) struct Outbox(PathBuf);

impl Outbox {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Keeps a letter; the names grow with time.
    pub(super) async fn keep(&self, id: Id, now: Timestamp, letter: Vec<u8>) -> Result<(), Unsent> {
        let (this, name) = (self.clone(), format!("{}-{id}.eml", now.0));
        let written = tokio::task::spawn_blocking(move || this.write(&name, &letter)).await;
        let path = match written {
            Ok(Ok(path)) => path,
            Ok(Err(error)) => return Err(Unsent::Later(error.to_string())),
            Err(error) => return Err(Unsent::Later(error.to_string())),
        };
        tracing::info!(path = %path.display(), "mail written; no mail server is configured");
        Ok(())
    }

    /// Under another name first: whoever watches the folder sees whole letters only.
    fn write(&self, name: &str, letter: &[u8]) -> io::Result<PathBuf> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let (path, half) = (self.0.join(name), self.0.join(format!("{name}.part")));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&half)?;
        file.write_all(letter)?;
        std::fs::rename(&half, &path)?;
        self.make_room()?;
        Ok(path)
    }

    fn make_room(&self) -> io::Result<()> {
        let entries = std::fs::read_dir(&self.0)?.filter_map(Result::ok).map(|entry| entry.path());
        let mut letters: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
        letters.sort();
        for oldest in letters.iter().take(letters.len().saturating_sub(MOST)) {
            std::fs::remove_file(oldest)?;
        }
        Ok(())
    }
}
