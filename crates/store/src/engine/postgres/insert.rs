//! The text of a one-row insert, and its form for many rows:
//! `INSERT INTO t (a, b) VALUES ($1, $2)` becomes
//! `INSERT INTO t (a, b) SELECT v.p1, v.p2 FROM unnest($1::bytea[], $2::text[]) AS v (p1, p2)`.

use std::fmt::Write as _;

use tokio_postgres::types::Type;

/// An `INSERT … VALUES` of exactly one row.
pub(super) struct Insert<'a> {
    /// Up to `VALUES`.
    head: &'a str,
    /// Between the parentheses.
    row: &'a str,
    /// What follows.
    tail: &'a str,
}

impl<'a> Insert<'a> {
    /// Reads the text; `None` when it is anything else.
    pub(super) fn parse(sql: &'a str) -> Option<Self> {
        let trimmed = sql.trim();
        let is_insert = trimmed.get(..7).is_some_and(|verb| verb.eq_ignore_ascii_case("insert "));
        let (head, values) = is_insert.then(|| trimmed.split_once("VALUES"))??;
        let open = values.find('(')?;
        let (mut depth, mut quoted) = (0_usize, false);
        let close = values.char_indices().find_map(|(at, c)| {
            quoted ^= c == '\'';
            match c {
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth = depth.checked_sub(1)?,
                _ => {}
            }
            (at >= open && depth == 0).then_some(at)
        })?;
        let tail = values[close + 1..].trim();
        let one_row = values[..open].trim().is_empty() && !tail.starts_with(',');
        one_row.then(|| Self { head, row: &values[open + 1..close], tail })
    }

    /// The form that takes one array per parameter. `None` when something follows the row, or a
    /// parameter has a type that does not travel in arrays here.
    pub(super) fn many(&self, parameters: &[Type]) -> Option<String> {
        let known = [Type::INT8, Type::TEXT, Type::BYTEA];
        if !self.tail.is_empty() || !parameters.iter().all(|wanted| known.contains(wanted)) {
            return None;
        }
        let arrays =
            list(parameters.len(), |text, at| write!(text, "${at}::{}[]", parameters[at - 1]));
        let names = list(parameters.len(), |text, at| write!(text, "p{at}"));
        let row = self.row.replace('$', "v.p");
        Some(format!("{}SELECT {row} FROM unnest({arrays}) AS v ({names})", self.head))
    }
}

fn list(count: usize, item: impl Fn(&mut String, usize) -> std::fmt::Result) -> String {
    let mut text = String::new();
    for at in 1..=count {
        if at > 1 {
            text.push_str(", ");
        }
        // Writing into a String cannot fail.
        let _ = item(&mut text, at);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_becomes_many() {
        let sql = "INSERT INTO t (a, b, c) VALUES ($1, lower($2), 0)";
        let many = Insert::parse(sql).and_then(|i| i.many(&[Type::BYTEA, Type::TEXT]));
        assert_eq!(
            many.as_deref(),
            Some(
                "INSERT INTO t (a, b, c) SELECT v.p1, lower(v.p2), 0 \
                 FROM unnest($1::bytea[], $2::text[]) AS v (p1, p2)"
            )
        );
    }

    #[test]
    fn only_an_insert_of_one_row_is_read() {
        for other in [
            "INSERT INTO t (a) VALUES ($1), ($2)",
            "INSERT INTO t (a) SELECT a FROM s WHERE b = $1",
            "UPDATE t SET a = $1",
            "INSERT INTO t (a) VALUES (",
            "",
        ] {
            assert!(Insert::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_follows_the_row_stays_with_single_rows() {
        let insert = Insert::parse("INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING");
        assert!(insert.is_some_and(|insert| insert.many(&[Type::INT8]).is_none()));
    }
}
