//! Where a provider's secrets may go: the hosts that stand in its URLs, and those its file adds.

use url::Url;

use super::template::{Template, Values};
use super::{Locator, Provider};

/// A host that a finished URL may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostRule {
    /// This host.
    Exactly(String),
    /// Anything below, written with its leading dot.
    Below(String),
}

impl HostRule {
    /// `.example.com` or `example.com`; a port may follow.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        if text.starts_with('.') { Self::Below(text) } else { Self::Exactly(text) }
    }

    fn admits(&self, host: &str) -> bool {
        match self {
            Self::Exactly(one) => one == host,
            Self::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }
}

/// The host of a template that is a URL: what stands between `://` and the next slash.
fn host_text(url: &Template) -> Option<&str> {
    let (_, rest) = url.text().split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The rule that a URL's own text gives, if its host ends in something fixed.
pub(crate) fn rule_of(url: &Template) -> Option<HostRule> {
    let host = host_text(url)?;
    match host.rsplit_once('}') {
        None => Some(HostRule::parse(host)),
        // One fixed label would be a whole top-level domain.
        Some((_, end)) if end.starts_with('.') && end.matches('.').count() >= 2 => {
            Some(HostRule::parse(end))
        }
        Some(_) => None,
    }
}

/// Every URL of the file that a secret may be sent to.
pub(crate) fn urls(provider: &Provider) -> impl Iterator<Item = &Template> {
    let account = provider.account.as_ref();
    [
        provider.token.as_ref().map(|call| &call.url),
        provider.upgrade.as_ref().map(|call| &call.url),
        provider.prelude.as_ref().map(|prelude| &prelude.url),
        provider.refresh.url.as_ref(),
        provider.revoke.as_ref().map(|revoke| &revoke.url),
        account.and_then(|account| account.url.as_ref()),
    ]
    .into_iter()
    .flatten()
    .chain(provider.api.base.iter().filter_map(Locator::made))
}

/// Every rule of the file, with its variables filled in. A rule whose variable is unsaid admits
/// nothing.
pub(crate) fn rules(provider: &Provider, values: &Values<'_>) -> Vec<HostRule> {
    let written = provider.hosts.iter().filter_map(|host| host.fill(values).ok());
    urls(provider)
        .filter_map(rule_of)
        .chain(written.filter(|host| !host.is_empty()).map(|host| HostRule::parse(&host)))
        .collect()
}

/// Whether a finished URL leads where the file says, or would say.
pub(crate) fn admits(rules: &[HostRule], url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let with_port = url.port().map(|port| format!("{host}:{port}"));
    let host = with_port.as_deref().unwrap_or(host);
    rules.iter().any(|rule| rule.admits(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(rule: &str, url: &str) -> bool {
        admits(&[HostRule::parse(rule)], &Url::parse(url).expect(url))
    }

    #[test]
    fn a_suffix_begins_at_a_dot() {
        assert!(admitted(".zoho.com", "https://accounts.zoho.com/x"));
        assert!(!admitted(".zoho.com", "https://zoho.com/x"));
        assert!(!admitted(".zoho.com", "https://evilzoho.com/x"));
        assert!(!admitted(".zoho.com", "https://accounts.zoho.com.evil.example/x"));
        assert!(!admitted(".zoho.com", "https://evil.example/.zoho.com"));
        assert!(!admitted(".zoho.com", "https://accounts.zoho.com:8443/x"));
    }

    #[test]
    fn a_host_without_a_dot_before_it_is_that_host_alone() {
        assert!(admitted("api.x.example", "https://API.x.example/"));
        assert!(!admitted("api.x.example", "https://a.api.x.example/"));
        assert!(admitted("127.0.0.1:4000", "http://127.0.0.1:4000/"));
        assert!(!admitted("127.0.0.1:4000", "http://127.0.0.1:4001/"));
    }

    #[test]
    fn a_url_with_a_variable_gives_a_rule_only_if_two_labels_are_fixed() {
        let rule = |text| rule_of(&Template::parse(text).expect(text));
        assert_eq!(rule("https://a.example/x"), Some(HostRule::Exactly("a.example".into())));
        assert_eq!(
            rule("https://{shop}.myshopify.com/x"),
            Some(HostRule::Below(".myshopify.com".into()))
        );
        for open in ["https://{host}/x", "https://accounts.zoho.{dc}/x", "https://{a}.com/x"] {
            assert_eq!(rule(open), None, "{open}");
        }
    }
}
