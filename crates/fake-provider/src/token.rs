//! The token and revocation endpoints, and what access tokens open.

use std::collections::HashMap;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::answer::Plain;
use crate::books::{Books, Issued};
use crate::rules::Wire;

/// RFC 7523 §2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What a request brings.
pub(crate) struct Request {
    pub(crate) authorization: Option<String>,
    pub(crate) form: HashMap<String, String>,
    pub(crate) now: i64,
}

/// `/token`
pub(crate) fn token(books: &mut Books, request: &Request) -> Plain {
    let is_assertion = request.form.get("grant_type").is_some_and(|kind| kind == JWT_BEARER);
    if !is_assertion && !is_the_client(books, request) {
        return refuse(books, 401, "invalid_client", "unknown client or wrong secret");
    }
    let said = |name: &str| request.form.get(name).map_or("", String::as_str);
    let issued = match said("grant_type") {
        "authorization_code" => {
            books.count("exchange");
            exchange(books, request)
        }
        "refresh_token" => {
            books.count("refresh");
            books.refresh(said("refresh_token")).ok_or("unknown, spent or revoked refresh token")
        }
        "client_credentials" => {
            books.count("remint");
            Ok(books.grant("the app itself", said("scope"), false))
        }
        JWT_BEARER => {
            books.count("remint");
            let subject = subject_of(books, said("assertion"));
            subject.map(|subject| books.grant(&subject, said("scope"), false))
        }
        "password" => {
            books.count("login");
            let fits =
                said("password") == books.rules.client_secret && !said("username").is_empty();
            let account = said("username").to_owned();
            fits.then(|| books.grant(&account, said("scope"), true)).ok_or("wrong login")
        }
        _ => return refuse(books, 400, "unsupported_grant_type", "not one of ours"),
    };
    match issued {
        Ok(issued) => {
            let further = match said("grant_type") {
                "authorization_code" => further(books, &issued),
                _ => None,
            };
            tokens(books, &issued, further.as_ref(), request.now)
        }
        Err(reason) => refuse(books, 400, "invalid_grant", reason),
    }
}

/// For whom an assertion of the client's speaks (RFC 7523 §3). Its signature is not looked at.
fn subject_of(books: &Books, assertion: &str) -> Result<String, &'static str> {
    let claims = assertion.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = claims
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or("the assertion is no JWT")?;
    if claims["iss"] != books.rules.client_id.as_str() {
        return Err("the assertion is of another client");
    }
    claims["sub"].as_str().map(str::to_owned).ok_or("the assertion has no subject")
}

fn exchange(books: &mut Books, request: &Request) -> Result<Issued, &'static str> {
    let said = |name: &str| request.form.get(name).map_or("", String::as_str);
    let asked = books.spend_code(said("code")).ok_or("unknown or spent code")?;
    if asked.redirect_uri != said("redirect_uri") {
        return Err("another redirect URI");
    }
    if let Some(challenge) = &asked.challenge {
        let hash = digest::digest(&digest::SHA256, said("code_verifier").as_bytes());
        let is_plain = challenge == said("code_verifier");
        if URL_SAFE_NO_PAD.encode(hash) != *challenge && !is_plain {
            return Err("the verifier does not fit the challenge");
        }
    }
    Ok(books.grant(&asked.account, &asked.scope, true))
}

fn is_the_client(books: &Books, request: &Request) -> bool {
    let rules = &books.rules;
    let decoded = |half: &str| {
        form_urlencoded::parse(format!("x={half}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    if let Some(text) = request.authorization.as_ref().and_then(|text| text.strip_prefix("Basic "))
    {
        let pair = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        return pair.as_ref().and_then(|pair| pair.split_once(':')).is_some_and(|(id, secret)| {
            decoded(id) == rules.client_id && decoded(secret) == rules.client_secret
        });
    }
    request.form.get("client_id") == Some(&rules.client_id)
        && request.form.get("client_secret") == Some(&rules.client_secret)
}

fn refuse(books: &Books, status: u16, code: &str, text: &str) -> Plain {
    Plain::refusal(if books.rules.errors_are_200 { 200 } else { status }, code, text)
}

/// A second grant of the same user, where the rules want one.
fn further(books: &mut Books, first: &Issued) -> Option<(String, Issued)> {
    let member = books.rules.also.clone()?;
    Some((member, books.grant(&first.account, "chat", true)))
}

fn tokens(books: &Books, issued: &Issued, further: Option<&(String, Issued)>, now: i64) -> Plain {
    let rules = &books.rules;
    let mut reply = json!({
        "access_token": issued.access,
        "token_type": "Bearer",
        "scope": issued.scope,
        "account_id": issued.account,
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    if let Some((member, also)) = further {
        reply[member] = json!({
            "access_token": also.access, "refresh_token": also.refresh, "scope": also.scope,
            "expires_in": rules.lifetime,
        });
    }
    match (rules.wire, rules.lifetime) {
        (_, None) => {}
        (Wire::JsonEpoch, Some(seconds)) => reply["expires_at"] = json!(now + seconds),
        (Wire::Json | Wire::Form, Some(seconds)) => reply["expires_in"] = json!(seconds),
    }
    if rules.wire == Wire::Form {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in reply.as_object().into_iter().flatten() {
            form.append_pair(
                name,
                &value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            );
        }
        return Plain::form(form.finish());
    }
    Plain::json(200, &reply)
}

/// `/revoke` (RFC 7009)
pub(crate) fn revoke(books: &mut Books, request: &Request) -> Plain {
    if !is_the_client(books, request) {
        return refuse(books, 401, "invalid_client", "unknown client or wrong secret");
    }
    books.end(request.form.get("token").map_or("", String::as_str));
    Plain::empty(200)
}

/// `/userinfo` and `/api/…`
pub(crate) fn protected(books: &Books, request: &Request, path: &str) -> Plain {
    let bearer = request.authorization.as_ref().and_then(|text| text.strip_prefix("Bearer "));
    match bearer.and_then(|token| books.account_of(token)) {
        Some(account) => Plain::json(200, &about(account, path)),
        None => Plain::json(401, &json!({ "error": "invalid_token" })),
    }
}

fn about(account: &str, path: &str) -> Value {
    json!({
        "sub": account,
        "email": format!("{account}@fake.example"),
        "name": format!("Owner of {account}"),
        "path": path,
    })
}
