//! A refusal as the command line meets it: problem details of `/v1` or an OAuth error.

use std::fmt;

use serde_json::{Value, json};

/// What the other side said no with.
#[derive(Debug)]
pub(super) struct Refused {
    /// The answer's status.
    pub(super) status: u16,
    /// The answer's document.
    pub(super) document: Value,
}

impl Refused {
    /// Reads the answer. One that is no JSON, from a proxy in between, is told by its status alone.
    pub(super) fn read(status: u16, bytes: &[u8]) -> Self {
        let document = serde_json::from_slice(bytes).ok().filter(Value::is_object);
        let document = document.unwrap_or_else(|| {
            json!({ "title": format!("the answer was {status}, without a reason"), "status": status })
        });
        Self { status, document }
    }

    /// The public code to explain it by.
    pub(super) fn code(&self) -> Option<&str> {
        self.document["code"].as_str()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.document[name].as_str()
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.document["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let sentences = if faults.is_empty() {
            ["detail", "error_description", "title", "error"]
        } else {
            ["title", "detail", "error_description", "error"]
        };
        let sentence = sentences.into_iter().find_map(|name| self.text(name));
        f.write_str(sentence.unwrap_or("refused"))?;
        for fault in faults {
            let place = fault["pointer"].as_str().or_else(|| fault["parameter"].as_str());
            let place = place.unwrap_or_default().trim_start_matches('/');
            write!(f, "\n  {place}: {}", fault["detail"].as_str().unwrap_or_default())?;
        }
        // The public text of these is vague on purpose; elsewhere it has said everything.
        match self.code().filter(|_| matches!(self.status, 401 | 403 | 429)) {
            Some(code) => write!(f, "\n  why exactly: keyhaven explain {code}"),
            None => Ok(()),
        }
    }
}
