//! Request parameters (RFC 6749 §3.1, §3.2, Appendix B), read strictly: each at most once, one with
//! an empty value counts as omitted, nothing is repaired. Which characters a parameter may hold is
//! its rule's matter, with the grammar of Appendix A offered below.

use std::borrow::Cow;
use std::fmt;

use crate::form_decoding;
use crate::secret::Secret;

/// The longest form body. The HTTP edge stops reading at the same size.
pub const MAX_BODY: usize = 64 * 1024;
/// The most parameters one request may carry.
pub const MAX_FIELDS: usize = 100;

/// The parameters of one request. They may hold secrets: `Debug` prints names only, and the text is
/// wiped from memory when dropped.
#[derive(Default)]
pub struct Params {
    /// `name=value&` of every field, decoded. The ASCII separators stay between the pieces, so the
    /// whole is UTF-8 only if every piece is.
    text: Secret,
    fields: Vec<Field>,
}

#[derive(Clone, Copy)]
struct Field {
    start: u32,
    equals: u32,
    end: u32,
}

/// Why parameters were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamsError {
    /// More than [`MAX_BODY`] bytes.
    TooLarge,
    /// More than [`MAX_FIELDS`] parameters.
    TooManyFields,
    /// A `%` without two hexadecimal digits.
    PercentEncoding,
    /// A name or value is not UTF-8.
    NotUtf8,
    /// A control character that no rule of RFC 6749 Appendix A admits.
    ControlCharacter,
    /// The named parameter was sent more than once.
    Twice(String),
    /// The named parameter was not sent, or without a value.
    Missing(&'static str),
}

impl ParamsError {
    /// The broken rule, for logs and tests.
    #[must_use]
    pub fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::TooLarge => "form larger than 64 KiB".into(),
            Self::TooManyFields => "more than 100 parameters".into(),
            Self::PercentEncoding => "malformed percent-encoding".into(),
            Self::NotUtf8 => "parameter is not UTF-8".into(),
            Self::ControlCharacter => "control character in a parameter".into(),
            Self::Twice(name) => format!("parameter sent twice: {name}").into(),
            Self::Missing(name) => format!("parameter missing: {name}").into(),
        }
    }
}

impl Params {
    /// Reads an `application/x-www-form-urlencoded` body or query.
    pub fn parse_form(body: &[u8]) -> Result<Self, ParamsError> {
        if body.len() > MAX_BODY {
            return Err(ParamsError::TooLarge);
        }
        let mut building = Building::with_capacity(body.len());
        for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let start = building.start()?;
            form_decoding::decode(&pair[..equals], &mut building.text)
                .ok_or(ParamsError::PercentEncoding)?;
            let middle = building.middle();
            let value = pair.get(equals + 1..).unwrap_or_default();
            form_decoding::decode(value, &mut building.text).ok_or(ParamsError::PercentEncoding)?;
            building.end(start, middle);
        }
        building.finish()
    }

    /// As [`Self::parse_form`], but a repeated parameter is reported beside the parameters, its
    /// first value kept: an authorization error must find its way back to the client (A05).
    pub fn parse_form_with_repeated(body: &[u8]) -> Result<(Self, Option<String>), ParamsError> {
        match Self::parse_form(body) {
            Ok(params) => Ok((params, None)),
            Err(ParamsError::Twice(name)) => {
                let kept = first_of_each(body);
                Ok((Self::parse_form(&kept)?, Some(name)))
            }
            Err(error) => Err(error),
        }
    }

    /// The parameters as a form body, to be kept and read again later.
    #[must_use]
    pub fn to_form(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.iter()).finish()
    }

    /// The same rules for names and values that arrived in another form, such as a flat JSON object.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ParamsError> {
        let mut building = Building::with_capacity(512);
        for (name, value) in pairs {
            let start = building.start()?;
            building.text.extend_from_slice(name.as_bytes());
            let middle = building.middle();
            building.text.extend_from_slice(value.as_bytes());
            building.end(start, middle);
            if building.text.len() > MAX_BODY {
                return Err(ParamsError::TooLarge);
            }
        }
        building.finish()
    }

    /// The value of `name`; `None` when it was omitted or sent without a value (RFC 6749 §3.1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(sent, _)| *sent == name).map(|(_, value)| value)
    }

    /// The value of `name`, which the request cannot do without.
    pub fn required(&self, name: &'static str) -> Result<&str, ParamsError> {
        self.get(name).ok_or(ParamsError::Missing(name))
    }

    /// Every parameter that carries a value, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|field| (self.name(*field), self.value(*field)))
            .filter(|(_, value)| !value.is_empty())
    }

    fn name(&self, field: Field) -> &str {
        &self.text.reveal()[field.start as usize..field.equals as usize]
    }

    fn value(&self, field: Field) -> &str {
        &self.text.reveal()[field.equals as usize + 1..field.end as usize]
    }

    /// RFC 6749 §3.1 forbids repeating a parameter; a repeated empty one is no exception, because
    /// the next server in line may read the other of the two.
    fn refuse_repeated(&self) -> Result<(), ParamsError> {
        for (at, field) in self.fields.iter().enumerate() {
            let name = self.name(*field);
            if self.fields[..at].iter().any(|earlier| self.name(*earlier) == name) {
                return Err(ParamsError::Twice(printable(name)));
            }
        }
        Ok(())
    }
}

/// The fields of a form whose decoded name was not seen before.
fn first_of_each(body: &[u8]) -> Vec<u8> {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let mut kept: Vec<&[u8]> = Vec::new();
    for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let mut name = Vec::new();
        if form_decoding::decode(&pair[..equals], &mut name).is_some() && !seen.contains(&name) {
            seen.push(name);
            kept.push(pair);
        }
    }
    kept.join(&b'&')
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields.iter().map(|field| self.name(*field))).finish()
    }
}

struct Building {
    text: Vec<u8>,
    fields: Vec<Field>,
}

impl Building {
    fn with_capacity(bytes: usize) -> Self {
        // Decoding only shrinks; a field without `=` or a last one without `&` adds its separators.
        Self { text: Vec::with_capacity(bytes + MAX_FIELDS + 1), fields: Vec::with_capacity(8) }
    }

    fn start(&mut self) -> Result<u32, ParamsError> {
        if self.fields.len() == MAX_FIELDS {
            return Err(ParamsError::TooManyFields);
        }
        Ok(self.text.len() as u32)
    }

    fn middle(&mut self) -> u32 {
        let equals = self.text.len() as u32;
        self.text.push(b'=');
        equals
    }

    fn end(&mut self, start: u32, equals: u32) {
        self.fields.push(Field { start, equals, end: self.text.len() as u32 });
        self.text.push(b'&');
    }

    fn finish(self) -> Result<Params, ParamsError> {
        // A fold without an early exit, so that the compiler looks at many bytes at once.
        if self.text.iter().fold(false, |found, &byte| found | is_refused_control(byte)) {
            return Err(ParamsError::ControlCharacter);
        }
        let text = String::from_utf8(self.text).map_err(|_| ParamsError::NotUtf8)?;
        let params = Params { text: Secret::new(text), fields: self.fields };
        params.refuse_repeated()?;
        Ok(params)
    }
}

/// UNICODECHARNOCRLF, the widest grammar of RFC 6749 Appendix A, admits no C0 control but the tab,
/// and no DEL.
const fn is_refused_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') | (byte == 0x7f)
}

/// A parameter name fit for a log line: attackers choose it.
fn printable(name: &str) -> String {
    if name.len() <= 64 && is_vschar(name) { name.to_owned() } else { "(unprintable name)".into() }
}

/// Whether every character is VSCHAR, `%x20-7E` (RFC 6749 Appendix A): `client_id`,
/// `client_secret`, `state`, `code`, `access_token`, `refresh_token`.
#[must_use]
pub fn is_vschar(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// Whether every character is NQCHAR, `%x21 / %x23-5B / %x5D-7E` (RFC 6749 Appendix A): a single
/// scope value.
#[must_use]
pub fn is_nqchar(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// Whether every character is NQSCHAR, `%x20-21 / %x23-5B / %x5D-7E` (RFC 6749 Appendix A):
/// `error`, `error_description`.
#[must_use]
pub fn is_nqschar(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests;
