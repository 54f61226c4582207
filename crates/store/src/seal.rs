//! Sealing: AES-256-GCM for columns that must be read back, each bound to its row and column.
//!
//! A sealed value is `version ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The associated
//! data names table, column and row, so a value moved elsewhere does not open. Several master keys
//! may open; one seals. Losing them loses what they sealed: nothing here falls back to plaintext.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use keyhaven_protocol::secret::{Digest, Secret};
use zeroize::Zeroizing;

use crate::Error;

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const HEADER: usize = 1 + KEY_ID + NONCE_LEN;

/// A 256-bit master key.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The short public name by which a sealed value remembers its key.
    #[must_use]
    pub fn id(&self) -> [u8; KEY_ID] {
        let digest =
            Digest::of(&[b"keyhaven master key id".as_slice(), self.0.as_slice()].concat());
        [digest.0[0], digest.0[1], digest.0[2], digest.0[3]]
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(•••)")
    }
}

/// Where a sealed value lives.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `table.column`.
    pub column: &'static str,
    /// The row's key.
    pub row: &'a [u8],
}

/// Seals with the first master key, opens with any.
pub struct Sealer {
    keys: Vec<([u8; KEY_ID], LessSafeKey)>,
    markers: Vec<hmac::Key>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({} keys)", self.keys.len())
    }
}

impl Sealer {
    /// A sealer that writes with `current` and still reads what `previous` wrote.
    pub fn new(current: &MasterKey, previous: &[MasterKey]) -> Result<Self, Error> {
        let keys = std::iter::once(current)
            .chain(previous)
            .map(|master| {
                Ok((master.id(), aead_key(&derive(master.0.as_slice(), b"keyhaven seal 1"))?))
            })
            .collect::<Result<_, Error>>()?;
        let markers = std::iter::once(current).chain(previous).map(|master| {
            let key = derive(master.0.as_slice(), b"keyhaven mark 1");
            hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())
        });
        Ok(Self { keys, markers: markers.collect() })
    }

    /// A keyed digest of `text` for `place`, by which something short is recognised: without the
    /// master key nobody can try all of its few values.
    pub fn mark(&self, place: Place<'_>, text: &Secret) -> Result<Digest, Error> {
        let marker = self.markers.first().ok_or_else(|| Error::broken("no master key"))?;
        Ok(marked(marker, place, text))
    }

    /// Whether `mark` is of `text`, under any master key that is loaded.
    #[must_use]
    pub fn is_mark_of(&self, place: Place<'_>, text: &Secret, mark: Digest) -> bool {
        self.markers.iter().any(|marker| marked(marker, place, text) == mark)
    }

    /// Seals `plain` for `place` under a nonce drawn by the caller.
    pub fn seal(
        &self,
        place: Place<'_>,
        plain: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, Error> {
        let (id, key) = self.keys.first().ok_or_else(|| Error::broken("no master key"))?;
        let mut out = Vec::with_capacity(HEADER + plain.len() + 16);
        out.push(VERSION);
        out.extend_from_slice(id);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&encrypt(key, &bound(place), plain, nonce)?);
        Ok(out)
    }

    /// The name of the key that seals now.
    #[must_use]
    pub fn current_key_name(&self) -> [u8; KEY_ID] {
        self.keys.first().map_or([0; KEY_ID], |(id, _)| *id)
    }

    /// Whether the key that sealed this is loaded. What is no sealed value at all names none.
    #[must_use]
    pub fn has_key_of(&self, sealed: &[u8]) -> bool {
        sealed.len() < HEADER
            || sealed[0] != VERSION
            || self.keys.iter().any(|(known, _)| known == &sealed[1..=KEY_ID])
    }

    /// Opens what was sealed for `place`.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let failed = |why: &str| Error::broken(format!("{}: {why}", place.column));
        if sealed.len() < HEADER || sealed[0] != VERSION {
            return Err(failed("not a sealed value"));
        }
        let id = &sealed[1..=KEY_ID];
        let Some((_, key)) = self.keys.iter().find(|(known, _)| known == id) else {
            return Err(failed("sealed by a master key that is not loaded"));
        };
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&sealed[1 + KEY_ID..HEADER]);
        decrypt(key, &bound(place), &sealed[HEADER..], nonce)
            .ok_or_else(|| failed("does not open: altered or moved"))
    }
}

/// Seals `plain` so that only the holder of `opener` (a token's text) can open it again; the
/// database alone reveals nothing.
pub fn seal_for_holder(
    opener: &Secret,
    place: Place<'_>,
    plain: &[u8],
    nonce: [u8; NONCE_LEN],
) -> Result<Vec<u8>, Error> {
    let key = aead_key(&derive(opener.reveal().as_bytes(), b"keyhaven successor 1"))?;
    let mut out = nonce.to_vec();
    out.extend_from_slice(&encrypt(&key, &bound(place), plain, nonce)?);
    Ok(out)
}

/// Opens what [`seal_for_holder`] sealed, given the same token.
pub fn open_as_holder(
    opener: &Secret,
    place: Place<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = || Error::broken(format!("{}: does not open", place.column));
    let (head, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(failed)?;
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(head);
    let key = aead_key(&derive(opener.reveal().as_bytes(), b"keyhaven successor 1"))?;
    decrypt(&key, &bound(place), body, nonce).ok_or_else(failed)
}

fn marked(marker: &hmac::Key, place: Place<'_>, text: &Secret) -> Digest {
    let mut message = bound(place);
    message.push(0);
    message.extend_from_slice(text.reveal().as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(marker, &message).as_ref());
    Digest(out)
}

fn derive(key: &[u8], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), purpose);
    let mut out = Zeroizing::new([0; 32]);
    out.copy_from_slice(tag.as_ref());
    out
}

fn aead_key(bytes: &[u8; 32]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, bytes)
        .map(LessSafeKey::new)
        .map_err(|_| Error::broken("AES key refused"))
}

fn bound(place: Place<'_>) -> Vec<u8> {
    let mut aad = place.column.as_bytes().to_vec();
    aad.push(0);
    aad.extend_from_slice(place.row);
    aad
}

fn encrypt(
    key: &LessSafeKey,
    aad: &[u8],
    plain: &[u8],
    nonce: [u8; NONCE_LEN],
) -> Result<Vec<u8>, Error> {
    let mut out = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut out)
        .map_err(|_| Error::broken("sealing failed"))?;
    Ok(out)
}

fn decrypt(
    key: &LessSafeKey,
    aad: &[u8],
    sealed: &[u8],
    nonce: [u8; NONCE_LEN],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(sealed.to_vec());
    let length = key
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut plain)
        .ok()?
        .len();
    plain.truncate(length);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> = Place { column: "signing_keys.sealed", row: b"row" };

    fn sealer(current: u8, previous: &[u8]) -> Sealer {
        let previous: Vec<_> = previous.iter().map(|&n| MasterKey::new([n; 32])).collect();
        Sealer::new(&MasterKey::new([current; 32]), &previous).unwrap()
    }

    #[test]
    fn a_value_opens_only_in_its_place() {
        let sealed = sealer(1, &[]).seal(PLACE, b"secret", [7; 12]).unwrap();
        assert_eq!(sealer(1, &[]).open(PLACE, &sealed).unwrap().as_slice(), b"secret");
        let moved = Place { row: b"other", ..PLACE };
        let error = sealer(1, &[]).open(moved, &sealed).unwrap_err();
        assert!(error.to_string().contains("altered or moved"), "{error}");
    }

    #[test]
    fn an_older_master_key_still_opens_and_an_absent_one_is_named() {
        let sealed = sealer(1, &[]).seal(PLACE, b"secret", [7; 12]).unwrap();
        assert_eq!(sealer(2, &[1]).open(PLACE, &sealed).unwrap().as_slice(), b"secret");
        let error = sealer(2, &[]).open(PLACE, &sealed).unwrap_err();
        assert!(error.to_string().contains("not loaded"), "{error}");
    }

    #[test]
    fn an_altered_value_does_not_open() {
        let mut sealed = sealer(1, &[]).seal(PLACE, b"secret", [7; 12]).unwrap();
        sealed[HEADER] ^= 1;
        assert!(sealer(1, &[]).open(PLACE, &sealed).is_err());
        assert!(sealer(1, &[]).open(PLACE, &[]).is_err());
    }

    #[test]
    fn a_mark_fits_its_text_in_its_place_under_any_loaded_key() {
        let code = Secret::from("12345678");
        let mark = sealer(1, &[]).mark(PLACE, &code).unwrap();
        assert!(sealer(2, &[1]).is_mark_of(PLACE, &code, mark));
        assert!(!sealer(2, &[]).is_mark_of(PLACE, &code, mark));
        assert!(!sealer(1, &[]).is_mark_of(Place { row: b"other", ..PLACE }, &code, mark));
        assert!(!sealer(1, &[]).is_mark_of(PLACE, &Secret::from("12345679"), mark));
    }

    #[test]
    fn a_successor_opens_only_for_the_holder_of_the_predecessor() {
        let place = Place { column: "refresh_families.successor", row: b"id" };
        let sealed = seal_for_holder(&Secret::from("old"), place, b"new", [1; 12]).unwrap();
        assert_eq!(
            open_as_holder(&Secret::from("old"), place, &sealed).unwrap().as_slice(),
            b"new"
        );
        assert!(open_as_holder(&Secret::from("other"), place, &sealed).is_err());
    }
}
