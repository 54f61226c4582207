//! The consent page, whose user says what the rules say.

use std::collections::HashMap;

use url::Url;

use crate::answer::Plain;
use crate::books::{Asked, Books};
use crate::rules::Consent;

/// `/authorize`
pub(crate) fn authorize(books: &mut Books, query: &str, issuer: &str) -> Plain {
    let params: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if params.get("client_id") != Some(&books.rules.client_id) {
        return Plain::page(400, "<h1>Unknown client</h1>");
    }
    let Some(back) = params.get("redirect_uri").and_then(|uri| Url::parse(uri).ok()) else {
        return Plain::page(400, "<h1>No redirect URI</h1>");
    };
    match (books.rules.consent, params.get("decision").map(String::as_str)) {
        (Consent::Approve, _) | (Consent::Ask, Some("approve")) => {
            approve(books, &params, back, issuer)
        }
        (Consent::Deny, _) | (Consent::Ask, Some(_)) => deny(books, &params, back, issuer),
        (Consent::Ask, None) => ask(books, &params, query),
    }
}

fn approve(
    books: &mut Books,
    params: &HashMap<String, String>,
    mut back: Url,
    issuer: &str,
) -> Plain {
    let said = |name: &str| params.get(name).cloned();
    let code = books.issue_code(Asked {
        account: said("account").unwrap_or_else(|| books.account.clone()),
        redirect_uri: said("redirect_uri").unwrap_or_default(),
        scope: books.rules.granted.clone().or_else(|| said("scope")).unwrap_or_default(),
        challenge: said("code_challenge"),
    });
    back.query_pairs_mut().append_pair("code", &code);
    end(books, params, back, issuer)
}

fn deny(books: &Books, params: &HashMap<String, String>, mut back: Url, issuer: &str) -> Plain {
    back.query_pairs_mut().append_pair("error", "access_denied");
    end(books, params, back, issuer)
}

fn end(books: &Books, params: &HashMap<String, String>, mut back: Url, issuer: &str) -> Plain {
    let name = &books.rules.state;
    if let Some(state) = params.get(name) {
        back.query_pairs_mut().append_pair(name, state);
    }
    back.query_pairs_mut().append_pair("iss", issuer);
    Plain::redirect(back.into())
}

/// Two links and a choice of account; works without JavaScript.
fn ask(books: &Books, params: &HashMap<String, String>, query: &str) -> Plain {
    let query = escaped(query);
    let scope = escaped(params.get("scope").map_or("nothing in particular", String::as_str));
    let account = escaped(&books.account);
    Plain::page(
        200,
        &format!(
            "<h1>Fake provider</h1><p>Signed in as <b>{account}</b>. \
             The app asks for: <b>{scope}</b>.</p>\
             <p><a id=\"approve\" href=\"/authorize?{query}&amp;decision=approve\">Allow</a> \
             <a id=\"deny\" href=\"/authorize?{query}&amp;decision=deny\">Deny</a></p>"
        ),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
