//! Kubernetes quantities (`128Mi`, `0.5`, `100m`, `1e3`) as whole numbers.

/// A quantity of memory in bytes, rounded up. `None` when the text is no quantity or negative.
pub fn bytes(text: &str) -> Option<u64> {
    nanos(text).map(|nanos| ceil(nanos, 1_000_000_000))
}

/// A quantity of CPU in thousandths of a core, rounded up. `None` when the text is no quantity or negative.
pub fn millis(text: &str) -> Option<u64> {
    nanos(text).map(|nanos| ceil(nanos, 1_000_000))
}

fn ceil(value: u128, unit: u128) -> u64 {
    u64::try_from(value.div_ceil(unit)).unwrap_or(u64::MAX)
}

/// The value in billionths: the finest that Kubernetes knows, so that everything stays an integer.
fn nanos(text: &str) -> Option<u128> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa: u128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        // A second point ends up here: it is no digit.
        let digit = (digit as char).to_digit(10)?;
        mantissa = mantissa.checked_mul(10)?.checked_add(digit.into())?;
    }
    let (factor, exponent) = scale(suffix)?;
    let power = exponent + 9 - i32::try_from(fraction.len()).ok()?;
    let scaled = mantissa.checked_mul(factor)?;
    let ten = |n: i32| 10u128.checked_pow(n.unsigned_abs());
    if power >= 0 {
        scaled.checked_mul(ten(power)?)
    } else {
        Some(scaled.div_ceil(ten(power)?))
    }
}

/// What a suffix multiplies with: a whole factor and a power of ten.
fn scale(suffix: &str) -> Option<(u128, i32)> {
    let binary = |power: u32| (1u128 << (10 * power), 0);
    Some(match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        other => {
            let exponent: i32 = other.strip_prefix(['e', 'E'])?.parse().ok()?;
            ((-18..=18).contains(&exponent)).then_some((1, exponent))?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_every_spelling_that_kubernetes_takes() {
        let read = [
            "128Mi",
            "1Gi",
            "129e6",
            "129M",
            "0.5Gi",
            "1500",
            "1.5Ki",
            "128974848000m",
        ];
        assert_eq!(
            read.map(|text| bytes(text).unwrap()),
            [
                128 << 20,
                1 << 30,
                129_000_000,
                129_000_000,
                1 << 29,
                1500,
                1536,
                128_974_848
            ]
        );
    }

    #[test]
    fn processor_time_is_read_in_thousandths_and_rounded_up() {
        assert_eq!(
            ["100m", "1", "0.1", "2.5", "1n", "1k"].map(|text| millis(text).unwrap()),
            [100, 1000, 100, 2500, 1, 1_000_000]
        );
    }

    #[test]
    fn what_is_no_quantity_is_not_read_as_one() {
        for text in ["", "Mi", "-1", "1.2.3", "1Zi", "1e99", "ten", "."] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
