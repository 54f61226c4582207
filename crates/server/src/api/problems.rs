//! The refusals that operations have in common, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};

use crate::http::error::Kind;

type Responses = BTreeMap<String, RefOr<Response>>;

/// What any operation may answer.
const ALWAYS: &[Kind] = &[
    Kind::InvalidRequest,
    Kind::InvalidToken,
    Kind::Forbidden,
    Kind::TooManyRequests,
    Kind::Internal,
    Kind::Unavailable,
];

/// The refusals of an operation on a list.
pub(super) struct ListProblems;

impl IntoResponses for ListProblems {
    fn responses() -> Responses {
        describe(&[])
    }
}

/// The refusals of an operation on something a path names.
pub(super) struct NamedProblems;

impl IntoResponses for NamedProblems {
    fn responses() -> Responses {
        describe(&[Kind::NotFound])
    }
}

/// The refusals of a change with a body.
pub(super) struct ChangeProblems;

impl IntoResponses for ChangeProblems {
    fn responses() -> Responses {
        describe(&[Kind::NotFound, Kind::Conflict, Kind::TooLarge, Kind::UnsupportedMediaType])
    }
}

/// The refusals of a POST with an idempotency key.
pub(super) struct CreateProblems;

impl IntoResponses for CreateProblems {
    fn responses() -> Responses {
        describe(&[
            Kind::NotFound,
            Kind::Conflict,
            Kind::TooLarge,
            Kind::UnsupportedMediaType,
            Kind::KeyReused,
        ])
    }
}

/// The refusals of a token call.
pub(super) struct TokenProblems;

impl IntoResponses for TokenProblems {
    fn responses() -> Responses {
        describe(&[
            Kind::NotConnected,
            Kind::NeedsReauth,
            Kind::ConnectorMisconfigured,
            Kind::ProviderUnavailable,
            Kind::TooLarge,
            Kind::UnsupportedMediaType,
        ])
    }
}

/// The refusals of a check.
pub(super) struct CheckProblems;

impl IntoResponses for CheckProblems {
    fn responses() -> Responses {
        let kinds = [
            Kind::InvalidRequest,
            Kind::DeadCredential,
            Kind::BudgetExhausted,
            Kind::NarrowCredential,
            Kind::UnitMismatch,
            Kind::RateLimited,
            Kind::TooLarge,
            Kind::UnsupportedMediaType,
            Kind::Unavailable,
        ];
        kinds.map(|kind| (kind.status().as_str().to_owned(), describe_one(kind))).into()
    }
}

/// The refusals of counting the use of a key.
pub(super) struct UsageProblems;

impl IntoResponses for UsageProblems {
    fn responses() -> Responses {
        describe(&[
            Kind::BudgetExhausted,
            Kind::NotFound,
            Kind::KeyReused,
            Kind::TooLarge,
            Kind::UnsupportedMediaType,
            Kind::UnitMismatch,
        ])
    }
}

/// The header of a POST that must happen once.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents what Once reads")]
pub(super) struct IdempotencyKey {
    /// Makes the request safe to repeat for a day: a repetition gets the first answer again, with
    /// `Idempotent-Replayed: true`, secrets included; with another body it is a 409.
    #[param(rename = "Idempotency-Key", example = "5d1c1d0e-create-acme")]
    key: Option<String>,
}

/// The header of a POST that takes from a budget.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents what Meter reads")]
pub(super) struct ChargeName {
    /// The name of the charge: 1 to 255 visible ASCII characters. Under it the request can be repeated
    /// for a day and is charged once; a repetition is answered with `repeated: true`.
    #[param(rename = "Idempotency-Key", example = "5d1c1d0e-request-4711")]
    key: String,
}

fn describe(more: &[Kind]) -> Responses {
    let mut by_status = BTreeMap::<String, Vec<Kind>>::new();
    for kind in ALWAYS.iter().chain(more) {
        by_status.entry(kind.status().as_str().to_owned()).or_default().push(*kind);
    }
    by_status.into_iter().map(|(status, kinds)| (status, describe_all(&kinds))).collect()
}

/// Kinds of one status; the first gives the example.
fn describe_all(kinds: &[Kind]) -> RefOr<Response> {
    let titles = kinds.iter().map(|kind| kind.title()).collect::<Vec<_>>().join("; or: ");
    describe_as(kinds[0], titles)
}

fn describe_one(kind: Kind) -> RefOr<Response> {
    describe_as(kind, kind.title().to_owned())
}

fn describe_as(kind: Kind, description: String) -> RefOr<Response> {
    let example = serde_json::json!({
        "type": format!("/docs#problem-{}", kind.slug()),
        "title": kind.title(),
        "status": kind.status().as_u16(),
        "detail": format!("{}.", kind.title()),
        "code": "KH-4F2A-9C1D",
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(example))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
        .into()
}
