//! Faults of the security bar (§5), each a file named after what goes wrong. Most run the real
//! binary as a child process on both engines; those that need a clock of their own open a node in
//! this process. What is missing on the machine fails; nothing passes by skipping.

mod books;
mod chance;
mod charges_hindered;
mod charges_killed;
mod charging;
mod child;
mod clock_jumps;
mod clocks_apart;
mod cluster;
mod disk_full;
mod growth;
mod handler_panic;
mod installation;
mod keys_two_nodes;
mod killed;
mod late_mail;
mod ledger;
mod locked;
mod log_sink_blocked;
mod mail_down;
mod master_key;
mod node;
mod out_of_descriptors;
mod postgres_lost;
mod server;
mod slow_database;
mod slow_readiness;
mod stopwatch;
mod terminated_under_load;
mod termination;
mod two_nodes;
mod unreadable;
mod upstream_keys;
mod vault;
mod vault_clock;
mod vault_database;
mod vault_killed;
mod vault_rekey;
mod vault_secrets;
mod vault_two_servers;
mod vault_unreadable;
mod vault_upstream;
mod wire;
