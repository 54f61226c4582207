//! Lists in pages: `?limit=1..100&cursor=…` in, `{items, next}` out.
//!
//! A cursor is an id sealed for its list, its filters and its caller's reach, so one that was edited
//! or taken to another list is refused (A70). Unknown or repeated parameters are refused too: a
//! filter with a typing error must not list everything.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::id::Id;
use keyhaven_store::seal::Place;
use keyhaven_store::{Listed, Page, Reach};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use crate::app::{App, Shared};
use crate::http::error::ApiError;

const DEFAULT: u32 = 50;
const MOST: u32 = 100;
const COLUMN: &str = "page.cursor";

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "AcWyTTvXq0cJvW8kmZbIhKzqd3c0tB3Yq9mD")]
    pub next: Option<String>,
}

/// The parameters every list takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what Asked reads")]
pub(super) struct PageParams {
    /// How many items a page has at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What a list request asks for.
pub struct Asked {
    pairs: Vec<(String, String)>,
    reach: Reach,
}

impl FromRequestParts<Shared> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let reach = Administrator::from_request_parts(parts, app).await?.reach;
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self { pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(), reach })
    }
}

/// A list as its cursors know it: which one, under which filters, for which reach.
pub struct Scope(Vec<u8>);

impl Asked {
    /// The page of the list `name`, which takes `filters` beside limit and cursor.
    pub fn page(
        &self,
        app: &App,
        name: &str,
        filters: &[&'static str],
    ) -> Result<(Page, Scope), ApiError> {
        self.refuse_unknown(filters)?;
        let scope = self.scope(name, filters);
        let limit = match self.text("limit") {
            None => DEFAULT,
            Some(text) => parse_limit(text)
                .ok_or_else(|| ApiError::parameter("limit", "is a number from 1 to 100"))?,
        };
        let after = match self.text("cursor") {
            None => None,
            Some(text) => Some(
                open(app, &scope, text)
                    .ok_or_else(|| ApiError::parameter("cursor", "is not one of this list"))?,
            ),
        };
        Ok((Page { after, limit }, scope))
    }

    /// The value of a parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The id in a parameter.
    pub fn id<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| ApiError::parameter(name, "is not an id"))
    }

    fn refuse_unknown(&self, filters: &[&'static str]) -> Result<(), ApiError> {
        self.refuse_all_but(&[filters, &["limit", "cursor"]].concat())
    }

    /// Refuses parameters that are not these, and those given twice.
    pub fn refuse_all_but(&self, filters: &[&'static str]) -> Result<(), ApiError> {
        let known = |name: &str| filters.iter().find(|known| **known == name).copied();
        for (at, (name, _)) in self.pairs.iter().enumerate() {
            let Some(name) = known(name) else {
                return Err(ApiError::parameter(
                    "query",
                    "has a parameter this list does not know",
                ));
            };
            if self.pairs[..at].iter().any(|(before, _)| before == name) {
                return Err(ApiError::parameter(name, "may be given once"));
            }
        }
        Ok(())
    }

    fn scope(&self, name: &str, filters: &[&'static str]) -> Scope {
        let mut scope = name.as_bytes().to_vec();
        for filter in filters {
            scope.push(0);
            scope.extend_from_slice(self.text(filter).unwrap_or_default().as_bytes());
        }
        scope.push(0);
        if let Reach::Organization(own) = self.reach {
            scope.extend_from_slice(&own.0.0);
        }
        Scope(scope)
    }
}

impl<T> Listing<T> {
    /// The page as the wire has it.
    pub fn of<S>(
        app: &App,
        scope: &Scope,
        listed: Listed<S>,
        show: impl Fn(S) -> T,
    ) -> Result<Self, ApiError> {
        let next = listed.next.map(|id| seal(app, scope, id)).transpose()?;
        Ok(Self { items: listed.items.into_iter().map(show).collect(), next })
    }
}

/// The cursor that goes on behind `id`.
pub(super) fn seal(app: &App, scope: &Scope, id: Id) -> Result<String, ApiError> {
    let place = Place { column: COLUMN, row: &scope.0 };
    let sealed = app.store.sealer().seal(place, &id.0, app.dice.bytes())?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

fn open(app: &App, scope: &Scope, text: &str) -> Option<Id> {
    let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    let place = Place { column: COLUMN, row: &scope.0 };
    let plain = app.store.sealer().open(place, &sealed).ok()?;
    plain.as_slice().try_into().ok().map(Id)
}

/// Plain digits only: no sign, no space, no leading zero.
fn parse_limit(text: &str) -> Option<u32> {
    let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|limit| digits && (1..=MOST).contains(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a70_strange_limits_are_refused() {
        for text in ["0", "-1", "1000000000", "101", "+5", "05", "", " 5", "5.0", "x"] {
            assert_eq!(parse_limit(text), None, "{text:?}");
        }
        assert_eq!(parse_limit("1"), Some(1));
        assert_eq!(parse_limit("100"), Some(100));
    }
}
