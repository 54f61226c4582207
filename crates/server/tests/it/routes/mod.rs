//! Endpoints, named after their paths: answers and refusals exactly as the contracts have them, and
//! the rules that hold on every route.

mod apps;
mod audit;
mod authentication;
mod check;
mod client_secrets;
mod clients;
mod connector_family;
mod discovery;
mod document;
mod forward_auth;
mod groups;
mod introspect;
mod json_api_tokens;
mod json_tokens;
mod keys;
mod master_key;
mod members;
mod once;
mod organizations;
mod pages;
mod projects;
mod refusals;
mod revoke;
mod sessions;
mod sign_ins;
mod signing_keys;
mod tenants;
mod token;
mod upstreams;
mod usage;
mod usage_refusals;
mod user_keys;
mod users;
mod well_known;
