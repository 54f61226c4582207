//! Envelope encryption: each connection and connector has a random data key of its own, wrapped by
//! the master key. Turning the master key wraps data keys again and touches no token.
//!
//! A value is `version ‖ nonce (12) ‖ ciphertext ‖ tag`, AES-256-GCM. Its associated data is the
//! version and its whole address (table and column, row, organization, connector), so a ciphertext
//! moved to another row or column does not open.

use std::fmt::Write as _;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use keyhaven_protocol::id::{Id, OrganizationId};
use keyhaven_protocol::secret::{Digest, Secret};
use zeroize::Zeroizing;

use crate::Error;
use crate::seal::{Place, Sealer};

const VERSION: u8 = 1;

/// The row sealed values belong to.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// The row's id.
    pub row: Id,
    /// Its tenant.
    pub organization: OrganizationId,
    /// Its connector; a connector's own id for itself.
    pub connector: Id,
}

impl Address {
    fn bytes(self) -> [u8; 48] {
        let mut out = [0; 48];
        out[..16].copy_from_slice(&self.row.0);
        out[16..32].copy_from_slice(&self.organization.0.0);
        out[32..].copy_from_slice(&self.connector.0);
        out
    }
}

/// As many nonces as a deed needs, from 32 random bytes of the caller's.
pub struct Nonces {
    seed: [u8; 32],
    drawn: u32,
}

impl Nonces {
    /// Nonces spread from `seed`, which is used for nothing else.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next one.
    pub fn draw(&mut self) -> [u8; NONCE_LEN] {
        let digest = self.next(b"nonce");
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&digest.0[..NONCE_LEN]);
        nonce
    }

    /// A new data key.
    fn key(&mut self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.next(b"data key").0)
    }

    fn next(&mut self, purpose: &[u8]) -> Digest {
        self.drawn += 1;
        Digest::of(&[self.seed.as_slice(), &self.drawn.to_be_bytes(), purpose].concat())
    }
}

/// A row's data key, open.
pub struct DataKey {
    address: Address,
    aead: LessSafeKey,
    key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(•••)")
    }
}

impl DataKey {
    /// Makes a data key for the row at `address`, and its wrapped form for `column`.
    pub fn make(
        sealer: &Sealer,
        column: &'static str,
        address: Address,
        nonces: &mut Nonces,
    ) -> Result<(Self, Vec<u8>), Error> {
        let key = nonces.key();
        let place = Place { column, row: &address.bytes() };
        let wrapped = sealer.seal(place, key.as_slice(), nonces.draw())?;
        Ok((Self::over(address, key)?, wrapped))
    }

    /// Opens the wrapped data key of a row.
    pub fn open(
        sealer: &Sealer,
        column: &'static str,
        address: Address,
        wrapped: &[u8],
    ) -> Result<Self, Error> {
        let place = Place { column, row: &address.bytes() };
        let plain = sealer.open(place, wrapped)?;
        if plain.len() != 32 {
            return Err(Error::broken(format!("{column}: a data key has 32 bytes")));
        }
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&plain);
        Self::over(address, key)
    }

    fn over(address: Address, key: Zeroizing<[u8; 32]>) -> Result<Self, Error> {
        let broken = |_| Error::broken("AES key refused");
        let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).map_err(broken)?);
        Ok(Self { address, aead, key })
    }

    /// Seals `secret` for `column` of the row.
    pub fn seal(
        &self,
        column: &'static str,
        secret: &Secret,
        nonces: &mut Nonces,
    ) -> Result<Vec<u8>, Error> {
        let nonce = nonces.draw();
        let mut sealed = secret.reveal().as_bytes().to_vec();
        self.aead
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.bound(column)),
                &mut sealed,
            )
            .map_err(|_| Error::broken("sealing failed"))?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what was sealed for `column` of the row.
    pub fn reveal(&self, column: &'static str, sealed: &[u8]) -> Result<Secret, Error> {
        let failed = |why: &str| Error::broken(format!("{column}: {why}"));
        let Some((&[VERSION], rest)) = sealed.split_at_checked(1) else {
            return Err(failed("not a sealed value"));
        };
        let Some((head, body)) = rest.split_at_checked(NONCE_LEN) else {
            return Err(failed("not a sealed value"));
        };
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(head);
        let mut plain = Zeroizing::new(body.to_vec());
        let length = self
            .aead
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.bound(column)),
                &mut plain,
            )
            .map_err(|_| failed("does not open: altered or moved"))?
            .len();
        let text = std::str::from_utf8(&plain[..length]).map_err(|_| failed("is no text"))?;
        Ok(Secret::from(text))
    }

    /// By what a caller names the token it got: a keyed digest, useless to whoever guesses.
    #[must_use]
    pub fn fingerprint(&self, token: &Secret) -> String {
        // Made here and not with the key: most keys only open a token.
        let outer = hmac::Key::new(hmac::HMAC_SHA256, &*self.key);
        let inner = hmac::sign(&outer, b"keyhaven fingerprint 1");
        let fingerprints = hmac::Key::new(hmac::HMAC_SHA256, inner.as_ref());
        let tag = hmac::sign(&fingerprints, token.reveal().as_bytes());
        tag.as_ref()[..12].iter().fold(String::with_capacity(24), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }

    fn bound(&self, column: &'static str) -> Vec<u8> {
        let mut aad = Vec::with_capacity(2 + column.len() + 48);
        aad.push(VERSION);
        aad.extend_from_slice(column.as_bytes());
        aad.push(0);
        aad.extend_from_slice(&self.address.bytes());
        aad
    }
}

/// Wraps a data key again, under the master key that seals now.
pub(crate) fn rewrap(
    sealer: &Sealer,
    column: &'static str,
    row: &[u8],
    wrapped: &[u8],
    nonce: [u8; NONCE_LEN],
) -> Result<Vec<u8>, Error> {
    let place = Place { column, row };
    let plain = sealer.open(place, wrapped)?;
    sealer.seal(place, &plain, nonce)
}

/// The bytes a data key's wrapping is bound to.
pub(crate) fn address_bytes(address: Address) -> [u8; 48] {
    address.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::MasterKey;

    const ADDRESS: Address = Address {
        row: Id::v7(1, [1; 10]),
        organization: OrganizationId(Id::v7(2, [2; 10])),
        connector: Id::v7(3, [3; 10]),
    };
    const COLUMN: &str = "connections.data_key";

    fn sealer() -> Sealer {
        Sealer::new(&MasterKey::new([7; 32]), &[]).unwrap()
    }

    fn made(address: Address) -> (DataKey, Vec<u8>) {
        DataKey::make(&sealer(), COLUMN, address, &mut Nonces::new([5; 32])).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_own_column_and_row_only() {
        let (key, wrapped) = made(ADDRESS);
        let token = Secret::from("ya29.token");
        let sealed = key.seal("connections.access", &token, &mut Nonces::new([6; 32])).unwrap();
        let again = DataKey::open(&sealer(), COLUMN, ADDRESS, &wrapped).unwrap();
        assert_eq!(again.reveal("connections.access", &sealed).unwrap().reveal(), "ya29.token");
        assert!(again.reveal("connections.refresh", &sealed).is_err());
        for moved in [
            Address { row: ADDRESS.connector, ..ADDRESS },
            Address { organization: OrganizationId(ADDRESS.row), ..ADDRESS },
            Address { connector: ADDRESS.row, ..ADDRESS },
        ] {
            assert!(DataKey::open(&sealer(), COLUMN, moved, &wrapped).is_err(), "{moved:?}");
        }
    }

    #[test]
    fn an_altered_value_does_not_open() {
        let (key, _) = made(ADDRESS);
        let token = Secret::from("t");
        let sealed = key.seal("connections.access", &token, &mut Nonces::new([6; 32])).unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(key.reveal("connections.access", &altered).is_err(), "byte {at}");
        }
        assert!(key.reveal("connections.access", &[]).is_err());
    }

    #[test]
    fn a_fingerprint_is_keyed_by_its_row() {
        let token = Secret::from("same");
        let (one, _) = made(ADDRESS);
        let other = DataKey::make(&sealer(), COLUMN, ADDRESS, &mut Nonces::new([9; 32])).unwrap().0;
        assert_eq!(one.fingerprint(&token), one.fingerprint(&token));
        assert_ne!(one.fingerprint(&token), other.fingerprint(&token));
        assert!(!format!("{one:?}").contains("same"));
    }

    #[test]
    fn a_data_key_is_wrapped_again_without_touching_what_it_seals() {
        let (key, wrapped) = made(ADDRESS);
        let token = Secret::from("t");
        let sealed = key.seal("connections.access", &token, &mut Nonces::new([6; 32])).unwrap();
        let both = Sealer::new(&MasterKey::new([8; 32]), &[MasterKey::new([7; 32])]).unwrap();
        let turned = rewrap(&both, COLUMN, &address_bytes(ADDRESS), &wrapped, [1; 12]).unwrap();
        let only_new = Sealer::new(&MasterKey::new([8; 32]), &[]).unwrap();
        let opened = DataKey::open(&only_new, COLUMN, ADDRESS, &turned).unwrap();
        assert_eq!(opened.reveal("connections.access", &sealed).unwrap().reveal(), "t");
    }
}
