//! The master key: from configuration, or `master.key` in the data directory, made on first run.
//!
//! It is never overwritten and never made anew beside a database that something was already sealed
//! in (F15): that would look like a start and lose every sealed value.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::seal::{MasterKey, Sealer};
use zeroize::Zeroizing;

use crate::app::Dice;

const FILE: &str = "master.key";

/// The keys this node opens with; the first one seals.
#[derive(Debug)]
pub struct MasterKeys {
    keys: Vec<MasterKey>,
}

impl MasterKeys {
    /// Reads the configured keys, or the file in `data`, or makes that file when `fresh`: nothing
    /// has been sealed yet.
    pub fn load(
        configured: Option<&Secret>,
        previous: &[Secret],
        data: &Path,
        fresh: Fresh,
        dice: &Dice,
    ) -> Result<Self> {
        let current = match configured {
            Some(text) => parse(text).context("master_key")?,
            None => from_file(&data.join(FILE), fresh, dice)?,
        };
        let mut keys = vec![current];
        for text in previous {
            keys.push(parse(text).context("previous_master_keys")?);
        }
        Ok(Self { keys })
    }

    /// Hexadecimal names of the loaded keys; the sealing one first.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|key| key.id().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The sealer over these keys.
    pub fn sealer(&self) -> Result<Sealer> {
        let (current, previous) = self.keys.split_first().context("no master key")?;
        Ok(Sealer::new(current, previous)?)
    }
}

/// Whether anything was sealed in the database before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// Nothing: a missing key may be made.
    Yes,
    /// Something: a missing key is an error.
    No,
}

/// 32 bytes in standard base64, with or without an `id:` in front that only people read.
fn parse(text: &Secret) -> Result<MasterKey> {
    let text = text.reveal().trim();
    let encoded = text.rsplit_once(':').map_or(text, |(_, encoded)| encoded);
    let bytes = Zeroizing::new(STANDARD.decode(encoded).context("the key is not base64")?);
    let bytes = <[u8; 32]>::try_from(bytes.as_slice());
    Ok(MasterKey::new(bytes.ok().context("the key is not 32 bytes")?))
}

fn from_file(path: &Path, fresh: Fresh, dice: &Dice) -> Result<MasterKey> {
    match fs::read_to_string(path) {
        Ok(text) => {
            refuse_readable_by_others(path)?;
            parse(&Secret::new(text)).with_context(|| path.display().to_string())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && fresh == Fresh::Yes => {
            make(path, dice)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "{} is missing, and the database holds values sealed with it. Put the file back, or set \
             master_key to the same key.",
            path.display()
        ),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

fn refuse_readable_by_others(path: &Path) -> Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{} can be read by others (mode {:o}). Run: chmod 600 {0}",
            path.display(),
            mode & 0o777
        );
    }
    Ok(())
}

/// Made under another name and moved, so that a crash leaves no half key; never over an old one. Of
/// several processes that start at once, one makes the key and the others read it.
fn make(path: &Path, dice: &Dice) -> Result<MasterKey> {
    let bytes = Zeroizing::new(dice.bytes::<32>());
    let draft = path.with_extension(format!("key.{}.new", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(STANDARD.encode(*bytes).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(MasterKey::new(*bytes)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            from_file(path, Fresh::No, dice)
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice(byte: u8) -> Dice {
        Dice::new(move |out| out.fill(byte))
    }

    fn load(data: &Path, fresh: Fresh, byte: u8) -> Result<MasterKeys> {
        MasterKeys::load(None, &[], data, fresh, &dice(byte))
    }

    #[test]
    fn a_key_that_another_process_made_meanwhile_is_read() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(FILE);
        let first = make(&path, &dice(1)).unwrap();
        let second = make(&path, &dice(2)).unwrap();
        assert_eq!(first.id(), second.id());
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn the_first_run_makes_a_key_that_only_its_owner_reads_and_the_next_finds_it() {
        let data = tempfile::tempdir().unwrap();
        let first: Vec<_> = load(data.path(), Fresh::Yes, 1).unwrap().names().collect();
        let mode = fs::metadata(data.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second: Vec<_> = load(data.path(), Fresh::No, 2).unwrap().names().collect();
        assert_eq!(first, second);
    }

    #[test]
    fn a_missing_key_is_not_made_beside_sealed_values() {
        let data = tempfile::tempdir().unwrap();
        let error = load(data.path(), Fresh::No, 1).unwrap_err();
        assert!(error.to_string().contains("is missing"), "{error}");
        assert!(!data.path().join(FILE).exists());
    }

    #[test]
    fn a_key_others_can_read_is_refused() {
        let data = tempfile::tempdir().unwrap();
        load(data.path(), Fresh::Yes, 1).unwrap();
        let path = data.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = load(data.path(), Fresh::No, 1).unwrap_err();
        assert!(error.to_string().contains("can be read by others"), "{error}");
    }

    #[test]
    fn a_configured_key_must_be_32_bytes_of_base64() {
        let data = tempfile::tempdir().unwrap();
        let short = Secret::from("k1:AAAA");
        let error =
            MasterKeys::load(Some(&short), &[], data.path(), Fresh::Yes, &dice(1)).unwrap_err();
        assert!(format!("{error:#}").contains("not 32 bytes"), "{error:#}");
    }
}
