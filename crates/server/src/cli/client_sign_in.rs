//! The flags of a client that signs people in.

use clap::Args;
use serde_json::{Map, Value, json};

use super::span::parse_span;

const ALGORITHMS: [&str; 4] = ["ES256", "EdDSA", "PS256", "RS256"];

/// Settings that can be removed, as flags name them.
pub(super) const CLEARABLE: [&str; 14] = [
    "post-logout-redirect-uris",
    "backchannel-logout-uri",
    "resources",
    "consent",
    "pushed-requests",
    "subject-type",
    "sector",
    "userinfo-alg",
    "request-object-alg",
    "default-max-age",
    "client-uri",
    "logo-uri",
    "policy-uri",
    "tos-uri",
];

/// How a client signs people in.
#[derive(Debug, Args)]
pub(super) struct SignIn {
    /// Where a browser may go after logging out: an exact URI. Repeat for several.
    #[arg(long, value_name = "URI")]
    post_logout_redirect_uri: Option<Vec<String>>,
    /// Where it is told that a session ended: https.
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// A resource it may ask for besides its audience: an absolute URI. Repeat for several.
    #[arg(long, value_name = "URI")]
    resource: Option<Vec<String>>,
    /// Whether people are asked before it gets anything.
    #[arg(long, value_parser = ["ask", "trusted"])]
    consent: Option<String>,
    /// Whether its requests must be pushed first.
    #[arg(long, value_parser = ["optional", "required"])]
    pushed_requests: Option<String>,
    /// Whether its access tokens must be bound to a key.
    #[arg(long, value_parser = ["optional", "required"])]
    dpop: Option<String>,
    /// Whom `sub` names: the same at every client, or a name of its own.
    #[arg(long, value_parser = ["public", "pairwise"])]
    subject_type: Option<String>,
    /// The host that pairwise names are shared under, where the redirect URIs have several.
    #[arg(long, value_name = "HOST")]
    sector: Option<String>,
    /// What signs its ID tokens.
    #[arg(long, value_name = "ALG", value_parser = ALGORITHMS)]
    id_token_alg: Option<String>,
    /// What signs its UserInfo; plain JSON without.
    #[arg(long, value_name = "ALG", value_parser = ALGORITHMS)]
    userinfo_alg: Option<String>,
    /// The one signature of its request objects, which are then required.
    #[arg(long, value_name = "ALG", value_parser = ALGORITHMS)]
    request_object_alg: Option<String>,
    /// How old a login may be when a request does not say.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    default_max_age: Option<i64>,
    /// Its home page: https.
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Its picture: https.
    #[arg(long, value_name = "URL")]
    logo_uri: Option<String>,
    /// What it does with what it learns: https.
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// Its terms: https.
    #[arg(long, value_name = "URL")]
    tos_uri: Option<String>,
}

impl SignIn {
    /// The whole `sign_in` member after these flags and removals; `None` when they change nothing of
    /// it. The interface replaces it whole, so what stood before is carried over.
    pub(super) fn member(&self, before: &Value, cleared: &[String]) -> Option<Value> {
        let flags = super::members::present(json!({
            "post_logout_redirect_uris": self.post_logout_redirect_uri,
            "backchannel_logout_uri": self.backchannel_logout_uri,
            "resources": self.resource,
            "consent": self.consent,
            "pushed_requests": self.pushed_requests,
            "dpop": self.dpop,
            "subject_type": self.subject_type,
            "sector": self.sector,
            "id_token_alg": self.id_token_alg,
            "userinfo_alg": self.userinfo_alg,
            "request_object_alg": self.request_object_alg,
            "default_max_age": self.default_max_age,
            "client_uri": self.client_uri,
            "logo_uri": self.logo_uri,
            "policy_uri": self.policy_uri,
            "tos_uri": self.tos_uri,
        }));
        let given = flags.as_object().cloned().unwrap_or_default();
        let mut cleared = cleared.iter().filter(|it| is_ours(it)).peekable();
        if given.is_empty() && cleared.peek().is_none() {
            return None;
        }
        let mut member: Map<String, Value> = before.as_object().cloned().unwrap_or_default();
        member.extend(given);
        for setting in cleared {
            member.remove(&setting.replace('-', "_"));
        }
        Some(Value::Object(member))
    }
}

/// Whether a setting that is removed is one of these.
pub(super) fn is_ours(setting: &str) -> bool {
    CLEARABLE.contains(&setting)
}
