//! The providers that ship with the server: one file each under `providers/`, found by its name.
//!
//! A file is read when somebody first asks for it, once per process. A test reads them all, so one
//! that does not parse never ships.

use std::sync::OnceLock;

use crate::provider::Provider;

/// One shipped file.
struct File {
    key: &'static str,
    text: &'static str,
    read: OnceLock<Option<Provider>>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The provider of that key.
pub fn find_provider(key: &str) -> Option<&'static Provider> {
    let at = FILES.binary_search_by(|file| file.key.cmp(key)).ok()?;
    FILES[at].read()
}

/// Every provider by its key, in order.
pub fn list_providers() -> impl Iterator<Item = &'static Provider> {
    FILES.iter().filter_map(File::read)
}

/// Every key, in order, without reading a file.
pub fn list_keys() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|file| file.key)
}

/// The file of that key, as written.
#[must_use]
pub fn find_text(key: &str) -> Option<&'static str> {
    let at = FILES.binary_search_by(|file| file.key.cmp(key)).ok()?;
    Some(FILES[at].text)
}

impl File {
    fn read(&'static self) -> Option<&'static Provider> {
        self.read.get_or_init(|| Provider::from_toml(self.text).ok()).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_sound_provider_named_like_its_file() {
        for file in &FILES {
            match Provider::from_toml(file.text) {
                Ok(provider) => assert_eq!(provider.key, file.key),
                Err(error) => panic!("{}: {error}", file.key),
            }
        }
    }

    #[test]
    fn at_least_one_hundred_and_fifty_providers_ship() {
        assert!(list_keys().count() >= 150);
    }

    #[test]
    fn a_provider_is_found_by_its_key_only() {
        assert_eq!(find_provider("google").map(|provider| provider.key.as_str()), Some("google"));
        assert!(find_provider("no_such_provider").is_none());
    }

    #[test]
    fn no_file_claims_a_test_that_is_not_a_day() {
        for provider in list_providers() {
            let tested = &provider.facts.tested;
            let is_day =
                tested.len() == 10 && tested.bytes().filter(|byte| *byte == b'-').count() == 2;
            assert!(tested.is_empty() || is_day, "{}", provider.key);
        }
    }
}
