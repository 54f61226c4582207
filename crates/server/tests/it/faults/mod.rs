//! Faults of the security bar (§5), each a file named after what goes wrong. Most run the real
//! binary as a child process on both engines; those that need a clock of their own open a node in
//! this process. What is missing on the machine fails; nothing passes by skipping.

mod chance;
mod cluster;
mod installation;
mod ledger;
mod node;
mod server;
mod stopwatch;
mod wire;

mod child;
mod clock_jumps;
mod clocks_apart;
mod disk_full;
mod growth;
mod handler_panic;
mod killed;
mod locked;
mod log_sink_blocked;
mod master_key;
mod out_of_descriptors;
mod postgres_lost;
mod slow_database;
mod slow_readiness;
mod terminated_under_load;
mod termination;
mod two_nodes;
mod unreadable;
