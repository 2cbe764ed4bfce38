//! Which share of such spans the sender kept, from W3C tracestate (OpenTelemetry's `ot` entry).

/// The rejection threshold `th` has 56 bits (OTEP 235); missing digits on the right are zeros.
const THRESHOLD_DIGITS: usize = 14;
const THRESHOLD_RANGE: f64 = (1_u64 << 56) as f64;
/// `p:63` of the older consistent sampling means "not sampled".
const P_VALUE_MAX: i32 = 62;

/// Share in (0, 1] that the tracestate states, `None` when it states none or nonsense.
pub(super) fn fraction(trace_state: &str) -> Option<f64> {
    if trace_state.is_empty() {
        return None;
    }
    let ot = trace_state.split(',').find_map(|entry| entry.trim().strip_prefix("ot="))?;
    ot.split(';').find_map(|field| match field.split_once(':')? {
        ("th", digits) => of_threshold(digits),
        ("p", exponent) => exponent.parse().ok().filter(|p| (0..=P_VALUE_MAX).contains(p)).map(|p: i32| 2_f64.powi(-p)),
        _ => None,
    })
}

#[allow(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn of_threshold(digits: &str) -> Option<f64> {
    if digits.is_empty() || digits.len() > THRESHOLD_DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let threshold = u64::from_str_radix(digits, 16).ok()? << (4 * (THRESHOLD_DIGITS - digits.len()));
    let share = 1.0 - threshold as f64 / THRESHOLD_RANGE;
    (share > 0.0).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::fraction;

    #[test]
    fn thresholds_become_shares() {
        assert_eq!(fraction("ot=th:0"), Some(1.0));
        assert_eq!(fraction("ot=th:8"), Some(0.5));
        assert_eq!(fraction("vendor=x, ot=rv:1234567890abcd;th:c"), Some(0.25));
        assert_eq!(fraction("ot=p:3;r:5"), Some(0.125));
        for nothing in ["", "ot=", "ot=th:", "ot=th:xyz", "other=th:8", "ot=p:63", "ot=th:123456789012345"] {
            assert_eq!(fraction(nothing), None, "{nothing}");
        }
    }
}
