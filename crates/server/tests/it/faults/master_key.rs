//! F15: the master key is missing, wrong, or one of two. A node refuses to start and says why,
//! never writes over a key, and starts with the right ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::timeout;

use super::installation::{As, Installation, Registered};
use super::server::{Server, command};
use super::wire::{Caller, Order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_or_wrong_master_key_stops_the_start_on_sqlite() {
    a_missing_or_wrong_master_key_stops_the_start(Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_or_wrong_master_key_stops_the_start_on_postgres() {
    a_missing_or_wrong_master_key_stops_the_start(Installation::postgres()).await;
}

async fn a_missing_or_wrong_master_key_stops_the_start(installation: Installation) {
    let [jwt] = installation.register([As::Jwt]).await;
    signs(&installation, &[], &jwt).await;
    let file = installation.data().join("master.key");
    let right = fs::read(&file).expect("the first run made it");

    fs::remove_file(&file).expect("removes");
    assert_refused(&installation, &[], "is missing").await;
    assert!(!file.exists(), "a key was made beside sealed values");

    for (wrong, why) in [
        (STANDARD.encode([7; 32]), "sealed with master key"),
        ("nonsense!".to_owned(), "not base64"),
        (STANDARD.encode([7; 5]), "not 32 bytes"),
        (String::new(), "not 32 bytes"),
    ] {
        write(&file, wrong.as_bytes());
        assert_refused(&installation, &[], why).await;
        assert_eq!(fs::read(&file).expect("reads"), wrong.as_bytes(), "the file was changed");
    }

    write(&file, &right);
    signs(&installation, &[], &jwt).await;
    assert_eq!(fs::read(&file).expect("reads"), right);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_master_key_needs_both_until_everything_is_sealed_anew() {
    let installation = Installation::sqlite();
    let [jwt] = installation.register([As::Jwt]).await;
    let file = installation.data().join("master.key");
    let old = fs::read_to_string(&file).expect("the first run made it");
    let new = format!("k2:{}", STANDARD.encode([9; 32]));
    let configured = ("KEYHAVEN_MASTER_KEY", new.as_str());
    let earlier = ("KEYHAVEN_PREVIOUS_MASTER_KEYS", old.trim());

    assert_refused(&installation, &[configured], "which is not loaded").await;
    signs(&installation, &[configured, earlier], &jwt).await;
    assert_eq!(fs::read_to_string(&file).expect("reads"), old, "the old key was written over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_gives_the_master_key_or_the_start_is_refused() {
    let installation = Installation::sqlite();
    let [jwt] = installation.register([As::Jwt]).await;
    let file = installation.data().join("master.key");
    let outside = tempfile::tempdir().expect("a directory");
    let kept = outside.path().join("unwrapped");
    fs::rename(&file, &kept).expect("moves");
    let key = fs::read_to_string(&kept).expect("reads");

    let cat = r#"["/bin/sh", "-c", "cat \"$KEPT\""]"#;
    let kept = ("KEPT", kept.to_str().expect("text"));
    signs(&installation, &[("KEYHAVEN_MASTER_KEY_COMMAND", cat), kept], &jwt).await;

    let refused = [
        (r#"["/bin/sh", "-c", "cat $KEPT; cat $KEPT >&2; exit 7"]"#, "failed (exit status: 7): …"),
        (r#"["/bin/sh", "-c", "head -c 12 $KEPT"]"#, "not 32 bytes"),
        ("/bin/true", "/bin/true printed no key"),
        ("/no/such/program", "/no/such/program cannot be started"),
        ("cat $KEPT", "no shell reads this"),
    ];
    for (command, why) in refused {
        let variables = [("KEYHAVEN_MASTER_KEY_COMMAND", command), kept];
        let said = assert_refused(&installation, &variables, why).await;
        assert!(!said.contains(&key[..12]), "it says: {said}");
        assert!(!file.exists(), "a key was made beside sealed values");
    }
    let other = format!("/bin/echo {}", STANDARD.encode([7; 32]));
    let other = [("KEYHAVEN_MASTER_KEY_COMMAND", &*other)];
    assert_refused(&installation, &other, "which is not loaded").await;
    let both = [("KEYHAVEN_MASTER_KEY_COMMAND", cat), kept, ("KEYHAVEN_MASTER_KEY", key.trim())];
    assert_refused(&installation, &both, "set one of them").await;
}

/// A node with these variables starts, and signs with the key it was sealed with.
async fn signs(installation: &Installation, variables: &[(&str, &str)], jwt: &Registered) {
    let mut command = command(installation);
    command.envs(variables.iter().copied());
    let server = Server::start_with(command).await;
    let answer = Caller::of(server.address).ask(&Order::issue(jwt)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    server.kill().await;
}

/// A node with these variables ends with a failure that says why; what it says.
pub(super) async fn assert_refused(
    installation: &Installation,
    variables: &[(&str, &str)],
    why: &str,
) -> String {
    let mut command = command(installation);
    let running = command.envs(variables.iter().copied()).kill_on_drop(true).output();
    let ended = timeout(Duration::from_secs(20), running).await.expect("it does not serve");
    let ended = ended.expect("the binary starts");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success(), "it started");
    assert!(said.contains(why), "it says: {said}");
    assert!(ended.stdout.is_empty(), "it greeted");
    said
}

fn write(file: &PathBuf, content: &[u8]) {
    fs::write(file, content).expect("writes");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("sets the mode");
}
