//! The tour and the doctor.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::{Instance, keyhaven, text};

#[test]
fn the_tour_shows_its_operations_as_their_contracts_say() {
    let output = keyhaven().args(["tour", "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told["passed"]), (Some(0), &Value::Bool(true)), "{told:#}");
    let steps = told["steps"].as_array().unwrap();
    let mut operations: Vec<_> = steps.iter().map(|step| text(step, "operation")).collect();
    operations.sort_unstable();
    operations.dedup();
    let between = ["check", "client token", "token", "timeline", "outside"];
    operations.retain(|operation| !between.contains(&operation.as_str()));
    let wanted = [
        "CreateToken",
        "FetchTokenGroups",
        "FetchTokenOrganization",
        "auth.callback",
        "auth.info",
        "auth.logout",
        "auth.switchScopes",
        "createAuthToken",
        "getOAuthAuthorizationUrl",
        "handleOAuthCallback",
        "postAuthKeys",
        "postAuthKeysCode",
        "revokeAuthToken",
    ];
    assert_eq!(operations, wanted);
}

#[test]
fn the_tour_prints_no_secret() {
    let output = keyhaven().arg("tour").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let longest = |prefix: &str| {
        let tails = told.split(prefix).skip(1);
        tails.map(|tail| tail.split(['"', '…', '\n']).next().unwrap().len()).max().unwrap()
    };
    assert!(longest("kh_secret_") <= 4, "{told}");
    assert!(longest("kh_refresh_") <= 4, "{told}");
    assert!(longest("kh_key_") <= 4 && longest("kh_code_") <= 4, "{told}");
    assert!(longest("kh_session_") <= 4 && longest("kh_once_") <= 4, "{told}");
    assert!(longest("tour_access_") <= 4 && longest("tour_code_") <= 4, "{told}");
    assert!(longest("eyJ") <= 12, "{told}");
}

#[test]
fn the_tour_shows_a_lost_reply_that_heals() {
    let output = keyhaven().args(["tour", "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let step = |about: &str| {
        let steps = told["steps"].as_array().unwrap();
        let found = steps.iter().find(|step| step["about"] == about);
        found.unwrap_or_else(|| panic!("no {about} in {told:#}")).clone()
    };
    let lost = step("a refresh whose reply gets lost");
    assert_eq!((&lost["status"], &lost["passed"]), (&200.into(), &true.into()), "{lost:#}");
    let history = step("what became of it");
    assert_eq!(history["passed"], true, "{history:#}");
}

fn finding(told: &Value, check: &str) -> Value {
    let findings = told["checks"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {told:#}")).clone()
}

/// Ports that are surely free, so that nothing else on the machine is a finding.
const ADDRESSES: [&str; 2] = ["listen = \"127.0.0.1:0\"", "operator_listen = \"127.0.0.1:0\""];

fn doctor(instance: &Instance) -> (Option<i32>, Value) {
    fs::write(instance.path().join("keyhaven.toml"), ADDRESSES.join("\n")).unwrap();
    let output = instance.run(&["doctor", "--json"]);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_doctor_finds_nothing_wrong_with_a_fresh_instance() {
    let instance = Instance::begun();
    let (code, told) = doctor(&instance);
    assert_eq!((code, &told["healthy"]), (Some(0), &Value::Bool(true)), "{told:#}");
    for check in ["data directory", "database", "clock", "master key", "reads and writes"] {
        assert_eq!(finding(&told, check)["state"], "ok", "{told:#}");
    }
    assert_eq!(finding(&told, "signing keys")["state"], "ok", "{told:#}");
}

#[test]
fn the_doctor_finds_a_master_key_that_others_can_read() {
    let instance = Instance::begun();
    let key = instance.path().join("master.key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let (code, told) = doctor(&instance);
    assert_eq!(code, Some(1));
    let found = finding(&told, "master key file");
    assert_eq!(found["state"], "failure");
    assert!(text(&found, "fix").starts_with("chmod 600"), "{found}");
}

#[test]
fn the_doctor_finds_a_database_sealed_with_another_key() {
    let (instance, other) = (Instance::begun(), Instance::begun());
    let key = instance.path().join("master.key");
    fs::copy(other.path().join("master.key"), key).unwrap();
    let (code, told) = doctor(&instance);
    assert_eq!(code, Some(1));
    let found = finding(&told, "master key");
    assert!(text(&found, "detail").contains("which is not loaded"), "{found}");
}

/// The file of an instance whose keys are printed, the current one first.
fn printed_keys(instance: &Instance, keys: &[&str]) {
    let (current, earlier) = keys.split_first().unwrap();
    let mut lines = ADDRESSES.map(str::to_owned).to_vec();
    lines.push(format!("master_key_command = ['/bin/echo', '{current}']"));
    if let [earlier] = earlier {
        lines.push(format!("previous_master_keys_command = ['/bin/echo', '{earlier}']"));
    }
    fs::write(instance.path().join("keyhaven.toml"), lines.join("\n")).unwrap();
}

#[test]
fn a_printed_master_key_replaces_the_file_once_everything_is_sealed_again() {
    let instance = Instance::begun();
    let file = instance.path().join("master.key");
    let old = fs::read_to_string(&file).unwrap();
    let (old, new) = (old.trim(), "k2:CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=");
    fs::remove_file(&file).unwrap();
    printed_keys(&instance, &[new, old]);
    let turned = instance.json(&["rekey"]);
    assert_eq!((&turned["remaining"], &turned["failed"]), (&0.into(), &0.into()), "{turned:#}");

    printed_keys(&instance, &[new]);
    let output = instance.run(&["doctor", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = finding(&told, "master key");
    let wanted = "from the command /bin/echo (master_key_command), opens what the database holds";
    assert_eq!((&found["state"], &*text(&found, "detail")), (&"ok".into(), wanted), "{told:#}");
    assert!(!told.to_string().contains("CQkJ"), "{told:#}");
    assert!(!file.exists());

    printed_keys(&instance, &[old]);
    let told = String::from_utf8(instance.run(&["doctor", "--json"]).stdout).unwrap();
    assert!(told.contains("which is not loaded"), "{told}");
}

#[test]
fn the_doctor_finds_an_address_that_somebody_else_has() {
    let instance = Instance::begun();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let file = format!("listen = \"127.0.0.1:0\"\noperator_listen = \"{address}\"");
    fs::write(instance.path().join("keyhaven.toml"), file).unwrap();
    let output = instance.run(&["doctor", "--json"]);
    let told = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(finding(&told, "operator_listen")["state"], "failure", "{told:#}");
}
