//! Amounts of money or of a named unit, in fixed point. There is no floating point here, so what is
//! added up stays exact, and nothing that is no plain decimal number is read: no sign, no exponent,
//! no "NaN".
//!
//! Money is counted in ten-thousandths of its currency's minor unit (ISO 4217): a token of a
//! language model costs far less than a cent. A limit that a person sets has no more decimals than
//! the currency; a cost may have four more.

use std::fmt;

use crate::currency::Currency;

/// Decimals a cost may have beyond those of its currency.
const FINER: u32 = 4;

/// The largest amount, in steps: a thousand million dollars. Thousands of such sums fit into 64
/// bits, so adding cannot overflow before the guard of a budget refuses.
pub const MOST: i64 = 1_000_000_000_000_000;

/// The longest name of a unit.
const LONGEST_NAME: usize = 32;

/// What is counted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Money of one currency.
    Money(Currency),
    /// Something named by the API that counts it: `tokens`, `requests`. Whole numbers only.
    Named(String),
}

/// How much of a unit, in its smallest steps. Never negative when read from text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub i64);

impl Unit {
    /// Reads `USD` (three capital letters of ISO 4217) or a lower-case name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Currency::parse(text)
                .map(Self::Money)
                .ok_or("a unit in capitals is a currency of ISO 4217");
        }
        let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let sound = text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.len() <= LONGEST_NAME
            && text.bytes().all(known);
        if sound { Ok(Self::Named(text.to_owned())) } else { Err(NAME) }
    }

    /// The text on the wire and in the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Money(currency) => currency.as_str(),
            Self::Named(name) => name,
        }
    }

    /// Reads what somebody may spend: no more decimals than the currency has.
    pub fn parse_limit(&self, text: &str) -> Result<Amount, &'static str> {
        self.parse_amount(text, self.decimals())
    }

    /// Reads what something costs: four decimals finer than the currency.
    pub fn parse_cost(&self, text: &str) -> Result<Amount, &'static str> {
        self.parse_amount(text, self.scale())
    }

    /// The amount as a decimal number, with at least the decimals of its currency.
    #[must_use]
    pub fn show(&self, amount: Amount) -> String {
        let (scale, least) = (self.scale() as usize, self.decimals() as usize);
        let sign = if amount.0 < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", amount.0.unsigned_abs(), width = scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        let kept = part.trim_end_matches('0').len().max(least);
        if kept == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{}", &part[..kept])
        }
    }

    /// Decimals of the unit itself.
    fn decimals(&self) -> u32 {
        match self {
            Self::Money(currency) => currency.exponent(),
            Self::Named(_) => 0,
        }
    }

    /// Decimals of its smallest step.
    fn scale(&self) -> u32 {
        match self {
            Self::Money(currency) => currency.exponent() + FINER,
            Self::Named(_) => 0,
        }
    }

    fn parse_amount(&self, text: &str, decimals: u32) -> Result<Amount, &'static str> {
        let (whole, part) = match text.split_once('.') {
            None => (text, ""),
            Some((_, "")) => return Err(NUMBER),
            Some(halves) => halves,
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) {
            return Err(NUMBER);
        }
        if part.trim_end_matches('0').len() > decimals as usize {
            return Err(self.too_fine());
        }
        let part = part.trim_end_matches('0');
        let zeros = self.scale() as usize - part.len();
        let steps = format!("{whole}{part}{:0<zeros$}", "");
        match steps.trim_start_matches('0') {
            "" => Ok(Amount(0)),
            steps if steps.len() > 16 => Err(HUGE),
            steps => {
                let steps = steps.parse().map_err(|_| HUGE)?;
                if steps > MOST { Err(HUGE) } else { Ok(Amount(steps)) }
            }
        }
    }

    fn too_fine(&self) -> &'static str {
        match self {
            Self::Money(_) => "an amount has no more decimals than its currency",
            Self::Named(_) => "a named unit is counted in whole numbers",
        }
    }
}

const NAME: &str =
    "a unit is a currency of ISO 4217 or a name of lower-case letters, digits, - and _";
const NUMBER: &str = "an amount is a plain decimal number, zero or more";
const HUGE: &str = "an amount is at most a thousand million";

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(text: &str) -> Unit {
        Unit::parse(text).unwrap()
    }

    #[track_caller]
    fn limit(code: &str, text: &str, expected: Result<&str, &str>) {
        let unit = unit(code);
        let got = unit.parse_limit(text).map(|amount| unit.show(amount));
        assert_eq!(got.as_deref().map_err(|rule| *rule), expected, "{text} {code}");
    }

    #[track_caller]
    fn cost(code: &str, text: &str, expected: Result<i64, &str>) {
        let got = unit(code).parse_cost(text).map(|amount| amount.0);
        assert_eq!(got, expected, "{text} {code}");
    }

    #[test]
    fn a_limit_reads_back_as_it_was_meant() {
        limit("USD", "100.0", Ok("100.00"));
        limit("USD", "25", Ok("25.00"));
        limit("USD", "0", Ok("0.00"));
        limit("USD", "0.01", Ok("0.01"));
        limit("USD", "1.500", Ok("1.50"));
        limit("USD", "007", Ok("7.00"));
        limit("JPY", "100", Ok("100"));
        limit("KWD", "1.234", Ok("1.234"));
        limit("tokens", "5000", Ok("5000"));
        limit("USD", "1000000000", Ok("1000000000.00"));
    }

    #[test]
    fn a_limit_finer_than_its_currency_is_refused() {
        limit("USD", "1.001", Err("an amount has no more decimals than its currency"));
        limit("JPY", "1.5", Err("an amount has no more decimals than its currency"));
        limit("tokens", "1.5", Err("a named unit is counted in whole numbers"));
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        let texts = [
            "", "-1", "+1", "NaN", "inf", "Infinity", "1e3", "1E400", "0x10", "1,5", "1_000", " 1",
            "1 ", ".5", "1.", ".", "1.2.3", "١", "1\0",
        ];
        for text in texts {
            limit("USD", text, Err(NUMBER));
        }
    }

    #[test]
    fn the_huge_is_refused() {
        for text in ["1000000000.01", "99999999999999999999999", &"9".repeat(5_000)] {
            limit("USD", text, Err(HUGE));
        }
        limit("tokens", "1000000000000001", Err(HUGE));
    }

    #[test]
    fn a_cost_may_be_four_decimals_finer() {
        cost("USD", "0.000001", Ok(1));
        cost("USD", "1.25", Ok(1_250_000));
        cost("JPY", "0.0001", Ok(1));
        cost("USD", "0.0000001", Err("an amount has no more decimals than its currency"));
    }

    #[test]
    fn a_unit_is_a_currency_or_a_name() {
        for text in ["USD", "tokens", "images-4k", "gpu_seconds"] {
            assert_eq!(Unit::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "USDX", "Tokens", "4k", "a b", "to.kens", "é", &"a".repeat(33)] {
            assert!(Unit::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_amount_reads_back(steps in 0..=MOST) {
            for code in ["USD", "JPY", "KWD", "tokens"] {
                let unit = unit(code);
                prop_assert_eq!(unit.parse_cost(&unit.show(Amount(steps))), Ok(Amount(steps)));
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = Unit::parse(&text);
            let _ = unit("USD").parse_limit(&text);
        }
    }
}
