//! Each source, what it refuses, and that none takes the place of another.

use super::*;
use crate::config::{Loaded, Sources};

fn dice(byte: u8) -> Dice {
    Dice::new(move |out| out.fill(byte))
}

fn config(data: &Path, settings: &[(&str, &str)]) -> Config {
    let data = ("data", data.to_str().unwrap());
    let pairs = settings.iter().chain([&data]);
    let flags = pairs.map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    Loaded::read(&Sources { flags, ..Sources::default() }).unwrap().config
}

async fn load(data: &Path, fresh: Fresh, byte: u8) -> Result<MasterKeys> {
    MasterKeys::load(&config(data, &[]), fresh, &dice(byte)).await
}

async fn names(data: &Path, settings: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let keys = MasterKeys::load(&config(data, settings), Fresh::Yes, &dice(1)).await;
    keys.map(|keys| keys.names().collect()).map_err(|error| format!("{error:#}"))
}

fn prints(lines: &[[u8; 32]]) -> String {
    let lines: Vec<_> = lines.iter().map(|key| STANDARD.encode(key)).collect();
    serde_json::json!(["/usr/bin/printf", "%b", lines.join("\\n")]).to_string()
}

#[test]
fn a_key_that_another_process_made_meanwhile_is_read() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join(FILE);
    let first = make(&path, &dice(1)).unwrap();
    let second = make(&path, &dice(2)).unwrap();
    assert_eq!(first.id(), second.id());
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1, "no draft is left");
}

#[tokio::test]
async fn the_first_run_makes_a_key_that_only_its_owner_reads_and_the_next_finds_it() {
    let data = tempfile::tempdir().unwrap();
    let first: Vec<_> = load(data.path(), Fresh::Yes, 1).await.unwrap().names().collect();
    let mode = fs::metadata(data.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second: Vec<_> = load(data.path(), Fresh::No, 2).await.unwrap().names().collect();
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_missing_key_is_not_made_beside_sealed_values() {
    let data = tempfile::tempdir().unwrap();
    let error = load(data.path(), Fresh::No, 1).await.unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    assert!(!data.path().join(FILE).exists());
}

#[tokio::test]
async fn a_key_others_can_read_is_refused() {
    let data = tempfile::tempdir().unwrap();
    load(data.path(), Fresh::Yes, 1).await.unwrap();
    let path = data.path().join(FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = load(data.path(), Fresh::No, 1).await.unwrap_err();
    assert!(error.to_string().contains("can be read by others"), "{error}");
}

#[tokio::test]
async fn a_configured_key_must_be_32_bytes_of_base64() {
    let data = tempfile::tempdir().unwrap();
    let error = names(data.path(), &[("master_key", "k1:AAAA")]).await.unwrap_err();
    assert_eq!(error, "master_key: the key is not 32 bytes");
}

#[tokio::test]
async fn what_a_command_prints_is_the_same_key_as_if_it_was_configured() {
    let data = tempfile::tempdir().unwrap();
    let text = STANDARD.encode([2; 32]);
    let configured = names(data.path(), &[("master_key", &text)]).await.unwrap();
    let command = prints(&[[2; 32]]);
    let printed = names(data.path(), &[("master_key_command", &command)]).await.unwrap();
    assert_eq!(configured, printed);
    assert!(!data.path().join(FILE).exists(), "no file was made");
}

#[tokio::test]
async fn previous_keys_are_printed_one_a_line_and_stand_behind_configured_ones() {
    let data = tempfile::tempdir().unwrap();
    let (earliest, earlier) = (prints(&[[3; 32], [4; 32]]), STANDARD.encode([5; 32]));
    let settings = [
        ("master_key_command", &*prints(&[[2; 32]])),
        ("previous_master_keys", &*earlier),
        ("previous_master_keys_command", &*earliest),
    ];
    let all = names(data.path(), &settings).await.unwrap();
    let mut wanted = Vec::new();
    for byte in [2, 5, 3, 4] {
        let key = STANDARD.encode([byte; 32]);
        wanted.extend(names(data.path(), &[("master_key", &key)]).await.unwrap());
    }
    assert_eq!(all, wanted);
}

#[tokio::test]
async fn a_command_that_prints_no_key_is_refused_and_nothing_takes_its_place() {
    let data = tempfile::tempdir().unwrap();
    let cases = [
        (prints(&[[2; 32], [3; 32]]), "printed more than one line"),
        (r#"["/bin/echo", "k2:AAAA"]"#.to_owned(), "the key is not 32 bytes"),
        (r#"["/bin/echo", "nonsense!"]"#.to_owned(), "the key is not base64"),
        ("/bin/false".to_owned(), "failed (exit status: 1)"),
        ("/no/such/program".to_owned(), "cannot be started"),
    ];
    for (command, why) in cases {
        let error = names(data.path(), &[("master_key_command", &command)]).await.unwrap_err();
        assert!(error.starts_with("master_key_command: ") && error.contains(why), "{error}");
        assert!(!error.contains("nonsense") && !error.contains("AAAA"), "{error}");
    }
    assert!(!data.path().join(FILE).exists(), "a file took its place");
}

#[tokio::test]
async fn a_key_that_is_both_configured_and_printed_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let (text, command) = (STANDARD.encode([2; 32]), prints(&[[2; 32]]));
    let both = [("master_key", &*text), ("master_key_command", &*command)];
    let error = names(data.path(), &both).await.unwrap_err();
    assert!(error.ends_with("both set; set one of them"), "{error}");
}
