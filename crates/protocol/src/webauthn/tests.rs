//! A software authenticator, and what makes a ceremony: each case changes one thing about a good one
//! and names the rule.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::PublicKey;
use crate::jose::{base64url, forge};
use crate::secret::Digest;

const CHALLENGE: [u8; 32] = [7; 32];
const ID: &[u8] = b"credential-1";
const USER: &[u8] = b"user-1";

const EXPECTED: Expected<'static> = Expected {
    rp_id: "auth.test",
    origin: "https://auth.test",
    challenge: &CHALLENGE,
    presence: Presence::Verified,
};

/// What an honest authenticator and browser would send; cases alter it before it is signed.
#[derive(Clone)]
struct Ceremony {
    algorithm: Algorithm,
    rp_id: &'static str,
    flags: u8,
    counter: u32,
    client: Value,
    cose: Vec<u8>,
    tail: Vec<u8>,
}

fn ceremony(kind: &str, algorithm: Algorithm) -> Ceremony {
    Ceremony {
        algorithm,
        rp_id: "auth.test",
        flags: if kind == "webauthn.create" { 0x4d } else { 0x0d },
        counter: 0,
        client: json!({
            "type": kind, "challenge": base64url::encode(&CHALLENGE),
            "origin": "https://auth.test", "crossOrigin": false,
            "other_keys_can_be_added_here": "as Chromium does",
        }),
        cose: cose(algorithm),
        tail: Vec::new(),
    }
}

fn bytes_of(out: &mut Vec<u8>, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(short) if short < 24 => out.push(0x40 | short),
        Ok(length) => out.extend([0x58, length]),
        Err(_) => {
            out.push(0x59);
            out.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        }
    }
    out.extend(bytes);
}

fn cose(algorithm: Algorithm) -> Vec<u8> {
    let mut out = Vec::new();
    match forge::key(algorithm).jwk().key() {
        PublicKey::P256 { x, y } => {
            out.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21]);
            bytes_of(&mut out, x);
            out.push(0x22);
            bytes_of(&mut out, y);
        }
        PublicKey::Ed25519 { x } => {
            out.extend([0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21]);
            bytes_of(&mut out, x);
        }
        PublicKey::Rsa { n, e } => {
            out.extend([0xa4, 1, 3, 3, 0x39, 1, 0, 0x20]);
            bytes_of(&mut out, n);
            out.push(0x21);
            bytes_of(&mut out, e);
        }
    }
    out
}

fn sign(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    let signature = forge::key(algorithm).sign(message).unwrap();
    if algorithm == Algorithm::Es256 { der(&signature) } else { signature }
}

/// The DER form that authenticators use, of the fixed form that JOSE uses.
fn der(fixed: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for half in fixed.chunks(32) {
        let number: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = usize::from(number[0] >= 0x80);
        body.extend([2, u8::try_from(number.len() + sign).unwrap()]);
        body.extend(&[0][..sign]);
        body.extend(number);
    }
    let mut out = vec![0x30, u8::try_from(body.len()).unwrap()];
    out.extend(body);
    out
}

impl Ceremony {
    fn data(&self) -> Vec<u8> {
        let mut data = Digest::of(self.rp_id.as_bytes()).0.to_vec();
        data.push(self.flags);
        data.extend(self.counter.to_be_bytes());
        if self.flags & 0x40 != 0 {
            data.extend([9; 16]);
            data.extend(u16::try_from(ID.len()).unwrap().to_be_bytes());
            data.extend(ID);
            data.extend(&self.cose);
        }
        data.extend(&self.tail);
        data
    }

    fn object(&self, format: &str, statement: &[u8]) -> Vec<u8> {
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.push(0x60 | u8::try_from(format.len()).unwrap());
        object.extend(format.as_bytes());
        object.push(0x67);
        object.extend(b"attStmt");
        object.extend(statement);
        object.push(0x68);
        object.extend(b"authData");
        bytes_of(&mut object, &self.data());
        object
    }

    fn register(&self) -> Result<NewPasskey, &'static str> {
        self.register_as("none", &[0xa0], ID)
    }

    fn register_as(
        &self,
        format: &str,
        statement: &[u8],
        id: &[u8],
    ) -> Result<NewPasskey, &'static str> {
        let client = self.client.to_string();
        let object = self.object(format, statement);
        let sent = Attestation { id, client_data: client.as_bytes(), object: &object };
        verify_registration(sent, &EXPECTED)
    }

    fn self_attested(&self, names: i64, signer: Algorithm) -> Result<NewPasskey, &'static str> {
        let client = Digest::of(self.client.to_string().as_bytes());
        let signature = sign(signer, &[self.data().as_slice(), &client.0].concat());
        let mut statement = vec![0xa2, 0x63];
        statement.extend(b"alg");
        statement.push(u8::try_from(0x20 - 1 - names).unwrap());
        statement.push(0x63);
        statement.extend(b"sig");
        bytes_of(&mut statement, &signature);
        self.register_as("packed", &statement, ID)
    }

    fn sign_in(&self, known: Known<'_>, handle: Option<&[u8]>) -> Result<SignedIn, &'static str> {
        let (client, data) = (self.client.to_string(), self.data());
        let digest = Digest::of(client.as_bytes());
        let signature = sign(self.algorithm, &[data.as_slice(), &digest.0].concat());
        let sent = Assertion {
            client_data: client.as_bytes(),
            data: &data,
            signature: &signature,
            user_handle: handle,
        };
        verify_authentication(sent, known, &EXPECTED)
    }
}

fn known(key: &[u8], sign_count: u32) -> Known<'_> {
    Known { key, sign_count, backup_eligible: true, user_handle: USER }
}

#[track_caller]
fn registration_refused(edit: impl FnOnce(&mut Ceremony), rule: &str) {
    let mut ceremony = ceremony("webauthn.create", Algorithm::Es256);
    edit(&mut ceremony);
    assert_eq!(ceremony.register(), Err(rule));
}

#[track_caller]
fn sign_in_refused(edit: impl FnOnce(&mut Ceremony), rule: &str) {
    let mut ceremony = ceremony("webauthn.get", Algorithm::Es256);
    edit(&mut ceremony);
    assert_eq!(ceremony.sign_in(known(&cose(Algorithm::Es256), 0), Some(USER)), Err(rule));
}

#[test]
fn a_passkey_of_every_algorithm_registers_and_signs_in() {
    for (algorithm, number) in
        [(Algorithm::Es256, -7), (Algorithm::EdDsa, -8), (Algorithm::Rs256, -257)]
    {
        let new = ceremony("webauthn.create", algorithm).register().unwrap();
        assert_eq!((new.algorithm, new.id.as_slice()), (number, ID));
        assert!(new.user_verified && new.backup_eligible && !new.backed_up);
        let mut again = ceremony("webauthn.get", algorithm);
        again.counter = 3;
        let signed_in = again.sign_in(known(&new.key, 2), Some(USER));
        let expected = SignedIn { sign_count: 3, user_verified: true, backed_up: false };
        assert_eq!(signed_in, Ok(expected), "{algorithm}");
    }
}

#[test]
fn what_the_browser_says_must_fit() {
    for refused in [registration_refused, sign_in_refused] as [fn(fn(&mut Ceremony), &str); 2] {
        refused(
            |c| c.client["type"] = "payment.get".into(),
            "clientDataJSON is of another ceremony",
        );
        refused(|c| c.client["challenge"] = "AAAA".into(), "clientDataJSON has another challenge");
        refused(|c| c.client["challenge"] = Value::Null, "clientDataJSON has another challenge");
        let origin = "clientDataJSON has another origin";
        refused(|c| c.client["origin"] = "https://auth.test.evil.test".into(), origin);
        refused(|c| c.client["origin"] = "http://auth.test".into(), origin);
        refused(|c| c.client["origin"] = "https://auth.test/".into(), origin);
        let frame = "clientDataJSON is from a foreign frame";
        refused(|c| c.client["crossOrigin"] = true.into(), frame);
        refused(|c| c.client["topOrigin"] = "https://evil.test".into(), frame);
        refused(|c| c.client = json!([]), "clientDataJSON is of another ceremony");
    }
}

#[test]
fn what_the_authenticator_says_must_fit() {
    for refused in [registration_refused, sign_in_refused] as [fn(fn(&mut Ceremony), &str); 2] {
        let party = "authenticator data is for another relying party";
        refused(|c| c.rp_id = "evil.test", party);
        refused(|c| c.flags &= !1, "the authenticator saw no user");
        refused(|c| c.flags &= !4, "the authenticator did not verify the user");
        refused(|c| c.flags = c.flags & !8 | 16, "a passkey that cannot be backed up says it is");
        refused(|c| c.tail = vec![0], "bytes follow the authenticator data");
        refused(|c| c.flags |= 0x80, "CBOR is cut off or malformed");
        refused(
            |c| (c.flags, c.tail) = (c.flags | 0x80, vec![0x01]),
            "authenticator extensions are no map",
        );
    }
    sign_in_refused(|c| c.flags |= 0x40, "authenticator data brings a credential to a sign-in");
    sign_in_refused(|c| c.flags &= !8, "the passkey changed whether it may be backed up");
    registration_refused(|c| c.flags &= !0x40, "authenticator data has no credential");
}

#[test]
fn extensions_are_passed_over() {
    let mut good = ceremony("webauthn.create", Algorithm::EdDsa);
    (good.flags, good.tail) = (good.flags | 0x80, vec![0xa1, 0x61, b'x', 0xf5]);
    assert!(good.register().is_ok());
}

#[test]
fn keys_that_are_not_sound_are_refused() {
    let sound = cose(Algorithm::Es256);
    registration_refused(|c| c.cose[4] = 0x27, "passkey key type does not fit its alg");
    registration_refused(|c| c.cose[4] = 0x25, "passkey alg is not one we asked for");
    registration_refused(|c| c.cose[2] = 3, "passkey key type does not fit its alg");
    registration_refused(|c| c.cose[20] ^= 1, "passkey public key is not sound");
    registration_refused(|c| c.cose.truncate(60), "CBOR is cut off or malformed");
    registration_refused(|c| c.cose = sound[..1].to_vec(), "CBOR is cut off or malformed");
}

#[test]
fn an_attestation_is_none_or_the_passkeys_own() {
    let new = ceremony("webauthn.create", Algorithm::Es256);
    assert_eq!(
        new.register_as("none", &[0xa0], b"another"),
        Err("rawId is not the credential's id")
    );
    let with = [0xa1, 0x61, b'x', 1];
    assert_eq!(new.register_as("none", &with, ID), Err("attestation none has a statement"));
    let asked = Err("attestation was not asked for");
    assert_eq!(new.register_as("fido-u2f", &[0xa0], ID), asked);
    assert_eq!(new.register_as("packed", &[0xa1, 0x63, b'x', b'5', b'c', 0x80], ID), asked);
    assert!(new.self_attested(-7, Algorithm::Es256).is_ok());
    let other = new.self_attested(-8, Algorithm::Es256);
    assert_eq!(other, Err("self attestation names another alg"));
    let foreign = new.self_attested(-7, Algorithm::EdDsa);
    assert_eq!(foreign, Err("passkey signature does not verify"));
}

#[test]
fn a_counter_only_grows() {
    let key = cose(Algorithm::Es256);
    let copied = Err("the passkey's counter did not grow: it may have been copied");
    for (before, after, fine) in
        [(0, 0, true), (0, 1, true), (1, 2, true), (1, 1, false), (2, 1, false), (1, 0, false)]
    {
        let mut again = ceremony("webauthn.get", Algorithm::Es256);
        again.counter = after;
        let result = again.sign_in(known(&key, before), None);
        if fine {
            assert!(result.is_ok(), "{before} {after}");
        } else {
            assert_eq!(result, copied, "{before} {after}");
        }
    }
}

#[test]
fn another_users_passkey_or_another_key_is_refused() {
    let again = ceremony("webauthn.get", Algorithm::Es256);
    let key = cose(Algorithm::Es256);
    let other = again.sign_in(known(&key, 0), Some(b"user-2"));
    assert_eq!(other, Err("the passkey belongs to another user"));
    let foreign = again.sign_in(known(&cose(Algorithm::EdDsa), 0), Some(USER));
    assert_eq!(foreign, Err("passkey signature does not verify"));
}

#[test]
fn a_touch_is_enough_beside_a_password() {
    let mut touched = ceremony("webauthn.get", Algorithm::Es256);
    touched.flags &= !4;
    let (client, data) = (touched.client.to_string(), touched.data());
    let digest = Digest::of(client.as_bytes());
    let signature = sign(Algorithm::Es256, &[data.as_slice(), &digest.0].concat());
    let sent = Assertion {
        client_data: client.as_bytes(),
        data: &data,
        signature: &signature,
        user_handle: None,
    };
    let expected = Expected { presence: Presence::Touched, ..EXPECTED };
    let key = cose(Algorithm::Es256);
    let signed_in = verify_authentication(sent, known(&key, 0), &expected).unwrap();
    assert!(!signed_in.user_verified);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(client: Vec<u8>, object: Vec<u8>, data: Vec<u8>) {
        let sent = Attestation { id: ID, client_data: &client, object: &object };
        prop_assert!(verify_registration(sent, &EXPECTED).is_err());
        let sent = Assertion { client_data: &client, data: &data, signature: &object, user_handle: None };
        prop_assert!(verify_authentication(sent, known(&object, 0), &EXPECTED).is_err());
    }

    #[test]
    fn damaged_authenticator_data_is_refused_without_panic(at in 0_usize..200, with: u8) {
        let good = ceremony("webauthn.create", Algorithm::Es256);
        let client = good.client.to_string();
        let mut object = good.object("none", &[0xa0]);
        let at = at % object.len();
        prop_assume!(object[at] != with);
        object[at] = with;
        let sent = Attestation { id: ID, client_data: client.as_bytes(), object: &object };
        let _ = verify_registration(sent, &EXPECTED);
    }
}
