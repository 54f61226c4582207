//! The JSON that browsers read and write (WebAuthn Level 3 §5.1, §5.4, §5.5): options out, answers
//! in, each read strictly.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::json;
use keyhaven_protocol::webauthn::{ALGORITHMS, Assertion, Attestation};
use keyhaven_store::passkeys::Passkey;
use keyhaven_store::users::User;
use serde_json::{Value, json as value};

use super::handle;

/// How long a browser may ask its user, in milliseconds.
const TIMEOUT: u32 = 300_000;

/// The ways to reach an authenticator that may be kept (§5.8.4).
const TRANSPORTS: [&str; 6] = ["ble", "cable", "hybrid", "internal", "nfc", "usb"];

pub(super) fn creation_options(
    rp_id: &str,
    user: &User,
    known: &[Passkey],
    challenge: &[u8; 32],
) -> String {
    let algorithms: Vec<Value> = ALGORITHMS
        .iter()
        .map(|algorithm| value!({ "type": "public-key", "alg": algorithm }))
        .collect();
    value!({
        "rp": { "id": rp_id, "name": rp_id },
        "user": { "id": text(&handle(user.id)), "name": user.email, "displayName": user.name },
        "challenge": text(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": TIMEOUT,
        "excludeCredentials": descriptors(known),
        "authenticatorSelection": {
            "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
        },
        "attestation": "none",
    })
    .to_string()
}

pub(super) fn request_options(rp_id: &str, known: &[Passkey], challenge: &[u8; 32]) -> String {
    // As a second factor a touch would do; asking for more costs nothing where a device can.
    let verification = if known.is_empty() { "required" } else { "preferred" };
    value!({
        "challenge": text(challenge),
        "timeout": TIMEOUT,
        "rpId": rp_id,
        "allowCredentials": descriptors(known),
        "userVerification": verification,
    })
    .to_string()
}

fn descriptors(known: &[Passkey]) -> Vec<Value> {
    let descriptor = |passkey: &Passkey| {
        let transports: Vec<&str> = passkey.transports.split_ascii_whitespace().collect();
        value!({
            "type": "public-key", "id": text(&passkey.credential), "transports": transports,
        })
    };
    known.iter().map(descriptor).collect()
}

/// The challenge an answer claims to be for. Whether it is ours is the store's matter.
pub(super) fn challenge_of(client_data: &[u8]) -> Result<[u8; 32], &'static str> {
    let data = json::parse(client_data).map_err(|_| "clientDataJSON is not JSON")?;
    let challenge = data.get("challenge").and_then(Value::as_str).and_then(bytes);
    let challenge = challenge.and_then(|bytes| bytes.try_into().ok());
    challenge.ok_or("clientDataJSON has another challenge")
}

/// A new credential, as the browser wrote it.
pub(super) struct Created {
    id: Vec<u8>,
    pub(super) client_data: Vec<u8>,
    object: Vec<u8>,
    pub(super) transports: String,
}

impl Created {
    pub(super) fn parse(credential: &str) -> Result<Self, &'static str> {
        let value = read(credential)?;
        let response = &value["response"];
        let transports = response.get("transports").and_then(Value::as_array);
        let mut known: Vec<&str> =
            transports.into_iter().flatten().filter_map(Value::as_str).collect();
        known.retain(|transport| TRANSPORTS.contains(transport));
        known.sort_unstable();
        known.dedup();
        Ok(Self {
            id: required(&value, "rawId")?,
            client_data: required(response, "clientDataJSON")?,
            object: required(response, "attestationObject")?,
            transports: known.join(" "),
        })
    }

    pub(super) fn attestation(&self) -> Attestation<'_> {
        Attestation { id: &self.id, client_data: &self.client_data, object: &self.object }
    }
}

/// A credential that was used, as the browser wrote it.
pub(super) struct Used {
    pub(super) id: Vec<u8>,
    pub(super) client_data: Vec<u8>,
    data: Vec<u8>,
    signature: Vec<u8>,
    pub(super) user_handle: Option<Vec<u8>>,
}

impl Used {
    pub(super) fn parse(credential: &str) -> Result<Self, &'static str> {
        let value = read(credential)?;
        let response = &value["response"];
        let user_handle = match response.get("userHandle") {
            None | Some(Value::Null) => None,
            Some(_) => Some(required(response, "userHandle")?),
        };
        Ok(Self {
            id: required(&value, "rawId")?,
            client_data: required(response, "clientDataJSON")?,
            data: required(response, "authenticatorData")?,
            signature: required(response, "signature")?,
            user_handle,
        })
    }

    pub(super) fn assertion(&self) -> Assertion<'_> {
        Assertion {
            client_data: &self.client_data,
            data: &self.data,
            signature: &self.signature,
            user_handle: self.user_handle.as_deref(),
        }
    }
}

fn read(credential: &str) -> Result<Value, &'static str> {
    let value = json::parse(credential.as_bytes()).map_err(|_| "the credential is not JSON")?;
    if value.get("type").and_then(Value::as_str) != Some("public-key") {
        return Err("the credential is no public key");
    }
    if !value.get("response").is_some_and(Value::is_object) {
        return Err("the credential has no response");
    }
    Ok(value)
}

fn required(value: &Value, name: &str) -> Result<Vec<u8>, &'static str> {
    let found = value.get(name).and_then(Value::as_str).and_then(bytes);
    found.ok_or("a member of the credential is missing or no base64url")
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
