//! The shared cases of `sdks/wire/scenarios.json`.

use std::time::{Duration, Instant};

use keyhaven_sdk::models::{
    AuthTokenRequest, CreateOrganization, RevokeTokenRequest, UpdateOrganization,
};
use keyhaven_sdk::{Client, Error, Kind, Meta, Response, Retries, Security};
use serde_json::{Value, json};

use crate::faults::Faults;

#[tokio::test]
async fn every_shared_case_holds() {
    let text = include_str!("../../../wire/scenarios.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    let faults = Faults::start();
    let mut wrong = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let name = case["name"].as_str().unwrap();
        if let Err(fault) = run(&faults, &format!("case{at}"), case).await {
            wrong.push(format!("{name}: {fault}"));
        }
    }
    assert!(cases.len() > 50);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a case gave: its value and exchange, or its error.
type Given = Result<(Value, Meta), Error>;

async fn run(faults: &Faults, name: &str, case: &Value) -> Result<(), String> {
    let told = faults.tell(name, &case["responses"]).await;
    let base = case["base"].as_str().unwrap_or_default();
    let client = client(&format!("{}{base}", told.url), case);
    let started = Instant::now();
    let given = perform(&client, case).await;
    let took = started.elapsed();
    let came = told.came().await;
    let expect = &case["expect"];
    ensure(given.is_ok() == (expect["ok"] == true), || format!("{:?}", given.as_ref().err()))?;
    timing(expect, took)?;
    counted(expect, &given, &came)?;
    match &given {
        Ok((value, meta)) => {
            let same = expect["value"].is_null() || expect["value"] == *value;
            ensure(same, || format!("value {value}"))?;
            let replay = expect["replay"] != true || meta.idempotent_replay;
            ensure(replay, || "no replay".to_owned())?;
            for (name, wanted) in expect["header"].as_object().into_iter().flatten() {
                let told = meta.headers.get(name).and_then(|value| value.to_str().ok());
                ensure(told == wanted.as_str(), || format!("{name} is {told:?}"))?;
            }
        }
        Err(error) => refused(expect, error)?,
    }
    sent(expect, &came)
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn client(url: &str, case: &Value) -> Client {
    let options = &case["options"];
    let ms = |value: &Value| value.as_u64().map(Duration::from_millis);
    let mut builder = Client::builder().server_url(url);
    builder = match case["security"].as_str().unwrap() {
        "bearer" => builder.security(Security::bearer("kh_test")),
        "client" => builder.security(Security::basic("id:odd", "a b%")),
        _ => builder,
    };
    if let Some(limit) = ms(&options["timeoutMs"]) {
        builder = builder.timeout(limit);
    }
    if let Some(limit) = ms(&options["totalTimeoutMs"]) {
        builder = builder.total_timeout(limit);
    }
    for (name, value) in options["headers"].as_object().into_iter().flatten() {
        builder = builder.header(name, value.as_str().unwrap());
    }
    if let Some(retries) = options["retries"].as_object() {
        let backoff = &retries.get("backoff").cloned().unwrap_or_default();
        builder = builder.retries(match retries["strategy"].as_str() {
            Some("none") => Retries::none(),
            _ => Retries {
                max_retries: retries["maxRetries"].as_u64().unwrap().try_into().unwrap(),
                initial_interval: ms(&backoff["initialInterval"]).unwrap(),
                max_interval: ms(&backoff["maxInterval"]).unwrap(),
                ..Retries::default()
            },
        });
    }
    builder.build().unwrap()
}

/// Sends a builder with the case's own options.
macro_rules! sending {
    ($builder:expr, $case:expr) => {{
        let options = &$case["options"];
        let mut builder = $builder;
        if let Some(codes) = options["retryCodes"].as_array() {
            let codes: Vec<&str> = codes.iter().filter_map(Value::as_str).collect();
            builder = builder.retry_codes(&codes);
        }
        if let Some(key) = options["idempotencyKey"].as_str() {
            builder = builder.idempotency_key(key);
        }
        taken(builder.send().await)
    }};
}

async fn perform(client: &Client, case: &Value) -> Given {
    let request = &case["request"];
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let organizations = client.organizations();
    match case["operation"].as_str().unwrap() {
        "list_signing_keys" => sending!(client.signing_keys().list_signing_keys(), case),
        "show_organization" => {
            sending!(organizations.show_organization(text("organization")), case)
        }
        "delete_organization" => {
            sending!(organizations.delete_organization(text("organization")), case)
        }
        "update_organization" => {
            let body: UpdateOrganization = parsed(&request["update_organization"]);
            sending!(organizations.update_organization(text("organization"), &body), case)
        }
        "create_organization" => {
            let body: CreateOrganization = parsed(&request["create_organization"]);
            sending!(organizations.create_organization(&body), case)
        }
        "list_users" => {
            let list = client.users().list_users().email(text("email")).limit(5);
            sending!(list, case)
        }
        "create_auth_token" => {
            let body: AuthTokenRequest = parsed(&request["auth_token_request"]);
            sending!(client.authentication().create_auth_token(&body), case)
        }
        "revoke_auth_token" => {
            let body: RevokeTokenRequest = parsed(&request["revoke_token_request"]);
            sending!(client.authentication().revoke_auth_token(&body), case)
        }
        "auth_logout" => sending!(client.auth().logout().session("kh_test"), case),
        "fetch_token_groups" => {
            sending!(client.oauth().fetch_token_groups(text("id")).oauth2("kh_test"), case)
        }
        other => panic!("no runner for {other}"),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn taken<T: serde::Serialize>(answer: Result<Response<T>, Error>) -> Given {
    let answer = answer?;
    let meta = answer.meta().clone();
    Ok((serde_json::to_value(&*answer).unwrap(), meta))
}

fn timing(expect: &Value, took: Duration) -> Result<(), String> {
    let took = u64::try_from(took.as_millis()).unwrap();
    let least = expect["minMs"].as_u64().unwrap_or(0);
    let most = expect["maxMs"].as_u64().unwrap_or(u64::MAX);
    ensure((least..=most).contains(&took), || format!("{took} ms"))
}

fn counted(expect: &Value, given: &Given, came: &[Value]) -> Result<(), String> {
    let attempts = match given {
        Ok((_, meta)) => meta.attempts,
        Err(error) => error.attempts(),
    };
    let count = came.len() as u64;
    if let Some(wanted) = expect["attempts"].as_u64() {
        ensure(u64::from(attempts) == wanted && count == wanted, || {
            format!("{attempts} attempts, {count} requests, instead of {wanted}")
        })?;
    }
    let wanted = expect["count"].as_u64().unwrap_or(count);
    ensure(wanted == count, || format!("{count} requests instead of {wanted}"))
}

fn refused(expect: &Value, error: &Error) -> Result<(), String> {
    let name = match error.kind() {
        Kind::Refused => error.refusal().unwrap().name().to_owned(),
        Kind::Api => "APIError".to_owned(),
        Kind::Connection => "ConnectionError".to_owned(),
        Kind::Timeout => "RequestTimeoutError".to_owned(),
        Kind::InvalidRequest => "InvalidRequestError".to_owned(),
        Kind::ResponseValidation => "ResponseValidationError".to_owned(),
        kind => format!("{kind:?}"),
    };
    ensure(expect["error"] == name, || {
        format!("{name} instead of {}: {error:?}", expect["error"])
    })?;
    if let Some(status) = expect["status"].as_u64() {
        ensure(error.status().map(u64::from) == Some(status), || format!("{:?}", error.status()))?;
    }
    let body: Value = error.body_as().unwrap_or_default();
    for (member, wanted) in expect["fields"].as_object().into_iter().flatten() {
        ensure(body[member] == *wanted, || format!("{member} is {}", body[member]))?;
    }
    if let Some(ms) = expect["retryAfterMs"].as_u64() {
        let told = error.retry_after();
        ensure(told == Some(Duration::from_millis(ms)), || format!("{told:?}"))?;
    }
    for (at, wanted) in expect["challenges"].as_array().into_iter().flatten().enumerate() {
        let challenge = &error.challenges()[at];
        let params: serde_json::Map<_, _> = challenge
            .params
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let got = json!({"scheme": challenge.scheme, "params": params});
        ensure(got == *wanted, || format!("{got} instead of {wanted}"))?;
    }
    stepped_up(expect, error)
}

/// What another sign-in must bring.
fn stepped_up(expect: &Value, error: &Error) -> Result<(), String> {
    let Some(wanted) = expect.get("stepUp") else { return Ok(()) };
    let asked = error.step_up();
    let Some(asked) = &asked else {
        return ensure(wanted.is_null(), || format!("nothing instead of {wanted}"));
    };
    let age = wanted["max_age"].as_u64().map(Duration::from_secs);
    let same = asked.scope.as_deref() == wanted["scope"].as_str()
        && asked.acr_values.as_deref() == wanted["acr_values"].as_str()
        && asked.resource_metadata.as_deref() == wanted["resource_metadata"].as_str()
        && asked.max_age == age;
    ensure(same && !wanted.is_null(), || format!("{asked:?} instead of {wanted}"))
}

fn sent(expect: &Value, came: &[Value]) -> Result<(), String> {
    for (at, wanted) in expect["requests"].as_array().into_iter().flatten().enumerate() {
        let request = &came[at];
        for member in ["method", "path"] {
            let same = wanted[member].is_null() || wanted[member] == request[member];
            ensure(same, || format!("{member} is {}", request[member]))?;
        }
        if !wanted["body"].is_null() {
            let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
            ensure(body == wanted["body"], || format!("body is {body}"))?;
        }
        for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
            let got = &request["headers"][name];
            ensure(got == value, || format!("{name} is {got} instead of {value}"))?;
        }
    }
    if let Some(name) = expect["same"].as_str() {
        let first = &came[0]["headers"][name];
        let same = first.is_string() && came.iter().all(|one| one["headers"][name] == *first);
        ensure(same, || format!("{name} differs"))?;
    }
    for (name, wanted) in expect["query"].as_object().into_iter().flatten() {
        let url = format!("http://x{}", came[0]["path"].as_str().unwrap());
        let url = reqwest::Url::parse(&url).unwrap();
        let found = url.query_pairs().find(|(own, _)| own == name);
        let found = found.map(|(_, value)| value.into_owned());
        ensure(found.as_deref() == wanted.as_str(), || format!("{name} is {found:?}"))?;
    }
    Ok(())
}
