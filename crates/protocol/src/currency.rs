//! Currencies (ISO 4217): which codes there are and how many decimals each has. Amounts are in
//! `amount.rs`; nothing here converts one currency into another.

use std::fmt;

/// A currency in circulation, by its three letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// Codes whose minor unit is a hundredth, the common case.
const HUNDREDTHS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL \
     BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB \
     EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW \
     KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD \
     NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE \
     SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST \
     XCD XCG YER ZAR ZMW ZWG";
/// Codes without a minor unit.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
/// Codes whose minor unit is a thousandth.
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";
/// Codes whose minor unit is a ten-thousandth.
const TEN_THOUSANDTHS: &str = "CLF UYW";

impl Currency {
    /// Reads the three capital letters of a currency in circulation.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let currency = Self(code.as_bytes().try_into().ok()?);
        exponent(code).map(|_| currency)
    }

    /// How many decimals its minor unit has.
    #[must_use]
    pub fn exponent(self) -> u32 {
        exponent(self.as_str()).unwrap_or(2)
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Made from ASCII text in `parse`, so this cannot fail.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn exponent(code: &str) -> Option<u32> {
    let lists = [(HUNDREDTHS, 2), (WHOLE, 0), (THOUSANDTHS, 3), (TEN_THOUSANDTHS, 4)];
    let listed = |list: &str| list.split_ascii_whitespace().any(|known| known == code);
    lists.into_iter().find(|(list, _)| listed(list)).map(|(_, exponent)| exponent)
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_currency_has_the_decimals_of_iso_4217() {
        for (code, exponent) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(Currency::parse(code).map(Currency::exponent), Some(exponent), "{code}");
        }
    }

    #[test]
    fn what_is_no_currency_is_refused() {
        for code in ["usd", "US", "USDX", "XXX", "XTS", "U D", "ÜS", ""] {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
    }

    #[test]
    fn no_code_is_listed_twice() {
        let all = [HUNDREDTHS, WHOLE, THOUSANDTHS, TEN_THOUSANDTHS].join(" ");
        let mut codes: Vec<_> = all.split_ascii_whitespace().collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert!(codes.iter().all(|code| code.len() == 3));
    }
}
