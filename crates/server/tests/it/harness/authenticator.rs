//! A software authenticator and the browser around it: makes passkeys and uses them, as honestly or
//! dishonestly as a test wants.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::jwk::PublicKey;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::secret::Digest;
use serde_json::{Value, json};

use super::ISSUER;

/// One passkey on one device.
pub(crate) struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
    user_handle: Vec<u8>,
    /// The counter it shows next.
    pub(crate) counter: u32,
    /// Where the browser says it is.
    pub(crate) origin: String,
}

impl Authenticator {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            key: SigningKey::generate(Algorithm::Es256).expect("a key"),
            id: id.as_bytes().to_vec(),
            user_handle: Vec::new(),
            counter: 1,
            origin: ISSUER.to_owned(),
        }
    }

    /// Answers the options of a registration.
    pub(crate) fn create(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).expect("options are JSON");
        self.user_handle = decode(&options["user"]["id"]);
        let client = self.client_data("webauthn.create", &options);
        let mut data = self.data(&options["rp"]["id"], 0x4d);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x58");
        object.push(u8::try_from(data.len()).expect("short"));
        object.extend(data);
        self.credential(&json!({
            "clientDataJSON": encode(&client), "attestationObject": encode(&object),
            "transports": ["internal", "hybrid"],
        }))
    }

    /// Answers the options of a sign-in.
    pub(crate) fn get(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).expect("options are JSON");
        let client = self.client_data("webauthn.get", &options);
        self.counter += 1;
        let data = self.data(&options["rpId"], 0x0d);
        let message = [data.as_slice(), &Digest::of(&client).0].concat();
        let signature = der(&self.key.sign(&message).expect("the key signs"));
        self.credential(&json!({
            "clientDataJSON": encode(&client), "authenticatorData": encode(&data),
            "signature": encode(&signature), "userHandle": encode(&self.user_handle),
        }))
    }

    fn client_data(&self, ceremony: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": ceremony, "challenge": options["challenge"], "origin": self.origin,
            "crossOrigin": false,
        });
        data.to_string().into_bytes()
    }

    fn data(&self, rp_id: &Value, flags: u8) -> Vec<u8> {
        let rp_id = rp_id.as_str().expect("a relying party");
        let mut data = Digest::of(rp_id.as_bytes()).0.to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn cose(&self) -> Vec<u8> {
        let PublicKey::P256 { x, y } = self.key.jwk().key() else { panic!("an ES256 key") };
        let mut out = vec![0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
        out.extend(x);
        out.extend([0x22, 0x58, 32]);
        out.extend(y);
        out
    }

    fn credential(&self, response: &Value) -> String {
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key",
            "clientExtensionResults": {}, "response": response,
        })
        .to_string()
    }
}

/// The DER form that authenticators use, of the fixed form that JOSE uses.
fn der(fixed: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for half in fixed.chunks(32) {
        let number: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = usize::from(number[0] >= 0x80);
        body.extend([2, u8::try_from(number.len() + sign).expect("short")]);
        body.extend(&[0][..sign]);
        body.extend(number);
    }
    let mut out = vec![0x30, u8::try_from(body.len()).expect("short")];
    out.extend(body);
    out
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url")
}
