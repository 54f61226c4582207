//! Consent: who asks, how sure we are, what it may do, where it goes, how long. What is asked for is
//! stored; the page carries only its handle. OAuth requests and keys handed out use the same page.

use askama::Template;
use keyhaven_protocol::consent::claim_of;
use keyhaven_protocol::scope::Scopes;

use super::parts::{App, Field, Form};
use super::sample::{LONGEST, Sample};

/// The consent page.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub struct Consent {
    /// Its form.
    pub form: Form,
    /// Where the decision goes.
    pub action: &'static str,
    /// The handle of the stored request.
    pub handle: String,
    /// Who asks.
    pub app: App,
    /// The question, as a heading.
    pub question: String,
    /// Who is signed in.
    pub account: String,
    /// What the app may do, a sentence's end each.
    pub may: Vec<String>,
    /// Where it goes, how long it lasts, for which organization.
    pub facts: Vec<Fact>,
    /// What the person may change before allowing.
    pub inputs: Vec<Input>,
}

/// Something to know before deciding.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// How it is.
    pub value: String,
}

/// Something to choose before deciding.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its parameter.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What to know when filling it in.
    pub hint: &'static str,
    /// The kind of field: `text`, `number` or `date`.
    pub kind: &'static str,
    /// What it holds.
    pub field: Field,
    /// The values to choose from; a free field when there are none.
    pub options: Vec<Choice>,
}

/// One value to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub label: String,
}

impl Choice {
    fn of(value: &str, label: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned() }
    }
}

/// What these scopes let an app do, a sentence's end each.
#[must_use]
pub fn may(scopes: &Scopes) -> Vec<String> {
    if scopes.is_empty() {
        return vec!["know that you signed in".to_owned()];
    }
    scopes
        .iter()
        .map(|word| match (word, claim_of(word)) {
            ("openid", _) => "know who you are".to_owned(),
            ("profile", _) => "see your name and the rest of your profile".to_owned(),
            ("email", _) => "see your e-mail address".to_owned(),
            ("phone", _) => "see your phone number".to_owned(),
            ("address", _) => "see your postal address".to_owned(),
            ("offline_access", _) => "stay connected while you are away".to_owned(),
            (_, Some(claim)) => format!("see your {}", claim.replace('_', " ")),
            (scope, None) => format!("use “{scope}” in your name"),
        })
        .collect()
}

impl Sample for Consent {
    const NAME: &'static str = "consent";

    fn sample() -> Self {
        let fact = |label, value: &str| Fact { label, value: value.to_owned() };
        Self {
            form: Form::sample(),
            action: "/consent",
            handle: "handle-of-a-sample".to_owned(),
            app: App::sample(),
            question: "Allow Northwind Notebook to use your account?".to_owned(),
            account: "ada@northwind.example".to_owned(),
            may: [
                "know who you are",
                "see your name and e-mail address",
                "stay connected while you are away",
            ]
            .map(str::to_owned)
            .to_vec(),
            facts: vec![
                fact("Organization", "Northwind Traders"),
                fact("Goes to", "https://notebook.northwind.example"),
                fact("Lasts", "30 days, or until you take it back"),
            ],
            inputs: Vec::new(),
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let unknown = Self { app: App::unknown_sample(), ..Self::sample() };
        let app = App { name: LONGEST.to_owned(), ..App::unknown_sample() };
        let long = Self { app, ..Self::sample() };
        vec![("unknown", unknown), ("key", Self::key_sample()), ("long", long)]
    }
}

impl Consent {
    /// A key handed to an app, with its limits.
    fn key_sample() -> Self {
        let input = |name, label, hint, kind, value: &str, options| {
            let field = Field::of(value);
            Input { name, label, hint, kind, field, options }
        };
        let periods = [
            ("daily", "every day"),
            ("weekly", "every week"),
            ("monthly", "every month"),
            ("", "never"),
        ];
        let periods = periods.map(|(value, label)| Choice::of(value, label)).to_vec();
        let money = "The most this key may spend. Leave it empty for no limit.";
        Self {
            app: App::unknown_sample(),
            question: "Give Northwind Notebook a key?".to_owned(),
            may: vec!["spend up to the limit you set below, in your name".to_owned()],
            inputs: vec![
                input(
                    "key_label",
                    "Name of the key",
                    "So that you find it again in your account.",
                    "text",
                    "Northwind Notebook",
                    Vec::new(),
                ),
                input("limit", "Limit in US dollars", money, "number", "10", Vec::new()),
                input("usage_limit_type", "The limit starts anew", "", "text", "monthly", periods),
                input(
                    "expires_at",
                    "Ends on",
                    "Leave it empty for a key that stays until you delete it.",
                    "date",
                    "",
                    Vec::new(),
                ),
            ],
            ..Self::sample()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_said_in_full() {
        let scopes = Scopes::parse("openid offline_access claim:phone_number read").unwrap();
        let expected = [
            "know who you are",
            "stay connected while you are away",
            "see your phone number",
            "use “read” in your name",
        ];
        assert_eq!(may(&scopes), expected);
        assert_eq!(may(&Scopes::default()), ["know that you signed in"]);
    }
}
