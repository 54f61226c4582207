//! A token reply: which tokens, for how long, for what.

use std::collections::BTreeMap;
use std::fmt;

use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use serde_json::Value;

use super::lifetime::{self, Lifetime, http_date};
use super::sniff::{Content, sniff};
use crate::provider::{Expires, ExpiresAs, Pointer, Provider, ReplyMap};
use crate::send::Reply;
use crate::verdict::{self, Verdict};

/// The tokens of one slot.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// What the API takes.
    pub access: Secret,
    /// What renews it; absent if the reply has none, which means that an old one stays.
    pub refresh: Option<Secret>,
    /// Who it is about (OpenID Connect Core §2).
    pub id_token: Option<Secret>,
    /// How long the access token lives.
    pub lifetime: Lifetime,
    /// How long the refresh token lives.
    pub refresh_lifetime: Lifetime,
    /// What was granted; absent if the reply does not say, which means what was asked for.
    pub scopes: Option<Vec<String>>,
}

/// Everything of a token reply that the provider's file names.
#[derive(Clone)]
pub struct TokenReply {
    /// The tokens.
    pub main: Tokens,
    /// What they are called, where the reply holds no main token but one of a slot.
    pub slot: Option<String>,
    /// Further tokens by name, each of which is renewed on its own.
    pub also: Vec<(String, Tokens)>,
    /// What is kept beside them.
    pub extra: BTreeMap<String, String>,
    /// Variables the reply sets; each fits its pattern.
    pub captured: BTreeMap<String, String>,
    /// What the provider calls the request, if it says.
    pub request: Option<String>,
    /// The reply itself, for the account and the API's base; dropped with this value.
    pub(crate) document: Value,
}

/// Shows which tokens there are, and none of them.
impl fmt::Debug for TokenReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenReply")
            .field("main", &self.main)
            .field("slots", &self.also.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Reads the reply to a token call at `now`, or says what its failure means.
pub fn read_tokens(
    provider: &Provider,
    reply: &Reply,
    now: Timestamp,
) -> Result<TokenReply, Verdict> {
    let content = sniff(&reply.body);
    let judged = verdict::judge(provider, reply, &content, now);
    let Content::Document(document) = content else {
        return Err(judged.unwrap_or_else(|| Verdict::no_token(reply)));
    };
    if let Some(verdict) = judged {
        return Err(verdict);
    }
    let present = reply.header("date").and_then(http_date).unwrap_or(now);
    let map = &provider.reply;
    let root = match &map.root {
        Some(root) => document.pointer(root.as_str()).unwrap_or(&Value::Null),
        None => &document,
    };
    let mut also = slots(map, &document, present);
    let (main, slot) = match tokens(map, root, present) {
        Some(main) => (main, None),
        None if also.is_empty() => return Err(Verdict::no_token(reply)),
        None => {
            let (name, tokens) = also.remove(0);
            (tokens, Some(name))
        }
    };
    let extra = named(&map.extra, &document);
    let mut captured = named(&map.capture, &document);
    captured.retain(|name, value| provider.vet_var(name, value).is_ok());
    let request = reply.request_id();
    Ok(TokenReply { main, slot, also, extra, captured, request, document })
}

fn slots(map: &ReplyMap, document: &Value, present: Timestamp) -> Vec<(String, Tokens)> {
    let mut found = Vec::new();
    for rule in &map.also {
        let Some(root) = document.pointer(rule.root.as_str()) else { continue };
        let one_or_list = root.as_array().map_or(std::slice::from_ref(root), Vec::as_slice);
        for object in one_or_list {
            let said = rule.slot_at.as_ref().and_then(|at| text_at(object, Some(at), ""));
            let name = said.or_else(|| rule.slot.clone());
            if let (Some(name), Some(tokens)) = (name, tokens(map, object, present)) {
                found.push((name, tokens));
            }
        }
    }
    found
}

fn tokens(map: &ReplyMap, object: &Value, present: Timestamp) -> Option<Tokens> {
    let secret = |at: &Option<Pointer>, otherwise| {
        text_at(object, at.as_ref(), otherwise).filter(|text| !text.is_empty()).map(Secret::new)
    };
    let access = secret(&map.access_token, "/access_token")?;
    let lifetime = match find(&map.expires, &["/expires_in"], object, &access, present) {
        Lifetime::Unsaid => map.default_ttl.map_or(Lifetime::Unsaid, |ttl| Lifetime::Ends(ttl.0)),
        said => said,
    };
    let usual = ["/refresh_token_expires_in", "/refresh_expires_in"];
    Some(Tokens {
        refresh: secret(&map.refresh_token, "/refresh_token"),
        id_token: secret(&map.id_token, "/id_token"),
        lifetime,
        refresh_lifetime: find(&map.refresh_expires, &usual, object, &access, present),
        scopes: scopes(object.pointer(map.scope.as_ref().map_or("/scope", Pointer::as_str))),
        access,
    })
}

/// By the file's rules, or where RFC 6749 and its usual extensions have it.
fn find(
    rules: &[Expires],
    usual: &[&str],
    object: &Value,
    token: &Secret,
    present: Timestamp,
) -> Lifetime {
    if !rules.is_empty() {
        return lifetime::find(rules, object, Some(token), present);
    }
    let usual: Vec<_> = usual
        .iter()
        .filter_map(|at| Pointer::parse(at).ok())
        .map(|at| Expires { at: Some(at), form: ExpiresAs::Seconds })
        .collect();
    lifetime::find(&usual, object, Some(token), present)
}

/// A list of texts, or words parted by spaces or commas.
fn scopes(value: Option<&Value>) -> Option<Vec<String>> {
    let list: Vec<String> = match value? {
        Value::String(text) => text
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    (!list.is_empty()).then_some(list)
}

fn named(pointers: &BTreeMap<String, Pointer>, document: &Value) -> BTreeMap<String, String> {
    pointers
        .iter()
        .filter_map(|(name, at)| Some((name.clone(), text_at(document, Some(at), "")?)))
        .collect()
}

/// A text or a number as text: ids are numbers at some services, and lose digits as doubles.
pub(super) fn text_at(object: &Value, at: Option<&Pointer>, otherwise: &str) -> Option<String> {
    match object.pointer(at.map_or(otherwise, Pointer::as_str))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
