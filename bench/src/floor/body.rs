//! A JSON body of a given size: as it is, and encoded anew for every answer.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::Value;

use crate::Outcome;

const JSON: [(axum::http::HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];

pub(super) fn constant(file: &Path) -> Outcome<Router> {
    let body = Bytes::from(fs::read(file)?);
    Ok(Router::new().route("/", get(async move || (JSON, body.clone()))))
}

pub(super) fn encoded(file: &Path) -> Outcome<Router> {
    let value: &'static Value = Box::leak(Box::new(serde_json::from_slice(&fs::read(file)?)?));
    Ok(Router::new().route("/", get(async move || (JSON, value.to_string()))))
}
