//! Hashing passwords without being brought down by it (A80): as many hashes at once as there are
//! processors, a bounded queue before them, and memory that is used again. When the queue is full the
//! answer is 503 at once. An account that is not there costs the same as one that is.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use keyhaven_protocol::password::{Cost, Phc};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_store::Error;
use tokio::sync::Semaphore;

/// How many may wait for each one that is being hashed. At some 30 ms a hash, the last in the queue
/// waits a second.
const WAIT_EACH: usize = 32;

/// Bytes of a new hash.
const OUTPUT: usize = 32;

/// Hashes passwords, a few at a time.
pub struct PasswordPool {
    running: Arc<Semaphore>,
    queue: Semaphore,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

/// What a comparison showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right,
    /// It is the password, hashed for less than hashes cost now.
    RightButCheap,
    /// It is not, or there is none.
    Wrong,
}

impl PasswordPool {
    /// A pool for this many processors.
    #[must_use]
    pub fn new(processors: usize) -> Self {
        let processors = processors.max(1);
        Self {
            running: Arc::new(Semaphore::new(processors)),
            queue: Semaphore::new(processors * (1 + WAIT_EACH)),
            memory: Arc::default(),
        }
    }

    /// The PHC string of a new password under a fresh salt.
    pub async fn hash(&self, password: &Secret, salt: [u8; 16]) -> Result<String, Error> {
        let phc = Phc { cost: Cost::NOW, salt: salt.to_vec(), hash: vec![0; OUTPUT] };
        let hash = self.run(password.clone(), phc.clone()).await?;
        Ok(Phc { hash, ..phc }.to_string())
    }

    /// Compares a password with a stored one. Without one, or with one that does not read, the same
    /// work is done in vain (V6.3.8).
    pub async fn compare(&self, password: &Secret, stored: Option<&str>) -> Result<Verdict, Error> {
        let stored = stored.and_then(Phc::parse);
        let known = stored.is_some();
        let phc = stored.unwrap_or_else(|| Phc {
            cost: Cost::NOW,
            salt: vec![0; 16],
            hash: vec![0; OUTPUT],
        });
        let hash = self.run(password.clone(), phc.clone()).await?;
        let equal = Digest::of(&hash) == Digest::of(&phc.hash) && known;
        Ok(match equal {
            true if phc.is_outdated() => Verdict::RightButCheap,
            true => Verdict::Right,
            false => Verdict::Wrong,
        })
    }

    /// Gives memory back that no hash is using.
    pub fn rest(&self) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn run(&self, password: Secret, phc: Phc) -> Result<Vec<u8>, Error> {
        let _place =
            self.queue.try_acquire().map_err(|_| Error::busy("too many passwords to hash"))?;
        let permit = self.running.clone().acquire_owned().await.map_err(Error::busy)?;
        let memory = self.memory.clone();
        // The permit goes with the work: a caller who leaves does not make room for another hash.
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let spare = memory.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut blocks = spare.unwrap_or_default();
            let hash = hash(password.reveal().as_bytes(), &phc, &mut blocks);
            memory.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
            hash
        });
        work.await.map_err(Error::broken)?
    }
}

fn hash(password: &[u8], phc: &Phc, blocks: &mut Vec<Block>) -> Result<Vec<u8>, Error> {
    let Cost { memory, passes, lanes } = phc.cost;
    let unsound = |error: argon2::Error| Error::broken(error.to_string());
    let params = Params::new(memory, passes, lanes, Some(phc.hash.len())).map_err(unsound)?;
    blocks.resize(params.block_count(), Block::new());
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = vec![0; phc.hash.len()];
    argon
        .hash_password_into_with_memory(password, &phc.salt, &mut out, blocks.as_mut_slice())
        .map_err(unsound)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_recognised_and_every_byte_counts() {
        let pool = PasswordPool::new(2);
        let long = format!("{}x", "a".repeat(72));
        let phc = pool.hash(&Secret::from(long.as_str()), [3; 16]).await.unwrap();
        let compare =
            async |text: &str| pool.compare(&Secret::from(text), Some(&phc)).await.unwrap();
        assert_eq!(compare(&long).await, Verdict::Right);
        assert_eq!(compare(&format!("{}y", "a".repeat(72))).await, Verdict::Wrong);
        assert_eq!(compare(&format!("{long}\0")).await, Verdict::Wrong);
        assert_eq!(compare(&format!(" {long}")).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn nothing_is_the_password_of_nobody() {
        let pool = PasswordPool::new(1);
        assert_eq!(pool.compare(&Secret::from("x"), None).await.unwrap(), Verdict::Wrong);
        let broken = pool.compare(&Secret::from("x"), Some("plain")).await.unwrap();
        assert_eq!(broken, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_from_cheaper_days_is_right_and_outdated() {
        let pool = PasswordPool::new(1);
        let cost = Cost { memory: 7_168, passes: 1, lanes: 1 };
        let phc = Phc { cost, salt: vec![5; 16], hash: vec![0; 32] };
        let hash = pool.run(Secret::from("secret"), phc.clone()).await.unwrap();
        let text = Phc { hash, ..phc }.to_string();
        let verdict = pool.compare(&Secret::from("secret"), Some(&text)).await.unwrap();
        assert_eq!(verdict, Verdict::RightButCheap);
    }

    /// RFC 9106 has no vector without a secret; this one is the reference implementation's.
    #[test]
    fn the_hash_is_argon2id() {
        let cost = Cost { memory: 65_536, passes: 2, lanes: 1 };
        let phc = Phc { cost, salt: b"somesalt".to_vec(), hash: vec![0; 32] };
        let hash = hash(b"password", &phc, &mut Vec::new()).unwrap();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    }

    #[tokio::test]
    async fn a_full_queue_is_told_at_once() {
        let pool = PasswordPool::new(1);
        let all = pool.queue.acquire_many(1 + WAIT_EACH as u32).await.unwrap();
        let refused = pool.compare(&Secret::from("x"), None).await;
        assert!(matches!(refused, Err(Error::Busy(_))));
        drop(all);
        assert_eq!(pool.compare(&Secret::from("x"), None).await.unwrap(), Verdict::Wrong);
    }
}
