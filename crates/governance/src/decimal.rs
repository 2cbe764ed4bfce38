//! Decimals of four places, which is what Cedar has instead of floats.

use serde_json::Number;

/// Places behind the point.
pub(crate) const PLACES: usize = 4;
const SCALE: i64 = 10_000;
/// Doubles at and above 2^53 no longer tell neighbouring integers apart.
const DOUBLE_EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// What becomes of digits behind the fourth place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// There must be none.
    Exact,
    /// Towards minus infinity.
    Down,
    /// Towards plus infinity.
    Up,
}

/// Ten-thousandths; `None` when it is out of range, or not exact and must be.
///
/// A double is taken for the shortest text that reads back as it, which is what its writer wrote.
pub(crate) fn from_number(number: &Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return whole.checked_mul(SCALE);
    }
    if number.is_u64() {
        return None;
    }
    from_f64(number.as_f64()?, Rounding::Exact)
}

pub(crate) fn from_f64(number: f64, rounding: Rounding) -> Option<i64> {
    if !number.is_finite() || number.abs() >= DOUBLE_EXACT_MAX {
        return None;
    }
    parse(&number.to_string(), rounding)
}

/// A whole number; also when it is written `5.0`.
pub(crate) fn integer(number: &Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    if number.is_u64() {
        return None;
    }
    let double = number.as_f64()?;
    if double.fract() != 0.0 || double.abs() >= DOUBLE_EXACT_MAX {
        return None;
    }
    double.to_string().parse().ok()
}

fn parse(text: &str, rounding: Rounding) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !(whole.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(PLACES).collect();
    let lost = fraction.bytes().skip(PLACES).any(|byte| byte != b'0');
    let magnitude = whole.parse::<i64>().ok()?.checked_mul(SCALE)?.checked_add(kept.parse().ok()?)?;
    let scaled = if negative { -magnitude } else { magnitude };
    match (lost, rounding, negative) {
        (false, _, _) | (true, Rounding::Down, false) | (true, Rounding::Up, true) => Some(scaled),
        (true, Rounding::Exact, _) => None,
        (true, Rounding::Down, true) => scaled.checked_sub(1),
        (true, Rounding::Up, false) => scaled.checked_add(1),
    }
}

/// What `decimal("…")` means in Cedar; `None` where Cedar would fail, and for the few at the edge of the range.
pub(crate) fn of_cedar(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || fraction.is_empty() || fraction.len() > PLACES {
        return None;
    }
    parse(text, Rounding::Exact)
}

/// As Cedar reads it: `500.25`, always with a point.
pub(crate) fn text(scaled: i64) -> String {
    let magnitude = scaled.unsigned_abs();
    let scale = SCALE.unsigned_abs();
    let fraction = format!("{:04}", magnitude % scale);
    let kept = match fraction.trim_end_matches('0') {
        "" => "0",
        kept => kept,
    };
    format!("{}{}.{kept}", if scaled < 0 { "-" } else { "" }, magnitude / scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Number;

    use super::{Rounding, from_f64, from_number, integer, text};

    fn number(json: &str) -> Number {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_are_exact_or_nothing() {
        for (json, scaled) in
            [("500", 5_000_000), ("500.0", 5_000_000), ("499.99", 4_999_900), ("-0.0001", -1), ("1e2", 1_000_000)]
        {
            assert_eq!(from_number(&number(json)), Some(scaled), "{json}");
        }
        for json in
            ["0.00001", "1e300", "922337203685478", "18446744073709551615", "9007199254740993.0", "123456.78901"]
        {
            assert_eq!(from_number(&number(json)), None, "{json}");
        }
        assert_eq!(integer(&number("5.0")), Some(5));
        assert_eq!(integer(&number("9223372036854775807")), Some(i64::MAX));
        for json in ["5.5", "9223372036854775808", "1e19"] {
            assert_eq!(integer(&number(json)), None, "{json}");
        }
    }

    #[test]
    fn bounds_are_rounded_against_who_asks() {
        assert_eq!(from_f64(0.949_99, Rounding::Down), Some(9499));
        assert_eq!(from_f64(-0.949_99, Rounding::Down), Some(-9500));
        assert_eq!(from_f64(0.000_01, Rounding::Up), Some(1));
        assert_eq!(from_f64(0.95, Rounding::Down), Some(9500));
        assert_eq!(from_f64(f64::NAN, Rounding::Down), None);
    }

    proptest! {
        #[test]
        fn text_reads_back(scaled in any::<i64>()) {
            let text = text(scaled);
            let cedar = cedar_policy::RestrictedExpression::new_decimal(&text);
            prop_assert!(cedar_policy::Context::from_pairs([("d".to_owned(), cedar)]).is_ok(), "{text}");
            if scaled.unsigned_abs() < 9_000_000_000_000_000_000 {
                prop_assert_eq!(super::parse(&text, Rounding::Exact), Some(scaled));
            }
        }

        #[test]
        fn rounding_never_crosses_the_number(number in -1e9_f64..1e9) {
            let down = from_f64(number, Rounding::Down).unwrap();
            let up = from_f64(number, Rounding::Up).unwrap();
            prop_assert!(up - down <= 1);
            #[allow(clippy::cast_precision_loss, reason = "small")]
            let (low, high) = (down as f64 / 1e4, up as f64 / 1e4);
            prop_assert!(low <= number && number <= high, "{low} {number} {high}");
        }
    }
}
