//! What a provider file must be, beyond its shape: no URL that is not https, no placeholder that
//! nothing declares, no host that is anybody's.

use std::fmt;

use url::Url;

use super::hosts;
use super::template::{Locator, Template};
use super::{AccountSource, Call, ClientAuth, Kind, Provider, RefreshKind, VarSource};
use crate::egress::Egress;

/// Why a definition is refused, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadProvider(String);

impl BadProvider {
    pub(super) fn shape(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    fn rule(place: &str, rule: &str) -> Self {
        Self(format!("{place}: {rule}"))
    }
}

impl fmt::Display for BadProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadProvider {}

/// What a token call knows beside variables.
const AT_TOKEN: &[&str] =
    &["client_id", "client_secret", "state", "scope", "prelude", "username", "password"];
/// What a revocation knows.
const AT_REVOKE: &[&str] = &["client_id", "client_secret", "token", "access_token", "account_id"];
/// What an account or API call knows.
const AT_API: &[&str] = &["client_id", "access_token"];
/// What the consent URL knows.
const AT_AUTHORIZE: &[&str] = &["client_id"];

/// Judges `provider`, whose URLs may go where `egress` says.
pub(super) fn check(provider: &Provider, egress: &Egress) -> Result<(), BadProvider> {
    check_names(provider)?;
    check_parts(provider)?;
    check_vars(provider)?;
    check_placeholders(provider)?;
    check_urls(provider, egress)
}

fn check_names(provider: &Provider) -> Result<(), BadProvider> {
    let is_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let key = &provider.key;
    if key.is_empty() || key.len() > 64 || !key.bytes().all(is_key) {
        return Err(BadProvider::rule("key", "lower case letters, digits and _, at most 64"));
    }
    let name = &provider.name;
    if name.trim().is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        return Err(BadProvider::rule("name", "1 to 128 characters, none of them control"));
    }
    Ok(())
}

fn check_parts(provider: &Provider) -> Result<(), BadProvider> {
    let has_token = provider.token.is_some();
    match provider.kind {
        Kind::Oauth2 if !has_token => return Err(BadProvider::rule("token", "is missing")),
        Kind::ApiKey | Kind::Basic if has_token || provider.authorize.is_some() => {
            return Err(BadProvider::rule("kind", "holds no OAuth grant, so no token calls"));
        }
        Kind::Oauth2 | Kind::ApiKey | Kind::Basic => {}
    }
    if has_token && provider.authorize.is_none() && provider.grants.is_empty() {
        return Err(BadProvider::rule("authorize", "is missing, and no other grant is listed"));
    }
    if provider.refresh.kind == RefreshKind::Exchange && provider.refresh.token_param.is_none() {
        return Err(BadProvider::rule("refresh.token_param", "is missing for an exchange"));
    }
    let signed = |call: &Call| call.auth == ClientAuth::SignedSecret && call.assertion.is_none();
    if provider.token.as_ref().is_some_and(signed) {
        return Err(BadProvider::rule("token.assertion", "is missing for a signed secret"));
    }
    check_account(provider)
}

fn check_account(provider: &Provider) -> Result<(), BadProvider> {
    let Some(account) = &provider.account else { return Ok(()) };
    let calls = account.from == AccountSource::Call;
    if calls != account.url.is_some() {
        return Err(BadProvider::rule(
            "account.url",
            "goes with `from = \"call\"` and only with it",
        ));
    }
    let only_made = |list: &[Locator]| list.iter().all(|one| matches!(one, Locator::Made(_)));
    if account.from == AccountSource::Callback && !only_made(&account.id) {
        return Err(BadProvider::rule("account.id", "comes from variables of the callback"));
    }
    if !calls && account.id.is_empty() {
        return Err(BadProvider::rule("account.id", "is missing"));
    }
    Ok(())
}

fn check_vars(provider: &Provider) -> Result<(), BadProvider> {
    for (name, var) in &provider.vars {
        if AT_TOKEN.iter().chain(AT_REVOKE).any(|known| known == name) {
            return Err(BadProvider::rule(name, "is the name of something else"));
        }
        let unfit = |value: &Option<String>| {
            value.as_ref().is_some_and(|value| !var.pattern.matches(value))
        };
        if unfit(&var.default) || unfit(&var.example) {
            return Err(BadProvider::rule(name, "the default or example does not fit the pattern"));
        }
    }
    let set_by = |names: &mut dyn Iterator<Item = &String>, source: VarSource, place: &str| {
        for name in names {
            match provider.vars.get(name) {
                Some(var) if var.from == source => {}
                Some(_) => {
                    return Err(BadProvider::rule(place, "sets a variable of another source"));
                }
                None => return Err(BadProvider::rule(place, "sets a variable nothing declares")),
            }
        }
        Ok(())
    };
    set_by(&mut provider.callback.capture.values(), VarSource::Callback, "callback.capture")?;
    set_by(&mut provider.reply.capture.keys(), VarSource::Reply, "reply.capture")
}

/// Every template with its place and the names it may use beside variables.
fn templates(provider: &Provider) -> Vec<(&'static str, &Template, &'static [&'static str])> {
    let mut all: Vec<(&'static str, &Template, &'static [&'static str])> = Vec::new();
    let mut add = |place, template, known| all.push((place, template, known));
    if let Some(authorize) = &provider.authorize {
        add("authorize.url", &authorize.url, AT_AUTHORIZE);
        authorize.params.values().for_each(|one| add("authorize.params", one, AT_AUTHORIZE));
        authorize.scope.template.iter().for_each(|one| add("authorize.scope", one, AT_AUTHORIZE));
    }
    provider.callback.iss.iter().for_each(|one| add("callback.iss", one, AT_AUTHORIZE));
    for call in [&provider.token, &provider.upgrade].into_iter().flatten() {
        add("token.url", &call.url, AT_TOKEN);
        let others = call.params.values().chain(call.query.values()).chain(call.headers.values());
        others.for_each(|one| add("token", one, AT_TOKEN));
    }
    let refresh = &provider.refresh;
    refresh.url.iter().for_each(|one| add("refresh.url", one, AT_TOKEN));
    let params = refresh.params.iter().flat_map(|params| params.values());
    params.for_each(|one| add("refresh.params", one, AT_TOKEN));
    if let Some(prelude) = &provider.prelude {
        add("prelude.url", &prelude.url, AT_TOKEN);
        prelude.params.values().for_each(|one| add("prelude.params", one, AT_TOKEN));
    }
    for rules in provider.grants.values() {
        rules.params.values().for_each(|one| add("grants", one, AT_TOKEN));
    }
    if let Some(revoke) = &provider.revoke {
        add("revoke.url", &revoke.url, AT_REVOKE);
        let others = revoke.params.values().chain(revoke.headers.values());
        others.for_each(|one| add("revoke", one, AT_REVOKE));
    }
    if let Some(account) = &provider.account {
        account.url.iter().for_each(|one| add("account.url", one, AT_API));
        account.headers.values().for_each(|one| add("account.headers", one, AT_API));
        for locator in account.id.iter().chain(&account.tenant).chain(&account.label) {
            locator.made().into_iter().for_each(|one| add("account", one, AT_API));
        }
    }
    provider.api.headers.values().for_each(|one| add("api.headers", one, AT_API));
    provider.api.base.iter().filter_map(Locator::made).for_each(|one| add("api.base", one, AT_API));
    provider.hosts.iter().for_each(|one| add("hosts", one, &[]));
    all
}

fn check_placeholders(provider: &Provider) -> Result<(), BadProvider> {
    for (place, template, known) in templates(provider) {
        for name in template.names() {
            if !known.contains(&name) && !provider.vars.contains_key(name) {
                let rule = format!("nothing declares {{{name}}}");
                return Err(BadProvider::rule(place, &rule));
            }
        }
    }
    for host in &provider.hosts {
        // Otherwise whoever controls a callback decides where our secrets go.
        let learnt = |name| provider.vars.get(name).is_some_and(|v| v.from != VarSource::Connector);
        if host.names().any(learnt) {
            return Err(BadProvider::rule("hosts", "only the connector's own variables"));
        }
    }
    Ok(())
}

fn check_urls(provider: &Provider, egress: &Egress) -> Result<(), BadProvider> {
    let consent = provider.authorize.iter().map(|authorize| &authorize.url);
    for url in hosts::urls(provider).chain(consent.clone()) {
        check_url(provider, url, egress)?;
    }
    for url in hosts::urls(provider) {
        if hosts::rule_of(url).is_none() && provider.hosts.is_empty() {
            return Err(BadProvider::rule(
                url.text(),
                "its host is open: say in `hosts` where it may lead",
            ));
        }
    }
    Ok(())
}

/// A URL as it would be with a harmless word in every placeholder. One that begins with a variable
/// is judged when it is filled in.
fn check_url(provider: &Provider, url: &Template, egress: &Egress) -> Result<(), BadProvider> {
    if let Some(name) =
        url.names().next().filter(|name| url.text().starts_with(&format!("{{{name}}}")))
    {
        let learnt = provider.vars.get(name).is_some_and(|var| var.from != VarSource::Connector);
        let rule = "a URL may begin with a variable only if the provider itself says it";
        return if learnt { Ok(()) } else { Err(BadProvider::rule(url.text(), rule)) };
    }
    let text = url.names().fold(url.text().to_owned(), |text, name| {
        text.replace(&format!("{{{name}}}"), "a.example")
    });
    let mut parsed = Url::parse(&text).map_err(|_| BadProvider::rule(url.text(), "is no URL"))?;
    parsed.set_fragment(None);
    egress.vet_url(&parsed).map_err(|rule| BadProvider::rule(url.text(), rule))
}

#[cfg(test)]
mod tests;
