//! Whole journeys: a token's life, its lost answers, and several nodes at once.

mod a_tokens_life;
mod back_channel_logout;
mod client_settings;
mod connected_apps;
mod connection_states;
mod connections;
mod connectors;
mod hand_out;
mod key_backing;
mod key_rotation;
mod keys_on_two_nodes;
mod lost_answer;
mod machine_connections;
mod own_authority;
mod pages;
mod passkeys;
mod passwords;
mod same_refresh_token_at_once;
mod scheduler;
mod sessions;
mod sign_in_with_an_app;
mod storage_visits;
mod two_nodes;
mod upstream_sign_in;
mod webhooks;
