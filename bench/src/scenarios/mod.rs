//! What is measured, in the order it is printed. A scenario is a file or a line in one.

mod authorize;
mod connections;
mod floors;
mod growth;
mod keys;
mod people;
mod postgres;
mod start;
mod steady;

use crate::Outcome;
use crate::bench::Bench;
use crate::report::Row;

/// A named measurement that prints one or more rows.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    run: fn(&Bench) -> Outcome<Vec<Row>>,
}

const ALL: &[Scenario] = &[
    Scenario { name: "floors", run: floors::run },
    Scenario { name: "cc-es256", run: steady::credentials_es256 },
    Scenario { name: "cc-eddsa", run: steady::credentials_eddsa },
    Scenario { name: "cc-opaque", run: steady::credentials_opaque },
    Scenario { name: "introspect-warm", run: steady::introspect_warm },
    Scenario { name: "introspect-cold", run: steady::introspect_cold },
    Scenario { name: "introspect-jwt", run: steady::introspect_jwt },
    Scenario { name: "check-opaque", run: steady::check_opaque },
    Scenario { name: "check-jwt", run: steady::check_jwt },
    Scenario { name: "check-key", run: keys::check },
    Scenario { name: "charge", run: keys::charge },
    Scenario { name: "charge-scattered", run: keys::charge_scattered },
    Scenario { name: "connection-token", run: connections::token },
    Scenario { name: "auth-info", run: people::auth_info },
    Scenario { name: "sign-in-password", run: people::sign_in_password },
    Scenario { name: "sign-in-flood", run: people::sign_in_flood },
    Scenario { name: "authorize", run: authorize::authorize },
    Scenario { name: "redeem", run: authorize::redeem },
    Scenario { name: "refresh", run: steady::refresh },
    Scenario { name: "revoke", run: steady::revoke },
    Scenario { name: "growth", run: growth::run },
    Scenario { name: "start", run: start::run },
    Scenario { name: "postgres-issue", run: postgres::run },
];

/// The scenarios the run asked for; an unknown name is an error, so that a typing mistake does not
/// look like a pass.
pub(crate) fn chosen(only: &[String]) -> Outcome<Vec<&'static Scenario>> {
    for wanted in only {
        if !ALL.iter().any(|scenario| scenario.name.starts_with(wanted.as_str())) {
            let names: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
            return Err(format!("no scenario begins with {wanted}: {}", names.join(", ")).into());
        }
    }
    let asked = |scenario: &&Scenario| {
        only.is_empty() || only.iter().any(|wanted| scenario.name.starts_with(wanted.as_str()))
    };
    Ok(ALL.iter().filter(asked).collect())
}

impl Scenario {
    /// Runs it; a failure becomes a row, so the other scenarios still run.
    pub(crate) fn rows(&self, bench: &Bench) -> Vec<Row> {
        (self.run)(bench).unwrap_or_else(|error| vec![Row::failed(self.name, &error.to_string())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_chooses_a_family_of_scenarios() {
        let names: Vec<&str> =
            chosen(&["check".to_owned()]).unwrap().iter().map(|scenario| scenario.name).collect();
        assert_eq!(names, ["check-opaque", "check-jwt", "check-key"]);
    }

    #[test]
    fn an_unknown_scenario_is_refused() {
        assert!(chosen(&["cc-rs1".to_owned()]).is_err());
    }
}
