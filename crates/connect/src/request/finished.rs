//! Templates with their variables filled in, and the judgement of what came of it.

use std::collections::BTreeMap;

use url::Url;

use super::{App, Misconfigured};
use crate::provider::{Provider, Template, Values, hosts};

/// The values of `app` for the templates of `provider`, each of which fits its pattern.
pub(super) fn values<'a>(
    provider: &'a Provider,
    app: &App<'a>,
    known: &'a [(&'a str, &'a str)],
) -> Result<Values<'a>, Misconfigured> {
    for (name, value) in app.vars {
        if provider.vars.contains_key(name) && provider.vet_var(name, value).is_err() {
            return Err(Misconfigured::new(format!("the value of `{name}` does not fit")));
        }
    }
    Ok(Values { declared: &provider.vars, vars: app.vars, known })
}

/// A URL that leads to one of the provider's own hosts.
pub(super) fn url(
    provider: &Provider,
    template: &Template,
    values: &Values<'_>,
) -> Result<Url, Misconfigured> {
    let text = template.fill_url(values).map_err(|name| Misconfigured::unsaid(&name))?;
    let url = Url::parse(&text).map_err(|_| Misconfigured::new("the finished URL is no URL"))?;
    let http_was_meant = url.scheme() == "http" && template.text().starts_with("http://");
    if url.scheme() != "https" && !http_was_meant {
        return Err(Misconfigured::new("the finished URL is not https"));
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.fragment().is_some() {
        return Err(Misconfigured::new("the finished URL holds more than host, path and query"));
    }
    if hosts::admits(&hosts::rules(provider, values), &url) {
        Ok(url)
    } else {
        Err(Misconfigured::new("the finished URL leads to a host that is not the provider's"))
    }
}

/// Parameters or headers; one whose variable is unsaid or empty is left out.
pub(super) fn said<'a>(
    templates: &'a BTreeMap<String, Template>,
    values: &'a Values<'a>,
) -> impl Iterator<Item = (&'a str, String)> {
    templates
        .iter()
        .filter_map(|(name, template)| Some((name.as_str(), template.fill(values).ok()?)))
        .filter(|(_, value)| !value.is_empty())
}

/// A URL, or a bare host, that a provider's reply gave.
pub(super) fn learnt(
    provider: &Provider,
    text: &str,
    values: &Values<'_>,
) -> Result<Url, Misconfigured> {
    let spelled = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let template = Template::parse(&spelled)
        .map_err(|_| Misconfigured::new("the provider's reply names no URL"))?;
    let http_is_the_providers = hosts::urls(provider).any(|one| one.text().starts_with("http://"));
    if spelled.starts_with("http://") && !http_is_the_providers {
        return Err(Misconfigured::new("the provider's reply names a URL that is not https"));
    }
    url(provider, &template, values)
}
