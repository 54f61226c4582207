//! The page of providers that ship: what each is known by, and what is not known about it.

use std::fmt::Write as _;

use keyhaven_connect::catalogue::list_providers;
use keyhaven_connect::provider::{Behaviour, Grade, Provider, RefreshKind, VarSource};

const HEAD: &str = "\
<!-- Written by `cargo xtask generate` from crates/connect/providers/. Do not edit. -->

# Providers

What ships. `docs/providers.md` says how to add one and what the words mean.

- **URLs**: how many independent sources give them. `high` three, or two and a comparison; `med` at
  least one; `low` none, so compare with the vendor's page before you rely on it.
- **Renewal**: what a refresh does to the grant. `rotating` is also the guess where nobody says.
- **Asks**: the variables a connector has to set, as `--var name=value`; those in brackets may stay
  unset.
- **Not confirmed**: behaviour that no source confirms.
- **Tested**: the day of the last real consent, refresh and revocation.

| Key | Service | URLs | Renewal | Asks | Not confirmed | Tested |
|---|---|---|---|---|---|---|
";

/// The page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for provider in list_providers() {
        // Writing to memory does not fail.
        let _ = writeln!(page, "{}", row(provider));
    }
    page += "\n## Notes\n\n";
    for provider in list_providers().filter(|provider| !provider.facts.note.is_empty()) {
        let _ = writeln!(page, "- `{}`: {}", provider.key, cell(&provider.facts.note));
    }
    page
}

fn row(provider: &Provider) -> String {
    let facts = &provider.facts;
    let unconfirmed: Vec<_> = facts.unconfirmed.iter().map(|one| behaviour(*one)).collect();
    format!(
        "| `{}` | {} | {} | {} | {} | {} | {} |",
        provider.key,
        cell(&provider.name),
        grade(facts.urls),
        renewal(provider),
        asked(provider),
        unconfirmed.join(", "),
        if facts.tested.is_empty() { "never" } else { &facts.tested },
    )
}

/// What would break out of a table's cell or a list, made harmless.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*")
}

fn asked(provider: &Provider) -> String {
    let asked = provider.vars.iter().filter(|(_, var)| var.from == VarSource::Connector);
    let names: Vec<_> = asked
        .map(|(name, var)| match var.optional || var.default.is_some() {
            true => format!("[`{name}`]"),
            false => format!("`{name}`"),
        })
        .collect();
    names.join(", ")
}

const fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::High => "high",
        Grade::Med => "med",
        Grade::Low => "low",
        Grade::Own => "yours",
    }
}

const fn renewal(provider: &Provider) -> &'static str {
    match (provider.token.is_some(), provider.refresh.kind) {
        (false, _) | (_, RefreshKind::None) => "none",
        (_, RefreshKind::Static) => "static",
        (_, RefreshKind::Rotating) => "rotating",
        (_, RefreshKind::Exchange) => "exchange",
        (_, RefreshKind::Remint) => "remint",
    }
}

const fn behaviour(behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::ScopeSeparator => "scope separator",
        Behaviour::ClientAuth => "client authentication",
        Behaviour::Pkce => "PKCE",
        Behaviour::Refresh => "renewal",
        Behaviour::Account => "account id",
        Behaviour::Revoke => "revocation",
        Behaviour::Api => "API",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_has_a_row_of_seven_cells() {
        let page = page();
        let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), list_providers().count());
        for row in rows {
            let bars = row.replace("\\|", "").matches('|').count();
            assert_eq!(bars, 8, "{row}");
        }
    }
}
