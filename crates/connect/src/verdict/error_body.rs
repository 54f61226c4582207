//! The error in a reply's body, wherever the provider puts it.

use serde_json::Value;

use crate::provider::{ErrorRules, Pointer, Predicate};
use crate::response::Content;

/// What a body says about a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// The error's code.
    pub code: Option<String>,
    /// Everything it says in words, for matching.
    pub text: Option<String>,
    /// Whether the file's own sign of failure is there.
    is_marked: bool,
}

impl ErrorBody {
    /// Whether nothing in the body speaks of a failure.
    pub(super) const fn is_absent(&self) -> bool {
        self.code.is_none() && !self.is_marked
    }
}

/// Where codes and texts stand when the file does not say (RFC 6749 §5.2).
const USUAL_CODE: &str = "/error";
const USUAL_TEXTS: [&str; 4] =
    ["/error_description", "/error/message", "/message", "/error_message"];

pub(super) fn read(rules: &ErrorRules, content: &Content) -> ErrorBody {
    let Content::Document(document) = content else { return ErrorBody::default() };
    let listed = |list: &[Pointer]| list.iter().find_map(|at| text(document.pointer(at.as_str())?));
    let code = listed(&rules.code_at).or_else(|| text(document.pointer(USUAL_CODE)?));
    let words = listed(&rules.message_at)
        .or_else(|| USUAL_TEXTS.iter().find_map(|at| text(document.pointer(at)?)));
    // A predicate on the code's own field says when that is no error: Withings' status 0.
    let is_marked = rules.fail_if.iter().any(|rule| holds(rule, document));
    let is_success = !rules.fail_if.is_empty() && !is_marked;
    let code = if is_success && !has_usual_error(document) { None } else { code };
    let text = match (words, &code) {
        (Some(words), _) => Some(words),
        (None, Some(code)) => Some(code.clone()),
        (None, None) => None,
    };
    ErrorBody { code, text, is_marked }
}

fn has_usual_error(document: &Value) -> bool {
    document.pointer(USUAL_CODE).and_then(text).is_some()
}

/// A text or a number that is no sign of success.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn holds(rule: &Predicate, document: &Value) -> bool {
    let found = document.pointer(rule.at.as_str()).filter(|value| !value.is_null());
    let is = rule.is.as_ref().is_none_or(|wanted| found == Some(wanted));
    let not = rule.not.as_ref().is_none_or(|other| found.is_some_and(|value| value != other));
    let present = rule.present.is_none_or(|wanted| found.is_some() == wanted);
    is && not && present
}
