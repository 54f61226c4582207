//! Forms as attackers send them, and the limits on both sides of their edge.

use proptest::prelude::*;

use super::*;

fn refused(body: &[u8]) -> String {
    Params::parse_form(body).expect_err("was accepted").reason().into_owned()
}

fn read(body: &str) -> Params {
    Params::parse_form(body.as_bytes()).expect("was refused")
}

#[test]
fn a_token_request_reads_back() {
    let params = read("grant_type=client_credentials&scope=%2Fping.read+%2Faccounts.read");
    assert_eq!(params.get("grant_type"), Some("client_credentials"));
    assert_eq!(params.get("scope"), Some("/ping.read /accounts.read"));
    assert_eq!(params.get("code"), None);
}

#[test]
fn a_parameter_without_a_value_counts_as_omitted() {
    let params = read("scope=&state&code=a");
    assert_eq!((params.get("scope"), params.get("state")), (None, None));
    assert_eq!(params.required("scope").unwrap_err().reason(), "parameter missing: scope");
    assert_eq!(params.iter().collect::<Vec<_>>(), [("code", "a")]);
}

#[test]
fn only_the_first_equals_sign_splits() {
    assert_eq!(read("a=b=c").get("a"), Some("b=c"));
    assert_eq!(read("a%3Db=c").get("a=b"), Some("c"));
}

#[test]
fn a_repeated_parameter_is_refused_by_name() {
    for body in ["scope=a&scope=b", "scope=a&x=1&scope=a", "scope=&scope=a", "sco%70e=a&scope"] {
        assert_eq!(refused(body.as_bytes()), "parameter sent twice: scope", "{body}");
    }
    assert_eq!(refused(b"%0a=1&%0a=2"), "control character in a parameter");
    assert_eq!(refused("ä=1&ä=2".as_bytes()), "parameter sent twice: (unprintable name)");
}

#[test]
fn control_characters_are_refused() {
    for body in ["a=%00", "a=x%0d%0ay", "a=%7f", "a%1b=x", "a=x\ny"] {
        assert_eq!(refused(body.as_bytes()), "control character in a parameter", "{body}");
    }
    assert_eq!(read("password=a%09b").get("password"), Some("a\tb"));
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    assert_eq!(refused(b"a=%ff"), "parameter is not UTF-8");
    assert_eq!(refused(b"a=\xc3&b=\xa4"), "parameter is not UTF-8");
    assert_eq!(refused(b"a%c3=%a4"), "parameter is not UTF-8");
    assert_eq!(read("a=%C3%A4").get("a"), Some("ä"));
}

#[test]
fn malformed_percent_encoding_is_refused() {
    assert_eq!(refused(b"a=%"), "malformed percent-encoding");
    assert_eq!(refused(b"a%=b"), "malformed percent-encoding");
    assert_eq!(refused(b"a=%2&b=0"), "malformed percent-encoding");
}

#[test]
fn the_limits_hold_exactly() {
    let fields = |count: usize| (0..count).map(|i| format!("p{i}=v&")).collect::<String>();
    assert_eq!(read(&fields(100)).iter().count(), 100);
    assert_eq!(refused(fields(101).as_bytes()), "more than 100 parameters");
    let body = |size: usize| format!("a={}", "x".repeat(size - 2));
    assert!(Params::parse_form(body(64 * 1024).as_bytes()).is_ok());
    assert_eq!(refused(body(64 * 1024 + 1).as_bytes()), "form larger than 64 KiB");
}

#[test]
fn values_do_not_print() {
    assert_eq!(format!("{:?}", read("client_secret=marker")), r#"{"client_secret"}"#);
}

#[test]
fn pairs_follow_the_same_rules() {
    let params = Params::from_pairs([("a", "x=y&z"), ("b", "")]).unwrap();
    assert_eq!((params.get("a"), params.get("b")), (Some("x=y&z"), None));
    let twice = Params::from_pairs([("a", "1"), ("a", "2")]).unwrap_err();
    assert_eq!(twice, ParamsError::Twice("a".into()));
    let control = Params::from_pairs([("a", "\0")]).unwrap_err();
    assert_eq!(control, ParamsError::ControlCharacter);
    let large = "x".repeat(MAX_BODY);
    assert_eq!(Params::from_pairs([("a", &*large)]).unwrap_err(), ParamsError::TooLarge);
}

#[test]
fn the_grammars_of_appendix_a_admit_what_they_say() {
    assert!(is_vschar(" ~\"\\") && !is_vschar("\t") && !is_vschar("ä"));
    assert!(is_nqchar("!#[]~") && !is_nqchar("a b") && !is_nqchar("\"") && !is_nqchar("\\"));
    assert!(is_nqschar("a b") && !is_nqschar("\"") && !is_nqschar("\\"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(body: Vec<u8>) {
        if let Ok(params) = Params::parse_form(&body) {
            prop_assert!(params.iter().count() <= MAX_FIELDS);
        }
    }

    #[test]
    fn what_is_serialised_reads_back(pairs in prop::collection::btree_map("[a-z]{1,4}", "[ -~äß]{1,9}", 0..9)) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let params = read(&body);
        prop_assert_eq!(params.iter().count(), pairs.len());
        for (name, value) in &pairs {
            prop_assert_eq!(params.get(name), Some(value.as_str()));
        }
    }
}
