//! Other people's proxies in front of an API, with the configuration our documents show.

mod nginx;
