//! One file for each fault, named after it.

mod child;
mod handler_panic;
mod log_sink_blocked;
mod out_of_descriptors;
mod slow_readiness;
mod termination;
