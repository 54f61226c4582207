//! A command as words, so that no shell reads it: an array in the file, elsewhere a JSON array or
//! words between spaces. It does not run anything.

use super::Setting;

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: String,
    /// What it is given, as written.
    pub arguments: Vec<String>,
}

impl Setting for Words {
    const JOIN: fn(&[String]) -> String = json;

    fn parse(text: &str) -> Result<Self, String> {
        let words = if text.trim_start().starts_with('[') { of_json(text) } else { spaced(text) }?;
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or("expected a program and its arguments")?;
        Ok(Self { program, arguments: words.collect() })
    }
}

/// The words as the text that [`Words::parse`] reads back, whatever they contain.
fn json(words: &[String]) -> String {
    serde_json::json!(words).to_string()
}

fn of_json(text: &str) -> Result<Vec<String>, String> {
    serde_json::from_str(text).map_err(|_| "expected a JSON array of words".to_owned())
}

/// Quotes mean nothing here, and whoever writes them expects otherwise.
fn spaced(text: &str) -> Result<Vec<String>, String> {
    if text.contains(['"', '\'', '\\', '$', '`', '|', ';', '&', '<', '>']) {
        return Err(
            "no shell reads this: write a JSON array of words, such as [\"sh\", \"-c\", \"…\"]"
                .to_owned(),
        );
    }
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, String> {
        let Words { program, arguments } = Words::parse(text)?;
        Ok(std::iter::once(program).chain(arguments).collect())
    }

    #[test]
    fn words_stand_between_spaces_or_in_an_array() {
        let get = ["vault", "kv", "get", "-field=key", "secret/x,y"];
        assert_eq!(words("vault  kv get -field=key secret/x,y").unwrap(), get);
        assert_eq!(words(&json(&get.map(str::to_owned))).unwrap(), get);
        let shell = ["sh", "-c", "a \"b\" | c, d"];
        assert_eq!(words(&json(&shell.map(str::to_owned))).unwrap(), shell);
    }

    #[test]
    fn what_only_a_shell_understands_is_refused() {
        for text in ["sh -c 'a b'", "a | b", "cat $KEY", "a; b", "a \\ b"] {
            assert!(words(text).unwrap_err().starts_with("no shell reads this"), "{text}");
        }
        for text in ["[", "[1]", "[]", "[\"\"]", " "] {
            assert!(words(text).is_err(), "{text}");
        }
    }
}
