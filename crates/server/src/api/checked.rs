//! What a check answers: whose a credential is and how far it goes.

use std::borrow::Cow;

use keyhaven_protocol::budget::Budget as Balance;
use keyhaven_protocol::id::{GrantId, GroupId, Id, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::json::Object;
use serde::Serialize;
use utoipa::ToSchema;

use super::budgets::Budget;
use crate::app::App;
use crate::key_limits::Limit;
use crate::operations::check::{Credential, Principal};

/// What a live credential resolves to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "active": true, "kind": "access_token", "format": "jwt",
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef",
    "client_id": "kh_client_0AbCdEfGhIjKlMnOpQrStU", "subject": "kh_client_0AbCdEfGhIjKlMnOpQrStU",
    "organization": "019a2b3c-0000-7f60-8123-456789abcdef", "scopes": "accounts.read",
    "audience": "https://auth.example.com", "issued_at": 1_764_000_000, "expires_at": 1_764_000_600
}))]
pub(super) struct CheckedCredential<'a> {
    /// Always `true`; what is not alive is refused.
    active: bool,
    /// What it is: `access_token`, `session` or `key`.
    kind: &'static str,
    /// What it is made of: `jwt` or `opaque`.
    format: &'static str,
    /// Its id; the `jti` of a JWT.
    #[schema(value_type = String)]
    id: Id,
    /// The client it was issued to; a session has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    /// Whom it speaks for.
    subject: Cow<'a, str>,
    /// The user it speaks for; absent when a client speaks for itself, and where `subject` is the
    /// pairwise name by which a client knows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    user: Option<UserId>,
    /// The tenant it acts in; absent for the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    organization: Option<OrganizationId>,
    /// The project it acts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    project: Option<ProjectId>,
    /// The groups of the tenant that its user is in.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    groups: &'a [GroupId],
    /// What it opens, space-separated.
    scopes: &'a str,
    /// Where it is good; absent for a key, which is good at every API behind this server.
    #[serde(skip_serializing_if = "str::is_empty")]
    audience: &'a str,
    /// When it was issued, in seconds since 1970.
    issued_at: i64,
    /// When it ends, in seconds since 1970; absent for a key without an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    /// The grant it hangs on; absent when it stands on its client's own authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    grant: Option<GrantId>,
    /// The name of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    /// How far the rate limits of a key are used up, this use included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rate_limits: Vec<CheckedRateLimit<'a>>,
    /// The budgets of a key that count the needed cost, from the key upwards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    budgets: Vec<Budget>,
}

/// A rate limit of a checked key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckedRateLimit<'a> {
    /// Its name.
    #[schema(example = "burst")]
    name: &'a str,
    /// How many uses.
    limit: u64,
    /// In how many seconds.
    window: u64,
    /// How many are left.
    remaining: u64,
    /// Seconds until all are there again.
    resets_in: u64,
}

/// A credential that counts, and for a key how far it goes.
pub(super) struct Checked {
    pub(super) principal: Principal,
    pub(super) limits: Vec<Limit>,
    pub(super) budgets: Vec<Balance>,
}

impl<'a> CheckedCredential<'a> {
    pub(super) fn of(app: &'a App, checked: &'a Checked) -> Self {
        let (principal, now) = (&checked.principal, app.clock.now());
        let label = match &principal.credential {
            Credential::Key(known) => Some(known.key.label.as_str()),
            _ => None,
        };
        Self {
            active: true,
            kind: principal.kind(),
            format: principal.format(),
            id: principal.id(),
            client_id: principal.client.as_ref().map(|client| client.public_id.as_str()),
            subject: principal.subject(),
            user: principal.told_user(),
            organization: principal.organization(),
            project: principal.project(),
            groups: principal.groups(),
            scopes: principal.scopes().as_str(),
            audience: principal.audience(app),
            issued_at: principal.issued_at().0,
            expires_at: principal.expires_at().map(|at| at.0),
            grant: principal.grant(),
            label,
            rate_limits: checked.limits.iter().map(CheckedRateLimit::of).collect(),
            budgets: checked.budgets.iter().map(|budget| Budget::at(budget, now)).collect(),
        }
    }
}

impl CheckedCredential<'_> {
    /// What serialising it would give; checks are asked too often for that.
    pub(super) fn written(&self) -> Vec<u8> {
        let mut out = Object::new();
        out.raw("active", if self.active { b"true" } else { b"false" });
        out.text("kind", self.kind).text("format", self.format).id("id", self.id);
        out.maybe_text("client_id", self.client_id).text("subject", &self.subject);
        out.maybe_id("user", self.user.map(|user| user.0));
        out.maybe_id("organization", self.organization.map(|organization| organization.0));
        out.maybe_id("project", self.project.map(|project| project.0));
        some(&mut out, "groups", self.groups);
        out.text("scopes", self.scopes);
        out.maybe_text("audience", Some(self.audience).filter(|audience| !audience.is_empty()));
        out.number("issued_at", self.issued_at);
        if let Some(expires_at) = self.expires_at {
            out.number("expires_at", expires_at);
        }
        out.maybe_id("grant", self.grant.map(|grant| grant.0)).maybe_text("label", self.label);
        some(&mut out, "rate_limits", &self.rate_limits);
        some(&mut out, "budgets", &self.budgets);
        out.finish()
    }
}

/// Adds a list, unless it is empty.
fn some(out: &mut Object, name: &'static str, list: &[impl Serialize]) {
    if !list.is_empty()
        && let Ok(written) = serde_json::to_vec(list)
    {
        out.raw(name, &written);
    }
}

impl<'a> CheckedRateLimit<'a> {
    fn of(limit: &'a Limit) -> Self {
        Self {
            name: &limit.name,
            limit: limit.most,
            window: limit.window,
            remaining: limit.remaining,
            resets_in: limit.resets_in,
        }
    }
}

#[cfg(test)]
mod tests {
    use keyhaven_protocol::id::Id;

    use super::*;

    const ID: Id = Id::v7(1_700_000_000_000, [7; 10]);

    fn checked<'a>(groups: &'a [GroupId], is_whole: bool) -> CheckedCredential<'a> {
        let limit =
            || CheckedRateLimit { name: "burst", limit: 10, window: 1, remaining: 9, resets_in: 1 };
        CheckedCredential {
            active: true,
            kind: "key",
            format: "opaque",
            id: ID,
            client_id: is_whole.then_some("a client"),
            subject: "a \"subject\"".into(),
            user: is_whole.then_some(UserId(ID)),
            organization: is_whole.then_some(OrganizationId(ID)),
            project: is_whole.then_some(ProjectId(ID)),
            groups,
            scopes: "read write",
            audience: if is_whole { "https://api.test" } else { "" },
            issued_at: 1,
            expires_at: is_whole.then_some(2),
            grant: is_whole.then_some(GrantId(ID)),
            label: is_whole.then_some("a label"),
            rate_limits: is_whole.then(limit).into_iter().collect(),
            budgets: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_by_hand_is_what_serialising_gives() {
        for (groups, is_whole) in [(&[GroupId(ID)][..], true), (&[], false)] {
            let checked = checked(groups, is_whole);
            let by_hand = String::from_utf8(checked.written()).unwrap();
            assert_eq!(by_hand, serde_json::to_string(&checked).unwrap());
        }
    }
}
