//! The crates `openidconnect` and `oauth2`, unmodified, sign somebody in with an app, read who it is,
//! refresh, and sign out. The browser between is Chromium, on the stage of tests/browser.
//! Ends with `N passed, N failed`.

mod oauth2_client;
mod openid_client;
mod stage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use stage::Stage;

type Case = (&'static str, fn(&mut Stage));

const CASES: [Case; 4] = [
    ("openidconnect signs in, refreshes and signs out", openid_client::signs_in_and_out),
    ("openidconnect takes no ID token of another request", openid_client::checks_the_nonce),
    ("oauth2 signs in, refreshes and signs out", oauth2_client::signs_in_and_out),
    ("oauth2 needs the verifier of its code", oauth2_client::needs_the_verifier),
];

fn main() -> ExitCode {
    let mut stage = Stage::open();
    let mut failed = 0;
    for (name, case) in CASES {
        if catch_unwind(AssertUnwindSafe(|| case(&mut stage))).is_err() {
            println!("FAILED {name}");
            failed += 1;
        }
    }
    stage.close();
    println!("rust: {} passed, {failed} failed", CASES.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
