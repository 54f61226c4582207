//! The standard endpoints (RFC 6749, 7009, 7662, 8414). Where a request is JSON, the JSON family's
//! door answers at the same path.

pub mod introspect;
pub mod metadata;
pub mod revoke;
pub mod token;
