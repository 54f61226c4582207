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

mod clock_jumps;
mod clocks_apart;
mod disk_full;
mod growth;
mod killed;
mod locked;
mod master_key;
mod postgres_lost;
mod slow_database;
mod terminated;
mod two_nodes;
mod unreadable;
