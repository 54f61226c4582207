//! Where tokens outlive a process, or are shared by several.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Fetching, Renew, Token};
use crate::error::{Error, Kind};
use crate::secret::Secret;

/// Keeps tokens by issuer, client and resource.
pub trait TokenStore: Send + Sync {
    /// The token under a name.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn get(&self, key: &str) -> Result<Option<Token>, Error>;
    /// Keeps a token under a name.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn set(&self, key: &str, token: &Token) -> Result<(), Error>;
    /// Forgets a token.
    ///
    /// # Errors
    ///
    /// When it cannot be forgotten.
    fn delete(&self, key: &str) -> Result<(), Error>;
    /// The right to ask for this token alone, as long as it is not dropped; nothing while somebody
    /// else has it, who will be asked again soon.
    ///
    /// # Errors
    ///
    /// When nobody can have it.
    fn lock(&self, key: &str) -> Result<Option<StoreLock>, Error>;
}

/// Given back when it is dropped.
pub struct StoreLock(Option<Box<dyn FnOnce() + Send>>);

impl StoreLock {
    /// Does `end` when it is dropped.
    #[must_use]
    pub fn new(end: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl std::fmt::Debug for StoreLock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("StoreLock")
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

const PAUSE: Duration = Duration::from_millis(20);

/// Looks into a store before it renews, and puts there what came of it.
pub(super) struct Kept {
    pub(super) renewal: Box<dyn Renew>,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) key: String,
}

impl Kept {
    async fn renewed(&self, last: Option<&Token>) -> Result<Token, Error> {
        let _lock = loop {
            match self.store.lock(&self.key)? {
                Some(lock) => break lock,
                None => tokio::time::sleep(PAUSE).await,
            }
        };
        let kept = self.store.get(&self.key)?;
        // Somebody else has renewed it already.
        if let Some(token) = &kept
            && token.lives()
            && last.is_none_or(|last| last.access_token != token.access_token)
        {
            return Ok(token.clone());
        }
        // What is kept is the newest: an older refresh token would look stolen.
        match self.renewal.renew(kept.as_ref().or(last)).await {
            Ok(token) => self.store.set(&self.key, &token).map(|()| token),
            Err(error) => {
                if error.kind() == Kind::ReauthenticationRequired {
                    self.store.delete(&self.key)?;
                }
                Err(error)
            }
        }
    }
}

impl Renew for Kept {
    fn renew<'a>(&'a self, last: Option<&'a Token>) -> Fetching<'a> {
        Box::pin(self.renewed(last))
    }
}

/// Keeps tokens as long as the process lives; several sources may share it.
///
/// ```
/// use std::sync::Arc;
/// use keyhaven_sdk::{ClientCredentials, tokens::MemoryStore};
/// let store = Arc::new(MemoryStore::default());
/// let client = ClientCredentials::new("https://auth.example.com", "kh_client_…", "kh_secret_…");
/// let (one, other) = (client.clone().store(store.clone()).build(), client.store(store).build());
/// # drop((one, other));
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    tokens: Mutex<HashMap<String, Token>>,
    locked: Arc<Mutex<HashSet<String>>>,
}

impl TokenStore for MemoryStore {
    fn get(&self, key: &str) -> Result<Option<Token>, Error> {
        Ok(open(&self.tokens).get(key).cloned())
    }

    fn set(&self, key: &str, token: &Token) -> Result<(), Error> {
        open(&self.tokens).insert(key.to_owned(), token.clone());
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        open(&self.tokens).remove(key);
        Ok(())
    }

    fn lock(&self, key: &str) -> Result<Option<StoreLock>, Error> {
        if !open(&self.locked).insert(key.to_owned()) {
            return Ok(None);
        }
        let (locked, key) = (Arc::clone(&self.locked), key.to_owned());
        Ok(Some(StoreLock::new(move || {
            open(&locked).remove(&key);
        })))
    }
}

fn open<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps tokens in a file (mode 0600) that is replaced as a whole; for command lines. The file is the
/// one that the TypeScript and Go SDKs keep, too.
///
/// ```
/// use keyhaven_sdk::tokens::{FileStore, TokenStore};
/// let store = FileStore::new(std::env::temp_dir().join("no tokens here.json"));
/// assert!(store.get("a name").is_ok_and(|token| token.is_none()));
/// ```
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

/// A lock that is older was left behind: no request for a token takes so long.
const STALE: Duration = Duration::from_secs(60);

/// A token as the file has it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    access_token: Secret,
    #[serde(default)]
    token_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Secret>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<f64>,
}

impl FileStore {
    /// In the file at `path`.
    ///
    /// ```no_run
    /// use keyhaven_sdk::tokens::FileStore;
    ///
    /// let store = FileStore::new("tokens.json");
    /// ```
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn read(&self) -> Result<BTreeMap<String, Value>, Error> {
        match fs::read(&self.path) {
            Ok(text) if text.is_empty() => Ok(BTreeMap::new()),
            Ok(text) => serde_json::from_slice(&text).map_err(Error::client),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(Error::client(error)),
        }
    }

    fn change(&self, edit: impl FnOnce(&mut BTreeMap<String, Value>)) -> Result<(), Error> {
        let _lock = loop {
            // Held for one write only: everybody waits where they are.
            match take(&beside(&self.path, "lock"))? {
                Some(lock) => break lock,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let mut tokens = self.read()?;
        edit(&mut tokens);
        let fresh = beside(&self.path, &format!("{:016x}", fastrand::u64(..)));
        let mut file = private(&fresh).map_err(Error::client)?;
        file.write_all(&serde_json::to_vec(&tokens).map_err(Error::client)?)
            .and_then(|()| fs::rename(&fresh, &self.path))
            .map_err(Error::client)
    }
}

impl TokenStore for FileStore {
    fn get(&self, key: &str) -> Result<Option<Token>, Error> {
        let Some(written) = self.read()?.remove(key) else { return Ok(None) };
        let written: Written = serde_json::from_value(written).map_err(Error::client)?;
        Ok(Some(Token {
            access_token: written.access_token,
            token_type: written.token_type,
            refresh_token: written.refresh_token,
            expires_at: written.expires_at.map(instant),
        }))
    }

    fn set(&self, key: &str, token: &Token) -> Result<(), Error> {
        let written = Written {
            access_token: token.access_token.clone(),
            token_type: token.token_type.clone(),
            refresh_token: token.refresh_token.clone(),
            expires_at: token.expires_at.map(milliseconds),
        };
        let written = serde_json::to_value(written).map_err(Error::client)?;
        self.change(|tokens| drop(tokens.insert(key.to_owned(), written)))
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        self.change(|tokens| drop(tokens.remove(key)))
    }

    fn lock(&self, key: &str) -> Result<Option<StoreLock>, Error> {
        take(&beside(&self.path, &format!("{}.lock", crate::send::escape(key))))
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    PathBuf::from(name)
}

/// A new file that only its owner can read.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the lock file; not while somebody else's is there.
fn take(path: &Path) -> Result<Option<StoreLock>, Error> {
    match private(path) {
        Ok(_) => {
            let path = path.to_owned();
            Ok(Some(StoreLock::new(move || drop(fs::remove_file(path)))))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let left = fs::metadata(path).and_then(|left| left.modified());
            if left.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STALE)) {
                drop(fs::remove_file(path));
            }
            Ok(None)
        }
        Err(error) => Err(Error::client(error)),
    }
}

/// When a time of the calendar is, on the clock that only goes forward.
fn instant(milliseconds: f64) -> Instant {
    let at = Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Instant::now();
    match at.checked_sub(since) {
        Some(ahead) => now.checked_add(ahead).unwrap_or(now),
        None => now,
    }
}

fn milliseconds(at: Instant) -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ahead = at.saturating_duration_since(Instant::now());
    ((since + ahead).as_secs_f64() * 1000.0).round()
}
