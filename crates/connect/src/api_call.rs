//! A call to a provider's API on somebody's behalf: which URL below the API's base a path means.
//!
//! Whoever calls chooses the path; the token is another's. So the path must not mean anything outside
//! the base to anybody on the way: neither to us, nor to a gateway that decodes it once more, nor to a
//! server that reads `\`, `;` or a wide full stop as something else (CWE-22, CWE-918).

mod percent;

use http::Method;
use percent::{Stray, decoded};
use url::Url;

/// Why a call is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfBounds {
    /// A percent sign without two hexadecimal digits, bytes that are no UTF-8, or a control character.
    Malformed,
    /// The path leads out of the base, or would if it were read in another way.
    Outside,
}

/// The URL below `base` that `path` (with its first slash) and `query` mean, as they were sent. An empty
/// path is the base itself.
pub fn below(base: &Url, path: &str, query: Option<&str>) -> Result<Url, OutOfBounds> {
    let mut url = base.clone();
    if !path.is_empty() {
        vet(path)?;
        let root = base.path().trim_end_matches('/');
        url.set_path(&format!("{root}{path}"));
        // What the parser made of it is what goes on the wire: it must be below the root.
        if !url.path().strip_prefix(root).is_some_and(|rest| rest.starts_with('/')) {
            return Err(OutOfBounds::Outside);
        }
    }
    if query.is_some_and(|query| query.contains(is_control)) {
        return Err(OutOfBounds::Malformed);
    }
    url.set_query(query);
    url.set_fragment(None);
    if url.origin() == base.origin() { Ok(url) } else { Err(OutOfBounds::Outside) }
}

/// Methods that make a server say the request back, token and all, or that open a tunnel.
#[must_use]
pub fn may_be_called(method: &Method) -> bool {
    let name = method.as_str();
    !["TRACE", "TRACK", "CONNECT"].iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// Judges every reading of the path: as it is, and decoded again and again until nothing changes.
fn vet(path: &str) -> Result<(), OutOfBounds> {
    if !path.starts_with('/') || path.contains(['?', '#', '\\']) {
        return Err(OutOfBounds::Outside);
    }
    let mut reading = decoded(path, Stray::Refused).ok_or(OutOfBounds::Malformed)?;
    judge(path)?;
    loop {
        judge(&reading)?;
        let next = decoded(&reading, Stray::Kept).ok_or(OutOfBounds::Malformed)?;
        if next == reading {
            return Ok(());
        }
        reading = next;
    }
}

fn judge(reading: &str) -> Result<(), OutOfBounds> {
    if reading.contains(is_control) {
        return Err(OutOfBounds::Malformed);
    }
    if leads_out(reading) { Err(OutOfBounds::Outside) } else { Ok(()) }
}

/// Whether some server might climb out on this text: a segment of dots alone, whatever stands for the
/// slash beside it or for a parameter behind it, or an empty first segment, which begins a host.
fn leads_out(path: &str) -> bool {
    let plain: String = path.chars().map(as_read).collect();
    let mut segments = plain.split('/').skip(1);
    let climbs = |segment: &str| {
        let name = segment.split(';').next().unwrap_or_default().trim();
        !name.is_empty() && name.chars().all(|c| c == '.')
    };
    plain.starts_with("//") || segments.any(climbs)
}

/// A backslash, and what compatibility decomposition (UAX #15) or a best-fit code page makes a dot or a
/// slash of.
const fn as_read(c: char) -> char {
    match c {
        '\u{FF0E}' | '\u{2024}' | '\u{2025}' | '\u{2026}' | '\u{FE52}' | '\u{3002}'
        | '\u{FF61}' => '.',
        '\\' | '\u{FF0F}' | '\u{2044}' | '\u{2215}' | '\u{29F8}' => '/',
        '\u{FF3C}' | '\u{FE68}' | '\u{2216}' | '\u{29F5}' => '/',
        other => other,
    }
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
