//! What the doors look like in the OpenAPI document: the thirteen published operations, with what
//! the SDK generator reads (`x-sdk-name`, `x-sdk-react`, `x-sdk-retry`, `x-sdk-security`,
//! `x-sdk-secret`; see `sdks/README.md`). Nothing here answers a request.
//!
//! A door is described in the document once it is routed: one line in `DOORS`.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa::{Modify, OpenApi as _};

mod connectors;
mod json_api_tokens;
mod json_tokens;
mod sessions;
mod user_keys;

/// The described doors, in the order of their pages.
const DOORS: &[fn() -> OpenApi] = &[
    sessions::Described::openapi,
    json_tokens::Described::openapi,
    json_api_tokens::Described::openapi,
    user_keys::Described::openapi,
    connectors::Described::openapi,
];

/// The doors' part of the document.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut document = Described::openapi();
    for door in DOORS {
        document.merge(door());
    }
    document
}

#[derive(utoipa::OpenApi)]
#[openapi(modifiers(&Schemes))]
struct Described;

/// The ways in, by the names that callers give their credentials.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        let mut add = |name: &str, scheme| components.add_security_scheme(name, scheme);
        add("client", http(HttpAuthScheme::Basic, "The id and the secret of an OAuth client"));
        add("oauth2", http(HttpAuthScheme::Bearer, "An access token of the family"));
        add("api_key", http(HttpAuthScheme::Bearer, "An API key of the caller"));
        add("bearer_auth", http(HttpAuthScheme::Bearer, "An access token of the caller"));
        let header = ApiKeyValue::with_description("Gram-Session", "The token of a session");
        add("session", SecurityScheme::ApiKey(ApiKey::Header(header)));
        let cookie = ApiKeyValue::with_description("gram_session", "The cookie of a session");
        add("session_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

fn http(scheme: HttpAuthScheme, description: &str) -> SecurityScheme {
    SecurityScheme::Http(HttpBuilder::new().scheme(scheme).description(Some(description)).build())
}
