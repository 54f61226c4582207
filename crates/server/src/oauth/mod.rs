//! The standard endpoints (RFC 6749, 7009, 7662, 8414). Where a request is JSON, the JSON family's
//! door answers at the same path.

pub mod authorize;
mod consent_page;
pub mod end_session;
pub mod introspect;
pub mod metadata;
pub mod pushed_authorization;
pub mod revoke;
pub mod token;
pub mod userinfo;
