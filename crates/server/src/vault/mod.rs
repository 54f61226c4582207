//! What one node keeps in memory for connections: its name, its client for other people's servers,
//! the refreshes under way, the state of each provider's host, and token reads on their way to the
//! audit. Nothing here is a fact; losing it loses nothing.

pub mod arrived;
pub mod flights;
pub mod hosts;
pub mod numbers;
pub mod provider_of;
pub mod reads;
pub mod return_origins;
pub mod upstream;

use keyhaven_connect::send::Client;
use keyhaven_protocol::id::Id;

use flights::Flights;
use hosts::Hosts;
use numbers::Numbers;
use provider_of::Definitions;
use reads::Reads;

/// The memory of one node.
pub struct Vault {
    /// By what leases and timelines know this node.
    pub node: Id,
    /// The client for URLs that others chose.
    pub client: Client,
    /// Refreshes under way.
    pub flights: Flights,
    /// Providers' hosts.
    pub hosts: Hosts,
    /// Organizations' own providers, read.
    pub definitions: Definitions,
    /// Token reads on their way to the audit.
    pub reads: Reads,
    /// What operators watch.
    pub numbers: Numbers,
}

impl Vault {
    /// An empty memory.
    #[must_use]
    pub fn new(node: Id, client: Client) -> Self {
        Self {
            node,
            client,
            flights: Flights::default(),
            hosts: Hosts::default(),
            definitions: Definitions::default(),
            reads: Reads::default(),
            numbers: Numbers::default(),
        }
    }

    /// The node's name in timelines.
    #[must_use]
    pub fn node_name(&self) -> String {
        self.node.to_string()
    }
}
