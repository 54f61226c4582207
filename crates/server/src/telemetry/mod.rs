//! What the process says about itself: log lines and metrics. Neither ever carries a secret; what
//! must be complete (audit) is in the database, not here.

pub mod logs;
pub mod metrics;
pub mod per_route;

mod line;
mod route_counts;
mod sink;
