//! A level in two bytes: its logarithm, so that cores, bytes and shares keep the same relative precision.

/// No level is known.
pub const NONE: u16 = 0;
/// Nothing, or less than can be written.
const ZERO: u16 = 1;
/// Steps of one octave: neighbouring codes differ by 0.068 %.
const STEPS: f64 = 1023.0;
/// The smallest power of two that can be written; the largest is 64 octaves above it: from a millionth of a core to 16 TiB.
const LEAST: f64 = -20.0;

/// The code of a level. Codes are in the order of levels.
pub fn encode(level: f64) -> u16 {
    if level.is_nan() {
        return NONE;
    }
    // A cast saturates, and a level of 0 has the logarithm of minus infinity.
    let step = ((level.max(0.0).log2() - LEAST) * STEPS).round();
    (step as u16).saturating_add(ZERO)
}

/// The level of a code; `None` for [`NONE`].
pub fn decode(code: u16) -> Option<f64> {
    match code {
        NONE => None,
        ZERO => Some(0.0),
        code => Some((f64::from(code - ZERO) / STEPS + LEAST).exp2()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_comes_back_with_a_relative_error_below_a_thousandth() {
        for level in [0.001, 0.37, 1.0, 64.0, 5e8, 1e13] {
            let back = decode(encode(level)).unwrap();
            assert!((back / level - 1.0).abs() < 0.001, "{level} {back}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_the_nearest_that_can() {
        assert_eq!(decode(encode(0.0)), Some(0.0));
        assert_eq!(decode(encode(-3.0)), Some(0.0));
        assert_eq!(decode(encode(1e-30)), Some(0.0));
        assert_eq!(encode(f64::INFINITY), u16::MAX);
        assert_eq!(decode(encode(f64::NAN)), None);
    }

    #[test]
    fn codes_are_in_the_order_of_levels() {
        let codes = [0.0, 1e-6, 0.5, 0.51, 2.0, 1e12].map(encode);
        assert!(codes.is_sorted());
        assert!(codes[0] > NONE);
    }
}
