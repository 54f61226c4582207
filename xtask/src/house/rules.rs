//! The rules themselves, one table.

/// One file, with what is a test in it told apart.
pub(crate) struct Source<'a> {
    path: &'a str,
    /// Numbered from one; comments and the test module of Rust files left in.
    lines: Vec<(usize, &'a str)>,
    /// The number of the first line of the trailing test module, or one past the end.
    tests_from: usize,
}

/// What may be said about a file, and where it is broken.
pub(crate) struct Rule {
    pub(crate) says: &'static str,
    pub(crate) applies: fn(path: &str) -> bool,
    pub(crate) broken: fn(&Source<'_>) -> Vec<usize>,
}

const LONGEST: usize = 500;

/// Every rule of the house that needs no understanding.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        says: "the file has no `//!` header that says what it is for",
        applies: is_rust,
        broken: |source| match source.lines.first() {
            Some((_, line)) if line.starts_with("//!") => Vec::new(),
            _ => vec![1],
        },
    },
    Rule {
        says: "more than 500 lines of code: split the file",
        applies: |path| is_code(path) && !is_test(path),
        broken: |source| source.code().skip(LONGEST).take(1).map(|(number, _)| number).collect(),
    },
    Rule {
        says: "a name that becomes a drawer: name the file after what is in it",
        applies: is_code,
        broken: |source| if is_drawer(source.path) { vec![1] } else { Vec::new() },
    },
    Rule {
        says: "SQL outside crates/store",
        applies: |path| is_product(path) && !path.starts_with("crates/store/"),
        broken: |source| source.code_where(|line| SQL.iter().any(|verb| has_words(line, verb))),
    },
    Rule {
        says: "an HTTP status outside crates/server/src/http",
        applies: |path| is_product(path) && !path.starts_with("crates/server/src/http/"),
        broken: |source| source.code_where(|line| has_words(line, "StatusCode")),
    },
    Rule {
        says: "a test that is not run proves nothing: fix or delete it",
        applies: is_rust,
        broken: |source| {
            source.lines_where(|line| {
                let line = line.trim_start();
                line.starts_with("#[ignore]") || line.starts_with("#[ignore =")
            })
        },
    },
    Rule {
        says: "unfinished work: finish it or leave it out",
        applies: |_| true,
        broken: |source| source.lines_where(|line| UNFINISHED.iter().any(|w| has_words(line, w))),
    },
    Rule {
        says: "a path of somebody's machine",
        applies: |_| true,
        broken: |source| source.lines_where(|line| MACHINES.iter().any(|p| has_path(line, p))),
    },
];

// Split, so that this file keeps its own rules.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!")];
const MACHINES: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];

const SQL: [&str; 7] = [
    "SELECT",
    "INSERT INTO",
    "DELETE FROM",
    "ON CONFLICT",
    "CREATE TABLE",
    "ALTER TABLE",
    "DROP TABLE",
];

impl<'a> Source<'a> {
    /// Reads `text` as the file at `path`.
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        let lines: Vec<_> = (1..).zip(text.lines()).collect();
        let tests_from = lines
            .iter()
            .find(|(_, line)| line.starts_with("#[cfg(test)]"))
            .map_or(lines.len() + 1, |(number, _)| *number);
        Self { path, lines, tests_from }
    }

    /// Lines that are neither blank, nor only a comment, nor in the test module at the end.
    fn code(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.lines.iter().copied().filter(|(number, line)| {
            let line = line.trim_start();
            let comment = ["//", "#!", "# ", "--", "* ", "/*"];
            *number < self.tests_from
                && !line.is_empty()
                && !comment.iter().any(|mark| line.starts_with(mark))
        })
    }

    fn code_where(&self, wrong: impl Fn(&str) -> bool) -> Vec<usize> {
        self.code().filter(|(_, line)| wrong(line)).map(|(number, _)| number).collect()
    }

    fn lines_where(&self, wrong: impl Fn(&str) -> bool) -> Vec<usize> {
        self.lines.iter().filter(|(_, line)| wrong(line)).map(|(number, _)| *number).collect()
    }
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn is_code(path: &str) -> bool {
    [".rs", ".ts", ".tsx", ".js", ".mjs", ".py", ".go"].iter().any(|end| path.ends_with(end))
}

/// The rooms of the product: their tests may look behind the curtain.
fn is_product(path: &str) -> bool {
    is_rust(path) && path.starts_with("crates/") && !is_test(path)
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn is_drawer(path: &str) -> bool {
    const DRAWERS: [&str; 10] = [
        "utils", "util", "helpers", "common", "misc", "manager", "service", "services", "core",
        "types",
    ];
    path.split('/').any(|part| DRAWERS.contains(&part.split('.').next().unwrap_or_default()))
}

/// Whether `words` stand in `line` with nothing of a name on either side.
fn has_words(line: &str, words: &str) -> bool {
    let part_of_name = |next: Option<char>| next.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(words).any(|(at, _)| {
        !part_of_name(line[..at].chars().next_back())
            && !part_of_name(line[at + words.len()..].chars().next())
    })
}

/// Whether an absolute path that begins with `path` stands in `line`; a URL's path is another thing.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '*' | '/'))
    })
}
