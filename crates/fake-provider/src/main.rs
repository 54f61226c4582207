//! `keyhaven-fake-provider [ADDRESS]`: the fake provider as a program, for browsers and the tour.
//!
//! It asks on a page whether to allow. `POST /control` changes its ways and counts its requests.

use std::io::Write as _;

use keyhaven_fake_provider::{Consent, Fake, Rules};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9400".to_owned());
    let fake =
        Fake::start_at(&address, Rules { consent: Consent::Ask, ..Rules::default() }).await?;
    let mut out = std::io::stdout();
    // One line that whoever started us waits for.
    writeln!(out, "{}", fake.url())?;
    out.flush()?;
    tokio::signal::ctrl_c().await
}
