//! Replies of token endpoints: no panic, and what is read holds a token. The first byte picks the
//! provider and the status.
#![no_main]

use std::sync::LazyLock;

use keyhaven_connect::catalogue::list_providers;
use keyhaven_connect::provider::Provider;
use keyhaven_connect::response::read_tokens;
use keyhaven_connect::send::Reply;
use keyhaven_protocol::time::Timestamp;
use libfuzzer_sys::fuzz_target;

static PROVIDERS: LazyLock<Vec<&'static Provider>> = LazyLock::new(|| {
    let interesting = ["slack", "globus", "jobber", "square", "lucid", "withings", "google", "wechat"];
    list_providers().filter(|provider| interesting.contains(&provider.key.as_str())).collect()
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else { return };
    let provider = PROVIDERS[usize::from(*choice) % PROVIDERS.len()];
    let status = [200, 400, 403, 502][usize::from(*choice) / 64];
    let reply = Reply { status, headers: Default::default(), body: body.to_vec().into() };
    if let Ok(found) = read_tokens(provider, &reply, Timestamp(1_700_000_000)) {
        assert!(status == 200 && !found.main.access.reveal().is_empty());
    }
});
