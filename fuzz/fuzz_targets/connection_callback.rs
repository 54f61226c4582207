//! Callbacks after consent, read by providers with rules of their own: no panic, and what is captured
//! fits its pattern.
#![no_main]

use std::collections::BTreeMap;

use keyhaven_connect::callback::{Answer, read};
use keyhaven_connect::catalogue::find_provider;
use keyhaven_connect::request::App;
use keyhaven_protocol::secret::Secret;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &[u8]| {
    let params: Vec<(String, String)> = url::form_urlencoded::parse(query).into_owned().collect();
    let secret = Secret::from("secret");
    for key in ["adobe_sign", "instagram", "keycloak", "shopify", "tiktok", "zoho"] {
        let Some(provider) = find_provider(key) else { continue };
        let app = App {
            client_id: "app",
            secret: Some(&secret),
            key: None,
            key_id: None,
            login: None,
            vars: &BTreeMap::new(),
        };
        if let Ok(Answer::Code { captured, .. }) = read(provider, &app, &params) {
            assert!(captured.iter().all(|(name, value)| provider.vet_var(name, value).is_ok()));
        }
    }
});
