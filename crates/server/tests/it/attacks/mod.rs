//! One file per abuse case of the security bar, named after it; the id is in its first line.

mod algorithm_confusion;
mod anonymous_introspection;
mod assertion_for_elsewhere;
mod assertion_replay;
mod forbidden_grant;
mod id_token_as_access_token;
mod json_tricks;
mod kid_flood;
mod loose_basic;
mod machine_as_user;
mod parameter_pollution;
mod path_confusion;
mod refresh_across_clients;
mod refresh_of_the_departed;
mod refresh_reuse;
mod refresh_scope_growth;
mod revocation_that_lied;
mod revoking_others_tokens;
mod secrets_in_logs;
mod sloppy_bearer;
mod token_endpoint_shapes;
mod two_credentials;
mod wrong_audience;
