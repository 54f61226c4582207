//! Recovery codes, shown once.

use askama::Template;

use crate::pages::sample::Sample;

/// The page with new recovery codes.
#[derive(Debug, Template)]
#[template(path = "account_recovery_codes.html")]
pub struct RecoveryCodes {
    /// The codes.
    pub codes: Vec<String>,
}

impl RecoveryCodes {
    pub(crate) const PLACE: &'static str = "account";
}

impl Sample for RecoveryCodes {
    const NAME: &'static str = "account-recovery-codes";

    fn sample() -> Self {
        let code = |number: u32| format!("7k{number}m-q2x{number}-9w4t");
        Self { codes: (0..10).map(code).collect() }
    }
}
