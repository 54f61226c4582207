//! HTTP: bodies in, answers and refusals out. The only room that knows status codes.

pub mod bearer;
pub mod body;
pub mod error;
pub mod refusal;
pub mod reply;
