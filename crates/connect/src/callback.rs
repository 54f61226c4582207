//! What came back after consent (RFC 6749 §4.1.2, RFC 9207), read by the provider's rules.
//!
//! That the state is ours, unspent and belongs to this browser is decided elsewhere, before this.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use keyhaven_protocol::secret::Secret;
use subtle::ConstantTimeEq as _;

use crate::provider::{Provider, Values, Verify};
use crate::request::{App, hex};

/// A sound callback.
#[derive(Debug)]
pub enum Answer {
    /// Consent, and what came with it.
    Code {
        /// The code, ready to be exchanged.
        code: Secret,
        /// Variables the callback set; each fits its pattern.
        captured: BTreeMap<String, String>,
        /// The scopes granted, where the callback says them.
        scopes: Option<Vec<String>>,
    },
    /// No consent. The word is the provider's, for the log.
    Denied {
        /// Whether the user said no, rather than something going wrong.
        by_user: bool,
    },
}

/// Why a callback is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCallback(pub &'static str);

/// Texts that published clients send for "no error".
const NO_ERROR: [&str; 4] = ["", "null", "undefined", "None"];

/// Reads the parameters of a callback. `app` holds the variables the flow began with.
pub fn read(
    provider: &Provider,
    app: &App<'_>,
    params: &[(String, String)],
) -> Result<Answer, BadCallback> {
    let rules = &provider.callback;
    for name in [rules.code.as_str(), rules.state.as_str(), "error", "iss"] {
        if params.iter().filter(|(present, _)| present == name).count() > 1 {
            return Err(BadCallback("a parameter came twice"));
        }
    }
    check_issuer(provider, app, params)?;
    if let Some(error) = find(params, "error").filter(|error| !NO_ERROR.contains(error)) {
        let by_user = matches!(error, "access_denied" | "user_denied" | "consent_denied");
        return Ok(Answer::Denied { by_user });
    }
    if rules.verify == Some(Verify::HmacSortedQuery) {
        let secret = app.secret.ok_or(BadCallback("the app has no secret to verify with"))?;
        check_sorted_query(params, secret)?;
    }
    let code = find(params, &rules.code).filter(|code| !code.is_empty());
    let code = code.ok_or(BadCallback("neither a code nor an error"))?;
    Ok(Answer::Code {
        code: Secret::new(tidied(provider, code)),
        captured: captured(provider, params)?,
        scopes: find(params, "scope").map(words).filter(|scopes| !scopes.is_empty()),
    })
}

fn find<'a>(params: &'a [(String, String)], name: &str) -> Option<&'a str> {
    params.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
}

fn words(text: &str) -> Vec<String> {
    let is_gap = |c: char| c.is_whitespace() || c == ',';
    text.split(is_gap).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Mix-up defence: the issuer must be the one the flow began with, and be said at all where the
/// provider promises to (RFC 9207 §2.4).
fn check_issuer(
    provider: &Provider,
    app: &App<'_>,
    params: &[(String, String)],
) -> Result<(), BadCallback> {
    let Some(template) = &provider.callback.iss else { return Ok(()) };
    let known = [("client_id", app.client_id)];
    let values = Values { declared: &provider.vars, vars: app.vars, known: &known };
    let wanted = template.fill(&values).map_err(|_| BadCallback("the issuer is not known"))?;
    match find(params, "iss") {
        None => Err(BadCallback("the issuer is missing")),
        Some(said) if said == wanted => Ok(()),
        Some(_) => Err(BadCallback("the issuer is another")),
    }
}

/// The code as the token endpoint wants it.
fn tidied(provider: &Provider, code: &str) -> String {
    let rules = &provider.callback;
    let cut = rules.trim.as_deref().and_then(|end| code.strip_suffix(end)).unwrap_or(code);
    if rules.decode {
        // One pair without a name: decoding a form decodes it.
        let spelled = cut.replace('+', "%2B");
        return form_urlencoded::parse(format!("c={spelled}").as_bytes())
            .next()
            .map_or_else(String::new, |(_, value)| value.into_owned());
    }
    cut.to_owned()
}

/// Variables from the callback. A value that does not fit its pattern ends the flow: it would decide
/// where our secrets go.
fn captured(
    provider: &Provider,
    params: &[(String, String)],
) -> Result<BTreeMap<String, String>, BadCallback> {
    let mut captured = BTreeMap::new();
    for (param, var) in &provider.callback.capture {
        let Some(value) = find(params, param).filter(|value| !value.is_empty()) else { continue };
        if params.iter().filter(|(present, _)| present == param).count() > 1 {
            return Err(BadCallback("a parameter came twice"));
        }
        provider
            .vet_var(var, value)
            .map_err(|_| BadCallback("a captured parameter does not fit its pattern"))?;
        captured.insert(var.clone(), value.to_owned());
    }
    Ok(captured)
}

/// `hmac` over the other parameters, sorted, as `name=value` joined by `&`.
fn check_sorted_query(params: &[(String, String)], secret: &Secret) -> Result<(), BadCallback> {
    let given = find(params, "hmac").ok_or(BadCallback("the proof is missing"))?;
    let mut others: Vec<_> = params
        .iter()
        .filter(|(name, _)| name != "hmac" && name != "signature")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    others.sort();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let wanted = hex(hmac::sign(&key, others.join("&").as_bytes()).as_ref());
    if bool::from(wanted.as_bytes().ct_eq(given.to_ascii_lowercase().as_bytes())) {
        Ok(())
    } else {
        Err(BadCallback("the proof does not fit"))
    }
}

#[cfg(test)]
mod tests;
