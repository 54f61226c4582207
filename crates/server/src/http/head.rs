//! Looks at an HTTP/1.1 header section while it arrives, before the parser has all of it.
//! It finds two things the parser does not tell: framing that two servers could read differently
//! (RFC 9112 §6.3: both `Transfer-Encoding` and `Content-Length`, or several of one), and a section
//! that is already too long. It parses nothing; the parser's view is the one that counts.

/// The longest prefix of a line we look at.
const PREFIX: usize = "transfer-encoding:".len();

/// Room for the method, the version and line ends beside the limits.
const SLACK: usize = 256;

/// What the bytes so far mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to object to.
    Fine,
    /// The section is too long; appending these bytes ends it for the parser, so that the request
    /// can be refused like any other.
    TooLong(&'static [u8]),
}

/// The state between two reads.
#[derive(Clone, Debug)]
pub(super) struct HeadScan {
    target: usize,
    header: usize,
    prefix: [u8; PREFIX],
    line: usize,
    head: usize,
    lines: usize,
    counting: bool,
    encodings: u8,
    lengths: u8,
    last: u8,
    ambiguous: bool,
    http2: bool,
}

impl HeadScan {
    /// A scan that objects to request targets over `target` bytes and fields over `header` bytes.
    pub(super) const fn new(target: usize, header: usize) -> Self {
        Self {
            target,
            header,
            prefix: [0; PREFIX],
            line: 0,
            head: 0,
            lines: 0,
            counting: true,
            encodings: 0,
            lengths: 0,
            last: 0,
            ambiguous: false,
            http2: false,
        }
    }

    /// A request was taken out of the bytes so far; what follows is its body or the next section.
    /// Lengths are counted again from here, since a body's lines may be as long as they like.
    pub(super) const fn restart(&mut self) {
        (self.line, self.head, self.lines, self.counting) = (0, 0, 0, true);
    }

    /// Whether some section so far could be read in two ways.
    pub(super) const fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// Whether the connection began with the HTTP/2 preface (RFC 9113 §3.4).
    pub(super) const fn is_http2(&self) -> bool {
        self.http2
    }

    /// Looks at the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Verdict {
        if self.http2 {
            return Verdict::Fine;
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.take(&bytes[..end]);
            self.end_line();
            if self.http2 {
                return Verdict::Fine;
            }
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
        self.verdict()
    }

    fn take(&mut self, piece: &[u8]) {
        let Some(last) = piece.last() else { return };
        if self.line < PREFIX {
            let room = (PREFIX - self.line).min(piece.len());
            self.prefix[self.line..self.line + room].copy_from_slice(&piece[..room]);
        }
        self.line += piece.len();
        self.last = *last;
    }

    fn end_line(&mut self) {
        let prefix = &self.prefix[..self.line.min(PREFIX)];
        match prefix {
            [] | b"\r" => self.end_section(),
            [b't' | b'T', ..] if begins(prefix, b"transfer-encoding:") => self.encodings += 1,
            [b'c' | b'C', ..] if begins(prefix, b"content-length:") => self.lengths += 1,
            _ if prefix.starts_with(b"PRI * HTTP/2.0") => self.http2 = true,
            _ => {}
        }
        self.lines += 1;
        self.head += self.line + 1;
        self.line = 0;
        if self.encodings.saturating_add(self.lengths) > 1 {
            self.ambiguous = true;
        }
    }

    fn end_section(&mut self) {
        (self.encodings, self.lengths) = (0, 0);
        // Empty lines before a request line are no section (RFC 9112 §2.2).
        if self.lines > 0 {
            self.counting = false;
        }
    }

    fn verdict(&self) -> Verdict {
        if !self.counting {
            Verdict::Fine
        } else if self.lines == 0 && self.line > self.target + SLACK {
            Verdict::TooLong(b" HTTP/1.1\r\n\r\n")
        } else if self.head + self.line > self.target + self.header + SLACK {
            Verdict::TooLong(self.ending())
        } else {
            Verdict::Fine
        }
    }

    /// Ends the section wherever it stands: in a name, in a value, between `\r` and `\n`.
    const fn ending(&self) -> &'static [u8] {
        match (self.line, self.last) {
            (0, _) => b"\r\n",
            (_, b'\r') => b"\n\r\n",
            _ => b":\r\n\r\n",
        }
    }
}

fn begins(line: &[u8], name: &[u8]) -> bool {
    line.len() >= name.len() && line[..name.len()].eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `text` whole, byte by byte and in threes; all must agree.
    fn scan(text: &str) -> HeadScan {
        let run = |step: usize| {
            let mut scan = HeadScan::new(1024, 1024);
            for piece in text.as_bytes().chunks(step) {
                assert_eq!(scan.feed(piece), Verdict::Fine);
            }
            scan
        };
        let scans = [1, 3, text.len()].map(run);
        assert!(scans.iter().all(|scan| scan.ambiguous == scans[0].ambiguous));
        scans.into_iter().next_back().unwrap()
    }

    #[test]
    fn both_framings_in_one_section_are_ambiguous() {
        for fields in [
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "content-length: 5\ntransfer-encoding: chunked",
            "Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 5",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        ] {
            assert!(
                scan(&format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n")).is_ambiguous(),
                "{fields}"
            );
        }
    }

    #[test]
    fn one_framing_for_each_of_several_requests_is_not() {
        let first = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";
        let second = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert!(!scan(&format!("{first}{second}{first}")).is_ambiguous());
        assert!(
            !scan("GET / HTTP/1.1\r\nX-Content-Length: 2\r\nContent-Length: 2\r\n\r\n")
                .is_ambiguous()
        );
    }

    #[test]
    fn an_http2_preface_ends_the_scan() {
        assert!(
            scan("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ncontent-length:\ncontent-length:\n").is_http2()
        );
    }

    #[test]
    fn a_long_target_is_ended_as_a_request_line() {
        let mut scan = HeadScan::new(1024, 1024);
        assert_eq!(scan.feed(b"GET /"), Verdict::Fine);
        assert_eq!(scan.feed(&[b'a'; 2000]), Verdict::TooLong(b" HTTP/1.1\r\n\r\n"));
    }

    #[test]
    fn long_fields_are_ended_where_they_stand() {
        for (piece, ending) in [
            ("x: aaaaaaaaaa\r\n", &b"\r\n"[..]),
            ("x: aaaaaaaaaa\r", b"\n\r\n"),
            ("x: aaaaaaaaaa", b":\r\n\r\n"),
        ] {
            let mut scan = HeadScan::new(16, 16);
            scan.feed(b"GET / HTTP/1.1\r\n");
            let many = format!("{}{piece}", "y: b\r\n".repeat(60));
            assert_eq!(scan.feed(many.as_bytes()), Verdict::TooLong(ending));
        }
    }

    #[test]
    fn a_long_body_is_not_a_long_section() {
        let mut scan = HeadScan::new(64, 64);
        scan.feed(b"POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n");
        assert_eq!(scan.feed(&[b'a'; 4500]), Verdict::Fine);
        scan.restart();
        assert_eq!(scan.feed(b"\r\nGET / HTTP/1.1\r\n"), Verdict::Fine);
    }
}
