//! Layers, provenance, refusals and masking.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::*;

fn read(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keyhaven.toml"), file).unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let mut given: BTreeMap<String, String> = own(flags).into_iter().collect();
    given.insert("data".to_owned(), data);
    Loaded::read(&Sources { file: None, environment: own(environment), flags: given })
        .map_err(|error| error.to_string())
}

fn own(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

fn from(loaded: &Loaded, key: &str) -> String {
    lines(loaded).into_iter().find(|line| line.key == key).unwrap().from
}

#[test]
fn every_default_is_a_valid_value() {
    let loaded = read("", &[], &[]).unwrap();
    assert_eq!(loaded.config.listen.port(), 8484);
    assert_eq!(loaded.config.issuer_for(loaded.config.listen).as_str(), "http://localhost:8484");
}

#[test]
fn later_layers_win_and_are_named() {
    let file = "refresh_grace = 10\naccess_token_ttl = 60\nlisten = '127.0.0.1:1'";
    let environment = [("KEYHAVEN_ACCESS_TOKEN_TTL", "70"), ("KEYHAVEN_LISTEN", "127.0.0.1:2")];
    let loaded = read(file, &environment, &[("listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(loaded.config.refresh_grace.0.0, 10);
    assert_eq!(loaded.config.access_token_ttl.0.0, 70);
    assert_eq!(loaded.config.listen.port(), 3);
    assert!(from(&loaded, "refresh_grace").ends_with("keyhaven.toml"));
    assert_eq!(from(&loaded, "access_token_ttl"), "environment KEYHAVEN_ACCESS_TOKEN_TTL");
    assert_eq!(from(&loaded, "listen"), "flag --listen");
    assert_eq!(from(&loaded, "log_level"), "default");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let in_file = read("acces_token_ttl = 60", &[], &[]).unwrap_err();
    assert!(in_file.contains("did you mean access_token_ttl?"), "{in_file}");
    let in_environment = read("", &[("KEYHAVEN_ISUER", "x")], &[]).unwrap_err();
    assert_eq!(
        in_environment,
        "isuer (environment KEYHAVEN_ISUER): there is no such setting; did you mean issuer?"
    );
    let far = read("", &[("KEYHAVEN_ZZZZZZZZZZZZ", "x")], &[]).unwrap_err();
    assert!(far.ends_with("no such setting"), "{far}");
}

#[test]
fn variables_of_the_command_line_are_no_settings() {
    assert!(read("", &[("KEYHAVEN_URL", "x"), ("KEYHAVENX", "y"), ("PATH", "z")], &[]).is_ok());
}

#[test]
fn values_out_of_bounds_are_refused_with_their_origin() {
    let long = read("access_token_ttl = 601", &[], &[]).unwrap_err();
    assert!(long.ends_with("expected a whole number of seconds from 1 to 600"), "{long}");
    let word = read("", &[("KEYHAVEN_LOG_FORMAT", "xml")], &[]).unwrap_err();
    assert!(word.contains("expected one of auto pretty json"), "{word}");
    assert!(read("refresh_grace = 1.5", &[], &[]).is_err());
    assert!(read("listen = { port = 1 }", &[], &[]).is_err());
}

#[test]
fn secrets_are_masked_and_may_live_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(&path, "postgres://u:marker@h/d\n").unwrap();
    let path = path.to_str().unwrap();
    for (key, text) in
        [("KEYHAVEN_DATABASE_FILE", path.to_owned()), ("KEYHAVEN_DATABASE", format!("file:{path}"))]
    {
        let loaded = read("", &[(key, &text)], &[]).unwrap();
        let url = loaded.config.database.0.as_ref().unwrap();
        assert_eq!(url.reveal(), "postgres://u:marker@h/d");
        assert!(from(&loaded, "database").ends_with(&format!("kept in {path}")));
        let shown = format!("{}{}{:?}", table(&loaded), json(&loaded), loaded);
        assert!(!shown.contains("marker"), "{shown}");
    }
}

#[test]
fn a_secret_given_twice_or_from_a_missing_file_is_refused() {
    let both = [("KEYHAVEN_DATABASE", "x"), ("KEYHAVEN_DATABASE_FILE", "/nowhere")];
    assert!(read("", &both, &[]).unwrap_err().ends_with("set one of them"));
    let missing = read("", &[("KEYHAVEN_MASTER_KEY", "file:/nowhere")], &[]).unwrap_err();
    assert!(missing.contains("cannot read /nowhere"), "{missing}");
    assert!(read("listen_file = '/nowhere'", &[], &[]).is_err(), "only secrets live in files");
}

#[test]
fn a_digits_only_secret_keeps_its_leading_zeros() {
    let loaded = read("", &[("KEYHAVEN_MASTER_KEY", "000123")], &[]).unwrap();
    assert_eq!(loaded.config.master_key.0.unwrap().reveal(), "000123");
}

#[test]
fn the_file_of_a_data_directory_cannot_move_the_data() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keyhaven.toml"), "data = '/elsewhere'").unwrap();
    let data = folder.path().to_str().unwrap();
    let sources = Sources { environment: own(&[("KEYHAVEN_DATA", data)]), ..Sources::default() };
    assert!(Loaded::read(&sources).is_ok(), "the environment wins over the file");
    let named = Sources { file: Some(folder.path().join("keyhaven.toml")), ..Sources::default() };
    assert_eq!(Loaded::read(&named).unwrap().config.data.to_str(), Some("/elsewhere"));
    let gone = Sources { file: Some(folder.path().join("gone.toml")), ..Sources::default() };
    assert!(Loaded::read(&gone).unwrap_err().0.contains("no such file"));
}

#[test]
fn an_issuer_is_https_or_loopback_and_canonical() {
    let cases = [
        ("https://auth.example.com", None),
        ("https://auth.example.com/tenant", None),
        ("http://localhost:8484", None),
        ("http://127.0.0.1:1", None),
        ("http://[::1]:1", None),
        ("http://auth.example.com", Some("loopback only")),
        ("http://localhost.example.com", Some("loopback only")),
        ("https://auth.example.com/", Some("trailing slash")),
        ("https://auth.example.com/a//b", Some("segment")),
        ("https://auth.example.com/../b", Some("segment")),
        ("https://a@example.com", Some("user name")),
        ("https://example.com?x", Some("query")),
        ("https://Example.com", Some("lower case")),
        ("https://", Some("slash")),
        ("ftp://example.com", Some("https://")),
    ];
    for (text, reason) in cases {
        match (Issuer::parse(text), reason) {
            (Ok(issuer), None) => assert_eq!(issuer.as_str(), text),
            (Err(why), Some(reason)) => assert!(why.contains(reason), "{text}: {why}"),
            (result, _) => panic!("{text}: {result:?}"),
        }
    }
}

#[test]
fn a_network_contains_its_addresses_only() {
    let contains = |network: &str, address: &str| {
        Network::parse(network).unwrap().contains(address.parse::<IpAddr>().unwrap())
    };
    assert!(contains("10.0.0.0/8", "10.255.0.1"));
    assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert!(!contains("10.0.0.0/8", "11.0.0.1"));
    assert!(!contains("0.0.0.0/0", "::1"), "an IPv4 range holds no IPv6 address");
    assert!(contains("0.0.0.0/0", "8.8.8.8"));
    assert!(contains("::/0", "::1"));
    assert!(contains("192.0.2.7", "192.0.2.7"));
    assert!(!contains("192.0.2.7", "192.0.2.6"));
    for wrong in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/x", "ten", ""] {
        assert!(Network::parse(wrong).is_err(), "{wrong}");
    }
}

/// `cargo xtask generate` writes the page anew.
#[test]
fn the_reference_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == reference(),
        "docs/reference/configuration.md is old: run cargo xtask generate"
    );
}
