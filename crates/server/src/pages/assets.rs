//! The stylesheet, the mark and the scripts. Their address carries a digest of them all, so that
//! a browser may keep them for a year and still never shows a page with another release's looks.

use std::fmt::Write as _;
use std::sync::LazyLock;

use aws_lc_rs::digest::{Context, SHA256};
use axum::extract::Path;
use axum::response::Response;

use crate::http::page;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

const ASSETS: &[Asset] = &[
    Asset {
        name: "style.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/style.css"),
    },
    Asset {
        name: "mark.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../assets/mark.svg"),
    },
    Asset {
        name: "waves.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../assets/waves.svg"),
    },
    Asset {
        name: "passkey.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/passkey.js"),
    },
    Asset {
        name: "fragment.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/fragment.js"),
    },
    Asset {
        name: "form_post.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/form_post.js"),
    },
];

static RELEASE: LazyLock<String> = LazyLock::new(|| {
    let mut context = Context::new(&SHA256);
    for asset in ASSETS {
        context.update(asset.bytes);
    }
    let mut release = String::new();
    for byte in &context.finish().as_ref()[..8] {
        // Writing into a text cannot fail.
        let _ = write!(release, "{byte:02x}");
    }
    release
});

/// The address of an asset, for templates.
#[must_use]
pub fn url(name: &str) -> String {
    format!("/assets/{}/{name}", *RELEASE)
}

/// `GET /assets/{release}/{name}`. Another release's address is not ours to answer: what is kept
/// under it for a year must be what it names.
pub async fn show_asset(Path((release, name)): Path<(String, String)>) -> Response {
    let found = ASSETS.iter().find(|asset| asset.name == name && release == *RELEASE);
    found.map_or_else(page::not_found, |asset| page::asset(asset.media_type, asset.bytes))
}
