//! Where the next request's token comes from, and where the answer's goes.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::frame;
use crate::Outcome;
use crate::shuffle::jostled;

/// What is used moments after it was given is used nearly in the order of the giving: each token is this
/// many places off at most.
const NEAR: usize = 1_000;

/// The tokens of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Source {
    /// Every request is the same.
    Fixed,
    /// The file's lines again and again: what a warm cache sees.
    Cycle(PathBuf),
    /// Each line once; a slice ends early when they run out.
    Once(PathBuf),
    /// Each line once, of files that come with later orders.
    Supplied,
    /// Each line once, then whatever the answer put in its place under `field`.
    Rotate { file: PathBuf, field: String },
}

/// The state all connections of a loader share.
pub(super) struct Feed {
    kind: Kind,
    state: Mutex<State>,
    counted: AtomicU64,
}

enum Kind {
    Fixed,
    Cycle,
    Once,
    Rotate(String),
}

#[derive(Default)]
struct State {
    tokens: VecDeque<String>,
    cursor: usize,
    wanted: Option<Wanted>,
}

struct Wanted {
    field: String,
    left: usize,
    found: Vec<String>,
}

/// What to put in the next request.
pub(super) enum Next {
    Nothing,
    Token(String),
    /// The pool is empty or enough was collected.
    End,
}

impl Feed {
    pub(super) fn open(source: &Source) -> Outcome<Self> {
        let (kind, file) = match source {
            Source::Fixed => (Kind::Fixed, None),
            Source::Cycle(file) => (Kind::Cycle, Some(file)),
            Source::Once(file) => (Kind::Once, Some(file)),
            Source::Supplied => (Kind::Once, None),
            Source::Rotate { file, field } => (Kind::Rotate(field.clone()), Some(file)),
        };
        let tokens: VecDeque<String> = match file {
            Some(file) => fs::read_to_string(file)?.lines().map(str::to_owned).collect(),
            None => VecDeque::new(),
        };
        if file.is_some() && tokens.is_empty() {
            return Err("the pool of tokens is empty".into());
        }
        let state = Mutex::new(State { tokens, ..State::default() });
        Ok(Self { kind, state, counted: AtomicU64::new(0) })
    }

    /// A number that no other request of this loader has.
    pub(super) fn count(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn next(&self) -> Next {
        let mut state = self.state();
        if let Some(wanted) = &mut state.wanted {
            if wanted.left == 0 {
                return Next::End;
            }
            wanted.left -= 1;
        }
        match self.kind {
            Kind::Fixed => Next::Nothing,
            Kind::Cycle => {
                let at = state.cursor;
                state.cursor = (at + 1) % state.tokens.len();
                Next::Token(state.tokens[at].clone())
            }
            Kind::Once | Kind::Rotate(_) => state.tokens.pop_front().map_or(Next::End, Next::Token),
        }
    }

    /// Takes what the answer brought. An answer without the field it must carry is an error.
    pub(super) fn answered(&self, head: &str, body: &str) -> Outcome<()> {
        if let Kind::Rotate(field) = &self.kind {
            let token = found(head, body, field)?;
            self.state().tokens.push_back(token);
        }
        if let Some(wanted) = &mut self.state().wanted {
            wanted.found.push(found(head, body, &wanted.field)?);
        }
        Ok(())
    }

    /// From now on, the tokens are the file's lines, nearly in their order.
    pub(super) fn refill(&self, file: &Path) -> Outcome<usize> {
        let tokens = fs::read_to_string(file)?.lines().map(str::to_owned).collect();
        let tokens = VecDeque::from(jostled(tokens, NEAR));
        let count = tokens.len();
        self.state().tokens = tokens;
        Ok(count)
    }

    /// From now on, keeps `count` answers' `field` and then ends.
    pub(super) fn collect(&self, count: usize, field: String) {
        let found = Vec::with_capacity(count);
        self.state().wanted = Some(Wanted { field, left: count, found });
    }

    pub(super) fn write_collected(&self, file: &Path) -> Outcome<usize> {
        let Some(wanted) = self.state().wanted.take() else { return Ok(0) };
        let mut out = std::io::BufWriter::new(fs::File::create(file)?);
        for token in &wanted.found {
            writeln!(out, "{token}")?;
        }
        out.flush()?;
        Ok(wanted.found.len())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn found(head: &str, body: &str, field: &str) -> Outcome<String> {
    frame::field(body, field)
        .or_else(|| frame::parameter(head, field))
        .map(str::to_owned)
        .ok_or_else(|| format!("the answer has no {field}: {body}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(source: impl Fn(PathBuf) -> Source, lines: &str) -> Feed {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        fs::write(&file, lines).unwrap();
        Feed::open(&source(file)).unwrap()
    }

    fn taken(feed: &Feed) -> Option<String> {
        match feed.next() {
            Next::Token(token) => Some(token),
            Next::Nothing | Next::End => None,
        }
    }

    #[test]
    fn a_rotated_token_is_sent_once_and_its_successor_next() {
        let rotate = |file| Source::Rotate { file, field: "refresh_token".to_owned() };
        let feed = feed(rotate, "first\n");
        assert_eq!(taken(&feed).as_deref(), Some("first"));
        assert_eq!(taken(&feed), None);
        feed.answered("", r#"{"refresh_token":"second"}"#).unwrap();
        assert_eq!(taken(&feed).as_deref(), Some("second"));
    }

    #[test]
    fn an_answer_without_a_successor_is_an_error() {
        let rotate = |file| Source::Rotate { file, field: "refresh_token".to_owned() };
        let feed = feed(rotate, "first\n");
        assert!(feed.answered("", r#"{"error":"invalid_grant"}"#).is_err());
    }

    #[test]
    fn a_pool_used_once_ends_and_a_cycled_one_does_not() {
        let once = feed(Source::Once, "a\n");
        assert_eq!((taken(&once), taken(&once)), (Some("a".to_owned()), None));
        let cycled = feed(Source::Cycle, "a\n");
        assert_eq!((taken(&cycled), taken(&cycled)), (Some("a".to_owned()), Some("a".to_owned())));
    }

    #[test]
    fn a_pool_that_is_filled_again_has_nothing_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("more");
        fs::write(&file, "b\nc\n").unwrap();
        let once = feed(Source::Once, "a\n");
        assert_eq!(once.refill(&file).unwrap(), 2);
        let (one, two) = (taken(&once), taken(&once));
        assert!([one, two].contains(&Some("b".to_owned())));
        assert_eq!(taken(&once), None);
    }

    #[test]
    fn collecting_stops_at_its_count() {
        let feed = Feed::open(&Source::Fixed).unwrap();
        feed.collect(1, "access_token".to_owned());
        assert!(matches!(feed.next(), Next::Nothing));
        assert!(matches!(feed.next(), Next::End));
    }
}
