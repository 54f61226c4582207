//! What a person chooses for a key before giving it: name, limit, period, end. The app's wishes are
//! what the form begins with; nothing but what the person sent counts.

use keyhaven_protocol::amount::Unit;
use keyhaven_protocol::hand_out::{HandOut, parse_label, parse_limit, parse_period};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::period::Period;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::time::Timestamp;

use super::super::consent::{Choice, Input};
use super::super::parts::Field;
use crate::app::App;

/// The fields of the form.
#[derive(Clone, Debug, Default)]
pub(super) struct Chosen {
    label: Field,
    limit: Field,
    period: Field,
    ends: Field,
    unit: String,
}

impl Chosen {
    /// What the app asks for.
    pub(super) fn asked(app: &App, asked: &HandOut) -> Self {
        let unit = &app.settings.hand_out.unit;
        let label = asked.label.clone().unwrap_or_else(|| asked.callback.host().to_owned());
        let period = if asked.period == Period::Lifetime { "" } else { asked.period.as_str() };
        Self {
            label: Field::of(label),
            limit: Field::of(asked.limit.map(|limit| unit.show(limit)).unwrap_or_default()),
            period: Field::of(period),
            ends: Field::of(asked.expires_at.map(day).unwrap_or_default()),
            unit: unit.as_str().to_owned(),
        }
    }

    /// What the person sent.
    pub(super) fn sent(form: &Params) -> Self {
        let field = |name| Field::of(form.get(name).unwrap_or_default().trim());
        Self {
            label: field("key_label"),
            limit: field("limit"),
            period: field("usage_limit_type"),
            ends: field("expires_at"),
            unit: String::new(),
        }
    }

    /// The request as the person changed it, or the fields with what is wrong with them.
    pub(super) fn read(mut self, app: &App, asked: &HandOut) -> Result<HandOut, Box<Self>> {
        let unit: &Unit = &app.settings.hand_out.unit;
        unit.as_str().clone_into(&mut self.unit);
        let now = app.clock.now();
        let label = taken(&mut self.label, parse_label);
        let limit = taken(&mut self.limit, |text| parse_limit(text, unit));
        let period = taken(&mut self.period, parse_period);
        let ends = taken(&mut self.ends, |text| end_of(text, asked.expires_at, now));
        let (Ok(label), Ok(limit), Ok(period), Ok(ends)) = (label, limit, period, ends) else {
            return Err(Box::new(self));
        };
        Ok(HandOut {
            label,
            limit,
            period: period.unwrap_or(Period::Lifetime),
            expires_at: ends,
            ..asked.clone()
        })
    }

    /// The fields as the page has them.
    pub(super) fn inputs(self) -> Vec<Input> {
        let money = "The most this key may spend. Leave it empty for no limit.";
        let input = |name, label, hint, kind, field, options| Input {
            name,
            label,
            hint,
            kind,
            field,
            options,
        };
        let label = if self.unit == "USD" { "Limit in US dollars" } else { "Limit" };
        vec![
            input(
                "key_label",
                "Name of the key",
                "So that you find it again in your account.",
                "text",
                self.label,
                Vec::new(),
            ),
            input("limit", label, money, "text", self.limit, Vec::new()),
            input("usage_limit_type", "The limit starts anew", "", "text", self.period, periods()),
            input(
                "expires_at",
                "Ends on",
                "Leave it empty for a key that stays until you delete it.",
                "date",
                self.ends,
                Vec::new(),
            ),
        ]
    }
}

fn periods() -> Vec<Choice> {
    let choice = |value: &str, label: &str| Choice { value: value.into(), label: label.into() };
    vec![
        choice("", "never"),
        choice("daily", "every day"),
        choice("weekly", "every week"),
        choice("monthly", "every month"),
    ]
}

/// An empty field is no wish; one that is wrong says why.
fn taken<T>(
    field: &mut Field,
    parse: impl FnOnce(&str) -> Result<T, Refusal>,
) -> Result<Option<T>, ()> {
    if field.value.is_empty() {
        return Ok(None);
    }
    parse(&field.value).map(Some).map_err(|refusal| {
        let told = refusal.reason.split_once(": ").map_or(&*refusal.reason, |(_, rule)| rule);
        field.error = Some(told.to_owned());
    })
}

/// The end of a day in UTC; the day the app asked for ends when the app asked.
fn end_of(text: &str, asked: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Refusal> {
    if let Some(asked) = asked.filter(|asked| day(*asked) == text) {
        return Ok(asked);
    }
    let date: Option<jiff::civil::Date> = text.parse().ok().filter(|_| text.len() == 10);
    let next = date.and_then(|date| date.tomorrow().ok());
    let end = next.and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let end = end.ok_or_else(|| Refusal::request("A day looks like 2027-12-31."))?;
    let end = Timestamp(end.timestamp().as_second());
    if end <= now {
        return Err(Refusal::request("This day lies in the past."));
    }
    Ok(end)
}

fn day(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_second(at.0).unwrap_or_default();
    instant.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
