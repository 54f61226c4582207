//! The part of CBOR (RFC 8949) that authenticators write, as CTAP2 restricts it: definite lengths,
//! shortest heads, no tags, no floats, no map key twice. Everything else is refused, and nothing is
//! allocated on the word of a length that the input does not hold.

/// How deep arrays and maps may nest (CTAP2 §8 says 4 levels).
const MAX_DEPTH: u8 = 4;
const MALFORMED: &str = "CBOR is cut off or malformed";

/// One item; byte and text strings point into what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Bool(bool),
    Null,
}

impl<'a> Item<'a> {
    /// The value of an integer key of a map.
    pub(super) fn at(&self, key: i64) -> Option<&Self> {
        self.find(&Item::Int(key))
    }

    /// The value of a text key of a map.
    pub(super) fn named(&self, key: &str) -> Option<&Self> {
        self.find(&Item::Text(key))
    }

    pub(super) const fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn find(&self, key: &Item<'_>) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

/// Reads the item that `input` begins with, and returns what follows it.
pub(super) fn parse_first(input: &[u8]) -> Result<(Item<'_>, &[u8]), &'static str> {
    let mut reader = Reader { rest: input };
    let item = reader.item(0)?;
    Ok((item, reader.rest))
}

/// Reads an item that is all of `input`.
pub(super) fn parse(input: &[u8]) -> Result<Item<'_>, &'static str> {
    match parse_first(input)? {
        (item, []) => Ok(item),
        _ => Err("bytes follow the CBOR item"),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth: u8) -> Result<Item<'a>, &'static str> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        if major == 7 {
            return match info {
                20 => Ok(Item::Bool(false)),
                21 => Ok(Item::Bool(true)),
                22 => Ok(Item::Null),
                _ => Err("CBOR holds a float, a tag or a simple value"),
            };
        }
        let argument = self.argument(info)?;
        match major {
            0 => i64::try_from(argument).map(Item::Int).map_err(|_| "CBOR integer out of range"),
            1 => i64::try_from(argument)
                .map(|number| Item::Int(-1 - number))
                .map_err(|_| "CBOR integer out of range"),
            2 => self.string(argument).map(Item::Bytes),
            3 => {
                let text = std::str::from_utf8(self.string(argument)?);
                text.map(Item::Text).map_err(|_| "CBOR text is not UTF-8")
            }
            4 => self.array(argument, depth),
            5 => self.map(argument, depth),
            _ => Err("CBOR holds a float, a tag or a simple value"),
        }
    }

    fn array(&mut self, count: u64, depth: u8) -> Result<Item<'a>, &'static str> {
        let deeper = deeper(depth)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.item(deeper)?);
        }
        Ok(Item::Array(items))
    }

    fn map(&mut self, count: u64, depth: u8) -> Result<Item<'a>, &'static str> {
        let deeper = deeper(depth)?;
        let mut pairs: Vec<(Item<'a>, Item<'a>)> = Vec::new();
        for _ in 0..count {
            let key = self.item(deeper)?;
            if !matches!(key, Item::Int(_) | Item::Text(_)) {
                return Err("CBOR map key is neither integer nor text");
            }
            if pairs.len() == 64 || pairs.iter().any(|(known, _)| *known == key) {
                return Err("CBOR map has a key twice or more than 64");
            }
            pairs.push((key, self.item(deeper)?));
        }
        Ok(Item::Map(pairs))
    }

    /// The number behind the head, which must use the shortest form.
    fn argument(&mut self, info: u8) -> Result<u64, &'static str> {
        let (bytes, floor) = match info {
            0..24 => return Ok(u64::from(info)),
            24 => (self.take(1)?, 24),
            25 => (self.take(2)?, 1 << 8),
            26 => (self.take(4)?, 1 << 16),
            27 => (self.take(8)?, 1 << 32),
            _ => return Err("CBOR has an indefinite length"),
        };
        let number = bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        if number < floor { Err("CBOR number is not in its shortest form") } else { Ok(number) }
    }

    fn string(&mut self, length: u64) -> Result<&'a [u8], &'static str> {
        self.take(usize::try_from(length).map_err(|_| MALFORMED)?)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(MALFORMED)?;
        self.rest = rest;
        Ok(taken)
    }
}

fn deeper(depth: u8) -> Result<u8, &'static str> {
    if depth == MAX_DEPTH { Err("CBOR nested too deep") } else { Ok(depth + 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_authenticators_write_are_read() {
        let map = [0xa3, 0x01, 0x20, 0x61, b'a', 0x42, 1, 2, 0x02, 0x81, 0xf5];
        let item = parse(&map).unwrap();
        assert_eq!(item.at(1).and_then(Item::int), Some(-1));
        assert_eq!(item.named("a").and_then(Item::bytes), Some(&[1, 2][..]));
        assert_eq!(item.at(2), Some(&Item::Array(vec![Item::Bool(true)])));
        assert_eq!(parse(&[0x39, 0x01, 0x00]), Ok(Item::Int(-257)));
    }

    #[test]
    fn what_ctap2_does_not_write_is_refused() {
        let cases: [(&[u8], &str); 12] = [
            (&[], MALFORMED),
            (&[0x42, 1], MALFORMED),
            (&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], MALFORMED),
            (&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], MALFORMED),
            (&[0x5f, 0xff], "CBOR has an indefinite length"),
            (&[0x18, 0x10], "CBOR number is not in its shortest form"),
            (&[0xa2, 0x01, 0x01, 0x01, 0x02], "CBOR map has a key twice or more than 64"),
            (&[0xa1, 0x41, 0x01, 0x01], "CBOR map key is neither integer nor text"),
            (&[0x81, 0x81, 0x81, 0x81, 0x81, 0x00], "CBOR nested too deep"),
            (&[0xc0, 0x00], "CBOR holds a float, a tag or a simple value"),
            (&[0x00, 0x00], "bytes follow the CBOR item"),
            (&[0x61, 0xff], "CBOR text is not UTF-8"),
        ];
        for (input, rule) in cases {
            assert_eq!(parse(input), Err(rule), "{input:?}");
        }
        assert_eq!(parse(&[0x1b, 0xff, 0, 0, 0, 0, 0, 0, 0]), Err("CBOR integer out of range"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
