//! Values that must never be printed, and the digests by which they are recognised.

use std::fmt;

use aws_lc_rs::digest;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Text that grants something to whoever holds it. `Debug` and `Display` show dots; the text is
/// wiped from memory when dropped.
#[derive(Clone, Default)]
pub struct Secret(String);

/// Bytes that hold a secret, wiped from memory when dropped.
pub(crate) struct Wiped(pub(crate) Vec<u8>);

/// All bytes at once: wiping a `Vec` or `String` the usual way visits them one by one, which costs a
/// microsecond for an access token.
impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.spare_capacity_mut().zeroize();
        self.0.as_mut_slice().zeroize();
    }
}

impl Secret {
    /// Wraps `text`, taking ownership so that no copy outlives it.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that sends it or compares it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The SHA-256 by which the text is stored and looked up.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        drop(Wiped(std::mem::take(&mut self.0).into_bytes()));
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

/// A SHA-256 digest. Compared in constant time, so a guess learns nothing from how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::from("kh_secret_marker");
        assert_eq!(format!("{secret} {secret:?}"), "••• •••");
    }

    #[test]
    fn equal_texts_have_equal_digests() {
        assert_eq!(Secret::from("a").digest(), Digest::of(b"a"));
        assert_ne!(Secret::from("a").digest(), Digest::of(b"b"));
    }
}
