//! Every promise of the store, kept on every engine. A promise is one `async fn` taking a
//! [`harness::Place`]; `on_every_engine!` lists it once and runs it on SQLite and on PostgreSQL.
//! Forgetting to list one is an unused-function error.

#[cfg(test)]
#[macro_use]
mod harness;

#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod authorizing;
#[cfg(test)]
mod charges;
#[cfg(test)]
mod commits;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod connectors;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod factors;
#[cfg(test)]
mod families;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod hand_outs;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod keys_and_facts;
#[cfg(test)]
mod letters;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod postgres_faults;
#[cfg(test)]
mod purging;
#[cfg(test)]
mod queues;
#[cfg(test)]
mod rekeying;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod slots;
#[cfg(test)]
mod sqlite_faults;
mod statements;
#[cfg(test)]
mod upstreams;
#[cfg(test)]
mod values;
#[cfg(test)]
mod webhooks;
