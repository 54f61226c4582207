//! Paths that callers choose below an API's base, called with somebody's token: what is called stays on
//! the base's host and below its path, for whoever decodes it however often.
#![no_main]

use keyhaven_connect::api_call::below;
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|input: (&str, Option<&str>)| {
    let (path, query) = input;
    for base in ["https://api.example", "https://api.example/v1/tenants/7/"] {
        let Ok(base) = Url::parse(base) else { return };
        let Ok(url) = below(&base, path, query) else { continue };
        assert_eq!(url.origin(), base.origin());
        assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
        let root = base.path().trim_end_matches('/');
        assert!(path.is_empty() || url.path().starts_with(&format!("{root}/")), "{url}");
        // Whoever decodes what arrives, and resolves it against the base again, ends below it too.
        let mut reading = url.path().to_owned();
        for _ in 0..4 {
            let slashes = reading.replace('\\', "/");
            assert!(!slashes.split('/').any(|one| one == ".." || one.starts_with("..;")), "{slashes}");
            let decoded: Vec<u8> = url::form_urlencoded::parse(
                format!("p={}", reading.replace('+', "%2B").replace('&', "%26")).as_bytes(),
            )
            .flat_map(|(_, value)| value.into_owned().into_bytes())
            .collect();
            let Ok(next) = String::from_utf8(decoded) else { break };
            reading = next;
        }
    }
});
