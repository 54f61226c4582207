//! What every HTTP answer shares.

pub mod error;
