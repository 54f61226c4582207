//! Provider definitions that organizations write, and the requests they cause with whatever values:
//! no panic, and no request that is not https.
#![no_main]

use std::collections::BTreeMap;

use keyhaven_connect::egress::Egress;
use keyhaven_connect::provider::Provider;
use keyhaven_connect::request::{App, Code, Stamp, exchange};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &str)| {
    let (definition, value) = input;
    let Ok(document) = serde_json::from_slice(definition) else { return };
    let Ok(provider) = Provider::from_json(document, &Egress::default()) else { return };
    let vars: BTreeMap<_, _> =
        provider.vars.keys().map(|name| (name.clone(), value.to_owned())).collect();
    let secret = Secret::from("secret");
    let app = App {
        client_id: value,
        secret: Some(&secret),
        key: None,
        key_id: None,
        login: None,
        vars: &vars,
    };
    let code = Code {
        code: &secret,
        redirect_uri: "https://kh.example/cb",
        verifier: None,
        state: value,
        scopes: &[],
    };
    let stamp = Stamp { now: Timestamp(0), jti: "jti".into() };
    if let Ok(request) = exchange(&provider, &app, &code, &stamp, None) {
        assert_eq!(request.url.scheme(), "https");
        assert!(Egress::default().vet_url(&request.url).is_ok() || request.url.host().is_some());
    }
});
