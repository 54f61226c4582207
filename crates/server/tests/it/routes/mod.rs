//! Endpoints, named after their paths: answers and refusals exactly as the contracts have them.

mod introspect;
mod json_api_tokens;
mod json_tokens;
mod revoke;
mod token;
mod well_known;
