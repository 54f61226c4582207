//! One exchange of the tour and what was checked of it.

use axum::http::Method;
use serde_json::{Value, json};

/// What was sent, what came back, and whether that is right.
pub(super) struct Exchange {
    /// The operation by the name its family gives it.
    pub(super) operation: &'static str,
    /// What it shows.
    pub(super) about: &'static str,
    pub(super) method: Method,
    /// The path as contracts write it.
    pub(super) template: &'static str,
    pub(super) status: u16,
    pub(super) media_type: Option<String>,
    /// Headers that say something, beside the media type.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) text: String,
    pub(super) millis: u64,
    checks: Vec<(String, bool)>,
}

/// What to send.
pub(super) struct Plan {
    pub(super) operation: &'static str,
    pub(super) about: &'static str,
    pub(super) method: Method,
    pub(super) template: &'static str,
    /// The path as sent.
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
}

impl Exchange {
    /// The answer to a plan, with nothing checked yet.
    pub(super) fn new(
        plan: &Plan,
        status: u16,
        media_type: Option<String>,
        headers: Vec<(&'static str, String)>,
        text: String,
        millis: u64,
    ) -> Self {
        let Plan { operation, about, template, .. } = *plan;
        let (method, checks) = (plan.method.clone(), Vec::new());
        Self {
            operation,
            about,
            method,
            template,
            status,
            media_type,
            headers,
            text,
            millis,
            checks,
        }
    }

    /// One of the headers that say something.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(sent, _)| *sent == name).map(|(_, value)| value.as_str())
    }

    /// The answer's document; null when it has none.
    pub(super) fn document(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Notes whether something is as the contract has it.
    pub(super) fn check(&mut self, what: impl Into<String>, holds: bool) {
        self.checks.push((what.into(), holds));
    }

    /// Checks status and media type.
    pub(super) fn expect(&mut self, status: u16, media_type: Option<&str>) {
        self.check(format!("status {status}"), self.status == status);
        if let Some(wanted) = media_type {
            self.check(wanted, self.media_type.as_deref() == Some(wanted));
        } else {
            self.check("no body", self.text.is_empty());
        }
    }

    pub(super) fn checks(&self) -> &[(String, bool)] {
        &self.checks
    }

    /// Whether all of it is right. An exchange nobody looked at is not.
    pub(super) fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|(_, holds)| *holds)
    }

    pub(super) fn to_value(&self) -> Value {
        let checks = self.checks.iter().map(|(what, holds)| json!({"what": what, "holds": holds}));
        json!({
            "operation": self.operation,
            "about": self.about,
            "method": self.method.as_str(),
            "path": self.template,
            "status": self.status,
            "millis": self.millis,
            "passed": self.passed(),
            "checks": checks.collect::<Vec<_>>(),
        })
    }
}
