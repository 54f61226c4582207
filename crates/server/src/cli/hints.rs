//! What to do about a refusal, by the rule that refused. A rule without an entry speaks for itself.

/// The way out, for whoever runs the instance.
pub(super) fn hint(reason: &str) -> Option<&'static str> {
    let hint = match reason {
        "unknown client" | "client_id is not one of ours" => {
            "Compare the client id with `keyhaven client list`. An id of another instance, or of a \
             client that was deleted, is unknown here."
        }
        "wrong client secret" => {
            "Send the secret that was shown at creation or at the last rotation; \
             `keyhaven client secret rotate ID` makes a new one."
        }
        "client secret was rotated out" => {
            "The caller still uses the secret before the rotation, and its overlap is over. Give it \
             the new one, and rotate with a longer --overlap next time."
        }
        "client is disabled" | "the client of the access token is disabled" => {
            "`keyhaven client update ID --enable` lets it act again."
        }
        "the client's organization is disabled" => {
            "`keyhaven org update ORG --enable` lets its clients act again."
        }
        "not the registered authentication method" => {
            "The client authenticates in another way than it was registered for: change the caller, \
             or `keyhaven client update ID --auth-method METHOD`."
        }
        "client has no registered keys" => {
            "Register its public keys: `keyhaven client update ID --jwks FILE`."
        }
        "metadata is of another issuer" => {
            "The issuer must be exactly what the provider's own metadata says, down to a final slash: \
             fetch ISSUER/.well-known/openid-configuration and compare."
        }
        "the provider cannot be reached" => {
            "Look at `how` above. A provider in your own network needs an entry in egress_allow; \
             everything else must be https on port 443 at a public address."
        }
        "nobody here is linked with this identity" => {
            "The person signs in as usual and links the provider in the account, or \
             `keyhaven upstream update ID --admits newcomers` lets it make accounts."
        }
        "an account has this address: it links the provider itself" => {
            "Accounts are never joined by address. Its owner signs in as usual and links the provider \
             in the account."
        }
        "the provider's organization has not claimed the domain" => {
            "`keyhaven domain claim --org ORG DOMAIN`, if the domain is that organization's."
        }
        "the provider is disabled" => {
            "`keyhaven upstream update ID --enable` lets people use it again."
        }
        "the passkey's counter did not grow: it may have been copied" => {
            "Two devices hold this passkey, or one was restored from a backup. Remove it with \
             `keyhaven factor remove USER ID` and let its owner register another."
        }
        "assertion was used before" => "Make a fresh assertion, with a new jti, for every request.",
        "assertion aud is another server" => {
            "The assertion's aud must be this server's issuer, and nothing else."
        }
        "assertion expired"
        | "assertion is not valid yet"
        | "assertion was issued in the future" => {
            "Compare the clocks of the caller and of this server."
        }
        "too many failed client authentications from this network" => {
            "Wait as long as Retry-After says. If the client is yours, correct its secret first: \
             every wrong one counts."
        }
        "a spent refresh token was used again" => {
            "Two parties hold this refresh token, or a client retried after its grace was over. The \
             family is revoked: begin a new one, and store the refresh token of every answer."
        }
        "refresh family is revoked" | "the grant of the access token was revoked" => {
            "It was revoked, with everything below. `keyhaven audit list` tells by whom; the client \
             begins anew."
        }
        "refresh family was idle too long" => {
            "The client did not refresh for longer than its refresh_idle_ttl: \
             `keyhaven client update ID --refresh-idle-ttl SPAN`."
        }
        "refresh family reached its absolute end" => {
            "The family is older than the client's refresh_absolute_ttl. The client begins anew."
        }
        "refresh token belongs to another client" => {
            "The refresh token was issued to another client than the one that authenticated."
        }
        "access token expired" | "token expired" => {
            "The bearer gets a new one; how long they live is the client's access_ttl."
        }
        "access token was revoked" | "everything issued to the client so far was revoked" => {
            "It was revoked: `keyhaven audit list` tells by whom. The client gets a new token."
        }
        "iss is not this issuer" => {
            "The token is of another issuer, or the issuer was changed since. `keyhaven config` shows \
             the present one."
        }
        "the token is for another audience" => {
            "The token's audience is its client's `audience`, or the issuer without one: \
             `keyhaven client update ID --audience URL`."
        }
        "the token lacks a scope" => {
            "Ask for the scope when getting the token; the client must be allowed to: \
             `keyhaven client update ID --scope …`."
        }
        "no bearer token in the request" => "Send `Authorization: Bearer TOKEN`.",
        "two client credentials in one request" => {
            "Authenticate once: by Basic or in the body, not both."
        }
        "not a credential of ours" | "not a refresh token of ours" | "unknown refresh token" => {
            "It was issued elsewhere, mistyped, cut off, or has been purged since it ended."
        }
        _ => return None,
    };
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_nobody_wrote_a_hint_for_has_none() {
        assert_eq!(hint("no such rule"), None);
    }

    /// The rules' words live with the rules; a hint whose rule was reworded would never show.
    #[test]
    fn hints_know_the_rules_by_their_present_words() {
        let rules = concat!(
            include_str!("../../../protocol/src/token.rs"),
            include_str!("../operations/check.rs"),
            include_str!("../operations/mod.rs"),
        );
        for reason in [
            "access token expired",
            "access token was revoked",
            "the grant of the access token was revoked",
            "the client of the access token is disabled",
            "everything issued to the client so far was revoked",
            "the token is for another audience",
            "the token lacks a scope",
            "not a credential of ours",
            "too many failed client authentications from this network",
            "assertion was used before",
            "unknown client",
        ] {
            assert!(rules.contains(&format!("\"{reason}\"")), "{reason} is no rule any more");
            assert!(hint(reason).is_some(), "{reason}");
        }
    }
}
