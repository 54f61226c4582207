//! The part of HTTP/1.1 that a fixed-length answer needs (RFC 9112 §4, §6.2).

use std::ops::Range;

use crate::Outcome;

/// A whole answer inside a buffer.
#[derive(Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) status: u16,
    pub(super) body: Range<usize>,
}

/// Finds the answer at the start of `bytes`; `None` while some of it is missing.
pub(super) fn parse(bytes: &[u8]) -> Outcome<Option<Frame>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end])?;
    let status = head.get(9..12).and_then(|digits| digits.parse().ok());
    let status = status.ok_or_else(|| format!("no status line: {head}"))?;
    let length = match length(head) {
        Some(length) => length,
        None if matches!(status, 204 | 304) => 0,
        None => return Err(format!("an answer without Content-Length: {head}").into()),
    };
    let body = end + 4..end + 4 + length;
    Ok((bytes.len() >= body.end).then_some(Frame { status, body }))
}

fn length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}

/// The string value of a JSON field, when it needs no unescaping; tokens never do.
pub(super) fn field<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = body;
    loop {
        let (_, after) = rest.split_once(name)?;
        if let Some(value) = after.strip_prefix('"')
            && let Some(value) = value.trim_start().strip_prefix(':')
            && let Some(value) = value.trim_start().strip_prefix('"')
        {
            return value.split_once('"').map(|(value, _)| value);
        }
        rest = after;
    }
}

/// A parameter of the URL an answer leads to, when it needs no unescaping; codes never do.
pub(super) fn parameter<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, url) = lines.find(|(header, _)| header.eq_ignore_ascii_case("location"))?;
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn a_parameter_is_one_of_the_url_the_answer_leads_to() {
        let head = "HTTP/1.1 303 See Other\r\nLocation: http://a.test/cb?iss=x&code=c1\r\n";
        assert_eq!(parameter(head, "code"), Some("c1"));
        assert_eq!(parameter(head, "state"), None);
        assert_eq!(parameter("HTTP/1.1 200 OK\r\n", "code"), None);
    }

    #[test]
    fn an_answer_is_whole_only_with_its_last_byte() {
        for cut in 0..ANSWER.len() {
            assert_eq!(parse(&ANSWER[..cut]).unwrap(), None, "cut at {cut}");
        }
        let frame = parse(ANSWER).unwrap().unwrap();
        assert_eq!((frame.status, &ANSWER[frame.body]), (200, &b"hello"[..]));
    }

    #[test]
    fn no_content_needs_no_length_and_anything_else_does() {
        let frame = parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((frame.status, frame.body.len()), (204, 0));
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").is_err());
    }

    #[test]
    fn a_field_is_found_behind_spaces_and_look_alikes() {
        let body = r#"{"access_token_type":"x", "about":"access_token", "access_token" : "t"}"#;
        assert_eq!(field(body, "access_token"), Some("t"));
        assert_eq!(field(body, "refresh_token"), None);
        assert_eq!(field(r#"{"expires_in":900}"#, "expires_in"), None);
    }
}
