//! A provider's reply as what is kept of it: tokens with their ends by our clock, what was granted and
//! what is missing, where the API is, when to look again.

use keyhaven_connect::provider::Provider;
use keyhaven_connect::response::{Lifetime, TokenReply, Tokens as Arrived};
use keyhaven_connect::talk;
use keyhaven_protocol::connection::Method;
use keyhaven_protocol::connection::state::Coverage;
use keyhaven_protocol::connection::timing::ends_at;
use keyhaven_protocol::id::ConnectionId;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::connections::{Held, NewSlot, Tokens};

use super::upstream::{Answer, Asking, Beside, pace};

/// Further tokens that a provider may give at once, and the longest name one may have there.
const MOST_SLOTS: usize = 16;
const LONGEST_NAME: usize = 200;

/// The further tokens of the reply to a new authorization, each to be kept and renewed on its own.
#[must_use]
pub fn slots(asking: &Asking<'_>, answer: &Answer, beside: &Beside) -> Vec<NewSlot> {
    let sound = |name: &str| name.len() <= LONGEST_NAME && !name.contains(char::is_control);
    let named = answer.reply.also.iter().filter(|(name, _)| sound(name)).take(MOST_SLOTS);
    named
        .map(|(name, arrived)| NewSlot {
            id: ConnectionId(asking.app.id()),
            name: name.clone(),
            tokens: kept(asking, answer, arrived, &[], None, beside.clone()),
        })
        .collect()
}

/// What of a reply is for the connection that asked: a further token's renewal may come in its own
/// place or in that of the first.
fn fitting<'a>(reply: &'a TokenReply, before: Option<&Held>) -> &'a Arrived {
    let slot = before.and_then(|held| held.connection.slot.as_ref());
    let own = slot.and_then(|slot| reply.also.iter().find(|(name, _)| *name == slot.name));
    own.map_or(&reply.main, |(_, tokens)| tokens)
}

/// The reply as tokens to keep. `asked` are the scopes asked for; `before` is the connection that
/// is renewed, whose lifetime holds where the reply says none.
#[must_use]
pub fn tokens(
    asking: &Asking<'_>,
    answer: &Answer,
    asked: &[String],
    before: Option<&Held>,
    beside: Beside,
) -> Tokens {
    let arrived = fitting(&answer.reply, before);
    let coverage = coverage(asking, &answer.reply, arrived, before);
    Tokens { coverage, ..kept(asking, answer, arrived, asked, before, beside) }
}

/// Whether the connector can do with what was granted. What a provider grants in parts is looked at
/// together; a further token's scopes are not the connector's.
fn coverage(
    asking: &Asking<'_>,
    reply: &TokenReply,
    arrived: &Arrived,
    before: Option<&Held>,
) -> Coverage {
    let known = before.map(|held| &held.connection);
    let Some(granted) = &arrived.scopes else { return Coverage::Whole };
    if known.is_some_and(|connection| connection.slot.is_some()) {
        return Coverage::Whole;
    }
    let beside = reply.also.iter().filter_map(|(_, tokens)| tokens.scopes.as_ref());
    let granted: Vec<&str> =
        std::iter::once(granted).chain(beside).flatten().map(String::as_str).collect();
    let before = known.map(|connection| connection.scopes.as_str());
    Coverage::of(&asking.kept.connector.required_scopes, before, &granted)
}

fn kept(
    asking: &Asking<'_>,
    answer: &Answer,
    arrived: &Arrived,
    asked: &[String],
    before: Option<&Held>,
    beside: Beside,
) -> Tokens {
    let provider = &**asking.provider;
    let lifetime = match arrived.lifetime {
        Lifetime::Ends(lifetime) => Some(lifetime),
        Lifetime::Never => None,
        Lifetime::Unsaid => before.and_then(|held| held.access_lifetime),
    };
    let end = lifetime.map(|lifetime| ends_at(answer.sent_at, lifetime));
    let pace = pace(provider, asking.kept.connector.method);
    let absolute = if before.is_none() { pace.absolute } else { None };
    let grant_ends_at = match arrived.refresh_lifetime {
        Lifetime::Ends(Seconds(life)) => Some(answer.sent_at.plus(Seconds(life))),
        Lifetime::Never | Lifetime::Unsaid => absolute.map(|life| answer.sent_at.plus(life)),
    };
    let granted = arrived.scopes.as_ref();
    let missing = granted.map(|granted| {
        let missing = asked.iter().filter(|scope| !granted.contains(scope));
        missing.map(String::as_str).collect::<Vec<_>>().join(" ")
    });
    let is_login = asking.kept.connector.method == Method::Password;
    let keeps_refresh = before.is_some() && (provider.refresh.keep || is_login);
    let dice = u64::from_be_bytes(asking.app.dice.bytes());
    Tokens {
        access: Some(arrived.access.clone()),
        refresh: arrived.refresh.clone().filter(|_| !keeps_refresh),
        access_ends_at: end,
        access_lifetime: lifetime,
        grant_ends_at,
        scopes: granted.map(|granted| granted.join(" ")),
        missing_scopes: missing,
        coverage: Coverage::Whole,
        scheme: scheme(provider),
        api_base: api_base(asking, answer),
        extra: Some(merged(beside, &answer.reply).text()),
        due_at: pace.due(end.zip(lifetime), answer.sent_at, dice),
    }
}

/// How the API wants its token: a scheme in `Authorization`; or the name of a header and a colon,
/// followed by the scheme that stands before the token there, where there is one.
#[must_use]
pub fn scheme(provider: &Provider) -> String {
    match (&provider.api.header, &provider.api.scheme) {
        (Some(header), Some(scheme)) => format!("{header}: {scheme}"),
        (Some(header), None) => format!("{header}:"),
        (None, _) => provider.api.scheme().to_owned(),
    }
}

fn merged(mut beside: Beside, reply: &TokenReply) -> Beside {
    beside.kept.extend(reply.extra.clone());
    beside.vars.extend(reply.captured.clone());
    beside
}

/// Where the API is. A base that the provider's own hosts do not cover is no base.
fn api_base(asking: &Asking<'_>, answer: &Answer) -> Option<String> {
    let registered = asking.registered(answer.secret.as_ref(), None);
    let base = talk::api_base(asking.provider, &registered, &answer.reply).ok()?;
    base.map(|url| url.to_string())
}
