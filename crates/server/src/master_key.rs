//! The master key, from one of three sources: configuration, a command that prints it, or
//! `master.key` in the data directory, made on first run.
//!
//! It is never overwritten and never made anew beside a database that something was already sealed
//! in (F15): that would look like a start and lose every sealed value. A source that fails is never
//! replaced by another.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::seal::{MasterKey, Sealer};
use zeroize::Zeroizing;

use crate::app::Dice;
use crate::config::{Config, Words};

mod command;

const FILE: &str = "master.key";

/// The keys this node opens with; the first one seals.
#[derive(Debug)]
pub struct MasterKeys {
    keys: Vec<MasterKey>,
}

impl MasterKeys {
    /// Reads the current key from its source and the previous ones. The file is made when there is
    /// none and `fresh` says that nothing has been sealed yet.
    ///
    /// # Errors
    /// When two sources are configured, or one does not give keys of 32 bytes.
    pub async fn load(config: &Config, fresh: Fresh, dice: &Dice) -> Result<Self> {
        let source = Source::of(config)?;
        let mut keys = vec![source.read(fresh, dice).await?];
        for text in &config.previous_master_keys.0 {
            keys.push(parse(text).context("previous_master_keys")?);
        }
        if let Some(words) = &config.previous_master_keys_command.0 {
            keys.extend(printed(words).await.context("previous_master_keys_command")?);
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

/// Where the current key comes from.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// The setting `master_key`.
    Setting(&'a Secret),
    /// What the command in `master_key_command` prints.
    Command(&'a Words),
    /// `master.key` in the data directory.
    File(PathBuf),
}

impl<'a> Source<'a> {
    /// The one that is configured; the file without one.
    ///
    /// # Errors
    /// When there are two: which of them counts must not be a guess.
    pub fn of(config: &'a Config) -> Result<Self> {
        match (&config.master_key.0, &config.master_key_command.0) {
            (Some(_), Some(_)) => {
                bail!("master_key and master_key_command are both set; set one of them")
            }
            (Some(text), None) => Ok(Self::Setting(text)),
            (None, Some(words)) => Ok(Self::Command(words)),
            (None, None) => Ok(Self::File(config.data.join(FILE))),
        }
    }

    async fn read(&self, fresh: Fresh, dice: &Dice) -> Result<MasterKey> {
        match self {
            Self::Setting(text) => parse(text).context("master_key"),
            Self::Command(words) => {
                let keys = printed(words).await.context("master_key_command")?;
                let one = <[MasterKey; 1]>::try_from(keys).ok().with_context(|| {
                    format!("master_key_command: {} printed more than one line", words.program)
                })?;
                let [key] = one;
                Ok(key)
            }
            Self::File(path) => from_file(path, fresh, dice),
        }
    }
}

/// For people, without arguments of a command.
impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(_) => f.write_str("the setting master_key"),
            Self::Command(words) => write!(f, "the command {} (master_key_command)", words.program),
            Self::File(path) => path.display().fmt(f),
        }
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

async fn printed(words: &Words) -> Result<Vec<MasterKey>> {
    let lines = command::printed_lines(words, command::WITHIN).await?;
    lines.iter().map(|line| parse(line).with_context(|| words.program.clone())).collect()
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
             master_key or master_key_command to the same key.",
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
mod tests;
