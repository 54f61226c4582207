//! The SQL of the client room.

use crate::engine::Statement;

macro_rules! select {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT c.organization, c.id, c.name, c.profile, c.auth_method, c.assertion_alg,
                    c.keys, c.grant_types, c.scopes, c.redirect_uris, c.audience, c.token_format,
                    c.token_alg, c.access_ttl, c.refresh_idle, c.refresh_absolute,
                    c.refresh_grace, c.not_before, c.created_at, c.disabled_at, c.revision,
                    o.id, o.disabled_at, r.post_logout_redirect_uris, r.backchannel_logout_uri,
                    r.client_uri, r.logo_uri, r.policy_uri, r.tos_uri, r.subject_type, r.sector,
                    r.id_token_alg, r.userinfo_alg, r.request_object_alg, r.pushed_requests,
                    r.dpop, r.consent, r.default_max_age, r.resources, c.keys_uri",
            $more,
            " FROM clients c LEFT JOIN organizations o ON o.id = c.organization
                             LEFT JOIN relying_parties r ON r.client = c.id ",
            $rest
        )
    };
}

pub(super) static FIND: Statement = Statement::new(
    "clients.find",
    select!(
        ", s.hash, s.expires_at",
        "LEFT JOIN client_secrets s ON s.client = c.id WHERE c.id = $1 ORDER BY s.id"
    ),
);

pub(super) static LIST_IN_ORGANIZATION: Statement = Statement::new(
    "clients.list_in_organization",
    select!("", "WHERE c.organization = $1 AND c.id > $2 ORDER BY c.id LIMIT $3"),
);

pub(super) static LIST: Statement =
    Statement::new("clients.list", select!("", "WHERE c.id > $1 ORDER BY c.id LIMIT $2"));

pub(super) static GROUPS_OF: Statement = Statement::new(
    "clients.groups_of",
    "SELECT group_id FROM client_groups WHERE client = $1 ORDER BY group_id",
);

pub(super) static GROUPS_BETWEEN: Statement = Statement::new(
    "clients.groups_between",
    "SELECT t.client, t.group_id FROM client_groups t JOIN groups g ON g.id = t.group_id
      WHERE g.organization = COALESCE($1, g.organization) AND t.client BETWEEN $2 AND $3
      ORDER BY t.client, t.group_id",
);

pub(super) static REGISTER: Statement = Statement::new(
    "clients.register",
    "INSERT INTO clients (organization, id, name, profile, auth_method, assertion_alg, keys,
                          grant_types, scopes, redirect_uris, audience, token_format, token_alg,
                          access_ttl, refresh_idle, refresh_absolute, refresh_grace, not_before,
                          created_at, disabled_at, keys_uri, revision)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20, $21, 1)",
);

pub(super) static UPDATE: Statement = Statement::new(
    "clients.update",
    "UPDATE clients
        SET name = $3, profile = $4, auth_method = $5, assertion_alg = $6, keys = $7,
            grant_types = $8, scopes = $9, redirect_uris = $10, audience = $11,
            token_format = $12, token_alg = $13, access_ttl = $14, refresh_idle = $15,
            refresh_absolute = $16, refresh_grace = $17, not_before = $18, created_at = $19,
            disabled_at = $20, keys_uri = $21, revision = revision + 1
      WHERE organization IS NOT DISTINCT FROM $1 AND id = $2 AND revision = $22",
);

pub(super) static REGISTER_PARTY: Statement = Statement::new(
    "clients.register_party",
    "INSERT INTO relying_parties (client, post_logout_redirect_uris, backchannel_logout_uri,
                                  client_uri, logo_uri, policy_uri, tos_uri, subject_type, sector,
                                  id_token_alg, userinfo_alg, request_object_alg, pushed_requests,
                                  dpop, consent, default_max_age, resources)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
     ON CONFLICT (client) DO UPDATE
        SET post_logout_redirect_uris = excluded.post_logout_redirect_uris,
            backchannel_logout_uri = excluded.backchannel_logout_uri,
            client_uri = excluded.client_uri, logo_uri = excluded.logo_uri,
            policy_uri = excluded.policy_uri, tos_uri = excluded.tos_uri,
            subject_type = excluded.subject_type, sector = excluded.sector,
            id_token_alg = excluded.id_token_alg, userinfo_alg = excluded.userinfo_alg,
            request_object_alg = excluded.request_object_alg,
            pushed_requests = excluded.pushed_requests, dpop = excluded.dpop,
            consent = excluded.consent, default_max_age = excluded.default_max_age,
            resources = excluded.resources",
);

pub(super) static DELETE_PARTY: Statement =
    Statement::new("clients.delete_party", "DELETE FROM relying_parties WHERE client = $1");

pub(super) static DELETE_CONSENTS: Statement =
    Statement::new("clients.delete_consents", "DELETE FROM consents WHERE client = $1");

pub(super) static REVOKE_ISSUED: Statement = Statement::new(
    "clients.revoke_issued",
    "UPDATE clients
        SET not_before = CASE WHEN not_before > $3 THEN not_before ELSE $3 END,
            revision = revision + 1
      WHERE organization IS NOT DISTINCT FROM $1 AND id = $2",
);

pub(super) static DELETE: Statement = Statement::new(
    "clients.delete",
    "DELETE FROM clients WHERE organization IS NOT DISTINCT FROM $1 AND id = $2",
);

pub(super) static DELETE_SECRETS: Statement =
    Statement::new("clients.delete_secrets", "DELETE FROM client_secrets WHERE client = $1");

pub(super) static LEAVE_GROUPS: Statement =
    Statement::new("clients.leave_groups", "DELETE FROM client_groups WHERE client = $1");

pub(super) static TIE_TO_GROUP: Statement = Statement::new(
    "clients.tie_to_group",
    "INSERT INTO client_groups (client, group_id)
     SELECT $2, id FROM groups WHERE organization = $1 AND id = $3
     ON CONFLICT DO NOTHING",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &FIND,
    &LIST_IN_ORGANIZATION,
    &LIST,
    &GROUPS_OF,
    &GROUPS_BETWEEN,
    &REGISTER,
    &UPDATE,
    &REGISTER_PARTY,
    &DELETE_PARTY,
    &DELETE_CONSENTS,
    &REVOKE_ISSUED,
    &DELETE,
    &DELETE_SECRETS,
    &LEAVE_GROUPS,
    &TIE_TO_GROUP,
];
