//! The start, and what is shown where nothing is.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};

use crate::http::{page, reply};

/// `GET /`: leads to the account, which leads to the sign-in page where nobody is signed in.
pub async fn show_start() -> Response {
    page::see_other("/account").into_response()
}

/// A path that is nobody's. Who asks for a page gets one; programs get the bare status.
pub async fn show_nothing(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let wants_page = accept.is_some_and(|types| types.split(',').any(is_html));
    if wants_page { page::not_found() } else { reply::not_found() }
}

fn is_html(media_type: &str) -> bool {
    media_type.split(';').next().is_some_and(|name| name.trim() == "text/html")
}
