//! Binary values. Nearly all are ids and digests, several in every statement: those stand in place,
//! because an allocation of its own costs each more than being copied does.

use std::fmt;

/// A BYTEA. Two are equal that hold the same bytes, wherever they hold them.
#[derive(Clone)]
pub enum Blob {
    /// As long as an id.
    Id([u8; 16]),
    /// As long as a SHA-256.
    Digest([u8; 32]),
    /// Of any length.
    Long(Vec<u8>),
}

impl Blob {
    /// The bytes.
    #[must_use]
    pub const fn as_slice(&self) -> &[u8] {
        match self {
            Self::Id(bytes) => bytes,
            Self::Digest(bytes) => bytes,
            Self::Long(bytes) => bytes.as_slice(),
        }
    }

    /// The bytes, for whom a slice does not do.
    pub(super) fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Long(bytes) => std::mem::take(bytes),
            short => short.as_slice().to_vec(),
        }
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        if let Ok(id) = bytes.try_into() {
            Self::Id(id)
        } else if let Ok(digest) = bytes.try_into() {
            Self::Digest(digest)
        } else {
            Self::Long(bytes.to_vec())
        }
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Blob {}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_every_length_come_back_and_equal_themselves() {
        for length in [0_usize, 1, 15, 16, 17, 31, 32, 33, 1000] {
            let bytes: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            let mut blob = Blob::from(bytes.as_slice());
            assert_eq!(blob.as_slice(), bytes);
            assert_eq!(blob, Blob::Long(bytes.clone()));
            assert_ne!(blob, Blob::Long(vec![0xff; bytes.len() + 1]));
            assert_eq!(blob.take(), bytes);
        }
    }
}
