//! One case per row of what a failure may look like.

use http::{HeaderMap, HeaderName, HeaderValue};
use keyhaven_protocol::time::{Seconds, Timestamp};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::egress::Egress;
use crate::response::{read_tokens, sniff};

fn provider(error: Value) -> Provider {
    let mut definition = json!({
        "key": "acme",
        "name": "Acme",
        "authorize": { "url": "https://acme.example.com/authorize" },
        "token": { "url": "https://acme.example.com/token" },
    });
    definition["error"] = error;
    Provider::from_json(definition, &Egress::default()).expect("a provider")
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, headers: HeaderMap::new(), body: Zeroizing::new(body.as_bytes().to_vec()) }
}

fn verdict(provider: &Provider, status: u16, body: &str) -> Verdict {
    read_tokens(provider, &reply(status, body), Timestamp(1000)).expect_err(body)
}

/// `(status, body, class, whether the provider may have acted)`
fn check(error: Value, cases: &[(u16, &str, Class, Acted)]) {
    let provider = provider(error);
    for (status, body, class, acted) in cases {
        let found = verdict(&provider, *status, body);
        assert_eq!((found.class, found.acted), (*class, *acted), "{status} {body}");
        assert_eq!(found.status.unwrap_or(*status), *status);
    }
}

#[test]
fn a_dead_grant_is_told_by_its_code() {
    check(
        json!({}),
        &[
            (400, r#"{"error":"invalid_grant"}"#, Class::GrantDead, Acted::No),
            (400, r#"{"error":"INVALID_GRANT"}"#, Class::GrantDead, Acted::No),
            (401, r#"{"error":"invalid_grant"}"#, Class::GrantDead, Acted::No),
            (400, r#"{"error":"invalid_refresh_token"}"#, Class::GrantDead, Acted::No),
            (200, r#"{"error":"bad_refresh_token"}"#, Class::GrantDead, Acted::No),
            (200, "error=bad_refresh_token&error_description=x", Class::GrantDead, Acted::No),
        ],
    );
}

#[test]
fn a_policy_is_told_from_a_dead_grant() {
    let at = json!({ "code_at": ["/error_subtype", "/error"] });
    check(
        at,
        &[
            (
                400,
                r#"{"error":"invalid_grant","error_subtype":"invalid_rapt"}"#,
                Class::GrantBlocked,
                Acted::No,
            ),
            (400, r#"{"error":"interaction_required"}"#, Class::GrantBlocked, Acted::No),
            (400, r#"{"error":"consent_required"}"#, Class::GrantBlocked, Acted::No),
        ],
    );
}

#[test]
fn the_connectors_own_faults_flag_no_user() {
    check(
        json!({}),
        &[
            (400, r#"{"error":"invalid_scope"}"#, Class::Scopes, Acted::No),
            (401, r#"{"error":"invalid_client"}"#, Class::Client, Acted::No),
            (400, r#"{"error":"unauthorized_client"}"#, Class::Client, Acted::No),
            (400, r#"{"error":"redirect_uri_mismatch"}"#, Class::Client, Acted::No),
            (400, r#"{"error":"unsupported_grant_type"}"#, Class::Client, Acted::No),
            (404, "", Class::Client, Acted::No),
            (404, "<html>not found</html>", Class::Client, Acted::No),
        ],
    );
}

#[test]
fn outages_and_limits_will_pass_whatever_the_body_says() {
    check(
        json!({}),
        &[
            (429, r#"{"error":"invalid_grant"}"#, Class::Transient, Acted::No),
            (500, r#"{"error":"invalid_grant"}"#, Class::Transient, Acted::No),
            (503, "", Class::Transient, Acted::No),
            (502, "<html>bad gateway</html>", Class::Transient, Acted::Perhaps),
            (504, "", Class::Transient, Acted::Perhaps),
            (400, r#"{"error":"slow_down"}"#, Class::Transient, Acted::No),
            (400, r#"{"error":"temporarily_unavailable"}"#, Class::Transient, Acted::No),
        ],
    );
}

#[test]
fn gateways_and_firewalls_will_pass() {
    check(
        json!({}),
        &[
            (403, "<html>forbidden</html>", Class::Transient, Acted::No),
            (403, r#"{"message":"Forbidden"}"#, Class::Transient, Acted::No),
            (403, r#"{"error":"blocked_by_waf"}"#, Class::Transient, Acted::No),
            (400, "<html>captive portal</html>", Class::Transient, Acted::No),
            (400, "", Class::Transient, Acted::No),
            (400, "upstream says no", Class::Transient, Acted::No),
            (302, "", Class::Transient, Acted::No),
            (403, r#"{"error":"invalid_grant"}"#, Class::GrantDead, Acted::No),
        ],
    );
}

#[test]
fn a_success_that_cannot_be_read_may_be_a_rotation() {
    check(
        json!({}),
        &[
            (200, "<html>welcome</html>", Class::Transient, Acted::Perhaps),
            (200, "", Class::Transient, Acted::Perhaps),
            (200, r#"{"access_token":"#, Class::Transient, Acted::Perhaps),
            (200, "{}", Class::Unclear, Acted::Perhaps),
            (200, r#"{"access_token":null}"#, Class::Unclear, Acted::Perhaps),
            (200, r#"{"access_token":""}"#, Class::Unclear, Acted::Perhaps),
            (200, r#"{"access_token":{"a":1}}"#, Class::Unclear, Acted::Perhaps),
            (200, "[]", Class::Unclear, Acted::Perhaps),
        ],
    );
}

#[test]
fn any_other_refusal_is_unclear() {
    check(
        json!({}),
        &[
            (400, r#"{"error":"invalid_request"}"#, Class::Unclear, Acted::No),
            (400, r#"{"message":"nope"}"#, Class::Unclear, Acted::No),
            (401, r#"{"error":"access_denied"}"#, Class::Unclear, Acted::No),
            (422, r#"{"errors":[]}"#, Class::Unclear, Acted::No),
        ],
    );
}

#[test]
fn a_providers_file_says_what_its_own_errors_mean() {
    check(
        json!({
            "permanent": [
                { "status": 403, "code": "unauthorized_client", "contains": "refresh_token is invalid" },
            ],
            "transient": [{ "code": "invalid_grant", "contains": "already being processed" }],
            "blocked": [{ "contains": "AADSTS50076" }],
        }),
        &[
            (
                403,
                r#"{"error":"unauthorized_client","error_description":"Refresh_Token is invalid."}"#,
                Class::GrantDead,
                Acted::No,
            ),
            (403, r#"{"error":"unauthorized_client"}"#, Class::Client, Acted::No),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"token request is already being processed"}"#,
                Class::Transient,
                Acted::No,
            ),
            (400, r#"{"error":"invalid_grant"}"#, Class::GrantDead, Acted::No),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"AADSTS50076: MFA"}"#,
                Class::GrantBlocked,
                Acted::No,
            ),
            (
                500,
                r#"{"error":"invalid_grant","error_description":"AADSTS50076: MFA"}"#,
                Class::Transient,
                Acted::No,
            ),
        ],
    );
}

#[test]
fn a_success_is_a_failure_where_the_file_says_so() {
    check(
        json!({ "fail_if": [{ "at": "/ok", "is": false }] }),
        &[
            (200, r#"{"ok":false,"error":"invalid_refresh_token"}"#, Class::GrantDead, Acted::No),
            (200, r#"{"ok":false,"access_token":"at"}"#, Class::Unclear, Acted::No),
        ],
    );
    check(
        json!({ "fail_if": [{ "at": "/status", "not": 0 }], "code_at": ["/status"] }),
        &[(200, r#"{"status":601,"error":"Too Many Requests"}"#, Class::Unclear, Acted::No)],
    );
}

#[test]
fn a_status_field_that_says_success_is_no_error() {
    let provider = provider(json!({
        "fail_if": [{ "at": "/status", "not": 0 }], "code_at": ["/status"]
    }));
    let body = r#"{"status":0,"access_token":"at"}"#;
    assert!(read_tokens(&provider, &reply(200, body), Timestamp(0)).is_ok());
}

#[test]
fn the_providers_words_are_kept_without_secrets() {
    let body =
        r#"{"error":"invalid_grant","error_description":"Token 1//0gAbCdEfGhIjKlMnOpQr\nrevoked"}"#;
    let found = verdict(&provider(json!({})), 400, body);
    assert_eq!(found.code.as_deref(), Some("invalid_grant"));
    assert_eq!(found.words.as_deref(), Some("Token ••• revoked"));
}

#[test]
fn how_long_to_wait_is_read_in_both_forms() {
    let provider = provider(json!({}));
    let waiting = |text: &str| {
        let mut reply = reply(429, "");
        let name = HeaderName::from_static("retry-after");
        reply.headers.insert(name, HeaderValue::from_str(text).expect(text));
        judge(&provider, &reply, &sniff(&reply.body), Timestamp(784_111_777))
            .expect("a verdict")
            .retry_after
    };
    assert_eq!(waiting("120"), Some(Seconds(120)));
    assert_eq!(waiting("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Seconds(60)));
    assert_eq!(waiting("Sun, 06 Nov 1994 08:48:37 GMT"), None);
    assert_eq!(waiting("soon"), None);
}

#[test]
fn failures_of_the_network_say_whether_the_request_may_have_arrived() {
    for (failure, class, acted) in [
        (Failure::before(FailureKind::Unresolved), Class::Transient, Acted::No),
        (Failure::before(FailureKind::TimedOut), Class::Transient, Acted::No),
        (Failure::before(FailureKind::NoTls), Class::Transient, Acted::No),
        (Failure::after(FailureKind::TimedOut), Class::Transient, Acted::Perhaps),
        (Failure::after(FailureKind::BrokenOff), Class::Transient, Acted::Perhaps),
        (Failure::after(FailureKind::TooLarge), Class::Transient, Acted::Perhaps),
        (Failure::before(FailureKind::Refused("loopback")), Class::Client, Acted::No),
    ] {
        let verdict = Verdict::from(failure);
        assert_eq!((verdict.class, verdict.acted), (class, acted), "{failure:?}");
    }
}
