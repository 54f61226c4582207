//! Lengths of time on the command line: `90`, `90s`, `15m`, `1h`, `7d`.

/// Reads a length of time, in seconds.
pub(super) fn parse_span(text: &str) -> Result<i64, String> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.parse::<i64>().ok().filter(|_| plain);
    let seconds = seconds.zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
    seconds.ok_or_else(|| "expected a length of time such as 90s, 15m, 1h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_seconds_minutes_hours_and_days() {
        let read = ["90", "90s", "15m", "1h", "7d", "0"].map(|text| parse_span(text).unwrap());
        assert_eq!(read, [90, 90, 900, 3_600, 604_800, 0]);
    }

    #[test]
    fn anything_else_is_no_length_of_time() {
        for text in ["", "s", "-1s", "1.5h", "1w", "1 h", "+1", "99999999999999999d", "1hh", "é"] {
            assert!(parse_span(text).is_err(), "{text:?}");
        }
    }
}
