//! Names in the manner of each language.

/// `list_clients`, `signing-keys`, `X-Moov-Version`, `getOAuthUrl` in their words.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            before = '_';
            continue;
        }
        let begins = before == '_' || (letter.is_uppercase() && !before.is_uppercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter);
        }
        before = letter;
    }
    words
}

/// `listClients`; the capitals inside a word stay.
pub(super) fn camel(name: &str) -> String {
    let mut text = pascal(name);
    let capitals = text.chars().take_while(|letter| letter.is_uppercase()).count();
    let first = if capitals == text.len() { text.len() } else { 1.min(text.len()) };
    let lower = text[..first].to_lowercase();
    text.replace_range(..first, &lower);
    text
}

/// `ListClients`; the capitals inside a word stay.
pub(super) fn pascal(name: &str) -> String {
    words(name)
        .iter()
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(char::to_uppercase).into_iter().flatten();
            first.chain(letters).collect::<String>()
        })
        .collect()
}

/// `list_clients`
pub(super) fn snake(name: &str) -> String {
    words(name).join("_").to_lowercase()
}

/// `list-clients`
pub(super) fn kebab(name: &str) -> String {
    snake(name).replace('_', "-")
}

/// What the TypeScript runtime makes of a wire name.
pub(super) fn property(wire: &str) -> String {
    let mut text = String::new();
    let mut gap = false;
    for letter in wire.chars() {
        match letter {
            '_' | '-' => gap = true,
            _ if gap => {
                text.extend(letter.to_uppercase());
                gap = false;
            }
            _ => text.push(letter),
        }
    }
    text
}

/// What the TypeScript runtime makes of one of its own names on the way out.
pub(super) fn wire_of(property: &str) -> String {
    let mut text = String::new();
    for letter in property.chars() {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// Initialisms that Go writes in capitals.
const INITIALISMS: &[&str] = &["id", "url", "uri", "api", "jwks", "ttl", "http", "json"];

/// An exported name of Go.
pub(super) fn go(name: &str) -> String {
    words(name)
        .iter()
        .map(|word| match word.to_lowercase().as_str() {
            "oauth2" => "OAuth2".to_owned(),
            "oauth" => "OAuth".to_owned(),
            lower if INITIALISMS.contains(&lower) => lower.to_uppercase(),
            _ => pascal(word),
        })
        .collect()
}

const KEYWORDS: &[&str] = &["type", "match", "ref", "use", "move", "where", "in", "for", "as"];

/// A field or function of Rust.
pub(super) fn rust(name: &str) -> String {
    match snake(name) {
        own if own == "self" => "own".to_owned(),
        word if KEYWORDS.contains(&word.as_str()) => format!("r#{word}"),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_each_languages_manner() {
        assert_eq!(camel("list_clients"), "listClients");
        assert_eq!(camel("getOAuthAuthorizationUrl"), "getOAuthAuthorizationUrl");
        assert_eq!(camel("X-Moov-Version"), "xMoovVersion");
        assert_eq!(camel("signing-keys"), "signingKeys");
        assert_eq!(pascal("Listing_Client"), "ListingClient");
        assert_eq!(snake("fetchTokenGroups"), "fetch_token_groups");
        assert_eq!(snake("getOAuthAuthorizationUrl"), "get_oauth_authorization_url");
        assert_eq!(snake("connectorOAuth"), "connector_oauth");
        assert_eq!(go("client_id"), "ClientID");
        assert_eq!(go("oauth2"), "OAuth2");
        assert_eq!(rust("type"), "r#type");
    }

    #[test]
    fn a_name_that_no_rule_gives_back_is_told_apart() {
        assert_eq!(wire_of(&property("grant_type")), "grant_type");
        assert_ne!(wire_of(&property("authorizationUrl")), "authorizationUrl");
        assert_ne!(wire_of(&property("sha_256")), "sha_256");
    }
}
