//! Reads what `cargo test` prints: counts, and keeps quiet about everything that went well.

/// Totals over all suites, and what is known of the one that runs.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    suite: String,
    /// What the running suite printed; `None` between suites.
    running: Option<Vec<String>>,
}

/// How many lines a suite that died may show; the last ones say why.
const LAST_WORDS: usize = 60;

impl Tally {
    /// Takes one line of output and answers with the lines worth showing.
    pub(crate) fn hear(&mut self, line: &str) -> Vec<String> {
        if let Some(suite) = suite_name(line) {
            let shown = self.end();
            self.suite = suite;
            return shown;
        }
        if is_start(line) {
            let shown = self.end();
            self.running = Some(Vec::new());
            return shown;
        }
        let Some(printed) = &mut self.running else {
            return Vec::new();
        };
        if let Some(result) = Outcome::parse(line) {
            let printed = std::mem::take(printed);
            self.running = None;
            return self.count(&result, &printed);
        }
        printed.push(line.to_owned());
        if line.contains("has been running for over") { vec![line.to_owned()] } else { Vec::new() }
    }

    fn count(&mut self, result: &Outcome, printed: &[String]) -> Vec<String> {
        self.passed += result.passed;
        // A test that did not run has not passed.
        self.failed += result.failed + result.ignored;
        let mut shown = Vec::new();
        if result.failed > 0 {
            let from = printed.iter().position(|line| line == "failures:").unwrap_or(0);
            shown.extend_from_slice(&printed[from..]);
        }
        if result.ignored > 0 {
            shown.push(format!("{}: {} ignored, counted as failed", self.suite, result.ignored));
        }
        if result.passed + result.failed + result.ignored > 0 {
            let (suite, Outcome { passed, failed, took, .. }) = (&self.suite, result);
            shown.push(format!("  {suite:<26} {passed:>5} passed {failed:>3} failed {took:>9}"));
        }
        shown
    }

    /// Ends the running suite. One that never told its result died: that is a failure, with its
    /// last words.
    pub(crate) fn end(&mut self) -> Vec<String> {
        let Some(printed) = self.running.take() else {
            return Vec::new();
        };
        self.failed += 1;
        let last = printed.len().saturating_sub(LAST_WORDS);
        let mut shown = printed[last..].to_vec();
        shown.push(format!("  {:<26} died before its result", self.suite));
        shown
    }

    /// Phases that failed without a test to blame.
    pub(crate) fn fail(&mut self, count: usize) {
        self.failed += count;
    }

    /// What another suite counted.
    pub(crate) fn add(&mut self, passed: usize, failed: usize) {
        self.passed += passed;
        self.failed += failed;
    }

    /// How many failed so far.
    pub(crate) fn failed(&self) -> usize {
        self.failed
    }

    /// Whether there is nothing to judge by.
    pub(crate) fn ran_nothing(&self) -> bool {
        self.passed + self.failed == 0
    }

    /// Whether something ran and nothing failed.
    pub(crate) fn is_good(&self) -> bool {
        self.passed > 0 && self.failed == 0
    }

    /// The closing line.
    pub(crate) fn line(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s`
struct Outcome {
    passed: usize,
    failed: usize,
    ignored: usize,
    took: String,
}

impl Outcome {
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word: &str| {
            counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok())
        };
        let took = counts.rsplit_once("finished in ").map_or("", |(_, took)| took);
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            ignored: count("ignored")?,
            took: took.to_owned(),
        })
    }
}

/// `Running tests/it/main.rs (target/debug/deps/it-0123456789abcdef)` is the suite `it`.
fn suite_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(package) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{package} (documentation)"));
    }
    let (_, program) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?;
    let file = program.rsplit('/').next()?;
    Some(file.rsplit_once('-').map_or(file, |(name, _)| name).to_owned())
}

/// `running 12 tests`
fn is_start(line: &str) -> bool {
    line.strip_prefix("running ")
        .and_then(|rest| rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test")))
        .is_some_and(|count| count.parse::<usize>().is_ok())
}

/// `12 passed, 0 failed`; one word with a colon may stand before it.
pub(crate) fn plain_line(line: &str) -> Option<(usize, usize)> {
    let line = line.trim();
    let counts = match line.split_once(": ") {
        Some((name, counts)) if !name.contains(' ') => counts,
        Some(_) => return None,
        None => line,
    };
    let (passed, failed) = counts.split_once(", ")?;
    let count = |part: &str, word: &str| part.strip_suffix(word)?.parse().ok();
    Some((count(passed, " passed")?, count(failed, " failed")?))
}

#[cfg(test)]
mod tests;
