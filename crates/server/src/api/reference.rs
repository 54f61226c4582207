//! The reference at `/docs`: the OpenAPI document as one page, rendered here. No script, no asset of
//! anybody else; the content security policy allows our stylesheet and nothing more.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::telemetry::per_route::Routes;

mod operation;
mod page;
mod schema;

const STYLE: &str = include_str!("reference/style.css");

const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// `/docs` and its stylesheet.
pub fn routes() -> Routes {
    Routes::new()
        .route("/docs", get(show_reference))
        .route("/docs/style.css", get(async || (guarded("text/css; charset=utf-8"), STYLE)))
}

/// The page is written for the first reader.
async fn show_reference() -> impl IntoResponse {
    static PAGE: LazyLock<String> = LazyLock::new(|| render(&super::openapi()));
    (guarded("text/html; charset=utf-8"), PAGE.as_str())
}

/// The page.
#[must_use]
pub fn render(document: &OpenApi) -> String {
    page::render(&super::document::in_order(document))
}

fn guarded(content_type: &'static str) -> [(HeaderName, HeaderValue); 6] {
    let fixed = HeaderValue::from_static;
    [
        (header::CONTENT_TYPE, fixed(content_type)),
        (header::CONTENT_SECURITY_POLICY, fixed(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        (header::REFERRER_POLICY, fixed("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), fixed("same-origin")),
        (header::CACHE_CONTROL, fixed("public, max-age=300")),
    ]
}

/// Text on its way into HTML, in content or in a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
    out
}

/// A sentence with `code` in backticks, as HTML.
fn prose(text: &str) -> String {
    let pieces = text.split('`').enumerate().map(|(at, piece)| {
        let piece = escape(piece);
        if at % 2 == 1 { format!("<code>{piece}</code>") } else { piece }
    });
    pieces.collect()
}

/// Paragraphs, as HTML.
fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(|paragraph| format!("<p>{}</p>\n", prose(paragraph))).collect()
}

/// A member of a JSON object as text.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_description_is_inert() {
        assert_eq!(prose("a <b> `x<y` \"q\""), "a &lt;b&gt; <code>x&lt;y</code> &quot;q&quot;");
    }

    #[test]
    fn every_operation_and_every_kind_of_problem_has_its_anchor() {
        let document = crate::api::openapi();
        let html = render(&document);
        for item in document.paths.paths.values() {
            let value = serde_json::to_value(item).unwrap();
            for operation in value.as_object().unwrap().values() {
                let Some(id) = operation["operationId"].as_str() else { continue };
                assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
            }
        }
        for kind in crate::http::error::Kind::ALL {
            assert!(html.contains(&format!("id=\"problem-{}\"", kind.slug())), "{kind:?}");
        }
        assert!(!html.contains("<script"));
        assert!(!html.contains("http://") && !html.contains("style=\""));
    }
}
