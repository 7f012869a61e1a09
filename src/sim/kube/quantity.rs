//! Resource quantities (`500m`, `64Mi`, `1.5Gi`), counted in thousandths so that CPU and memory share one integer.

use serde_json::Value;

/// One MiB in bytes.
pub(super) const MIB: u64 = 1024 * 1024;

/// Parses a quantity to thousandths of its unit; `None` when it is not one.
pub(super) fn parse_milli(value: &Value) -> Option<i128> {
    if let Some(number) = value.as_i64() {
        return Some(i128::from(number) * 1000);
    }
    let text = value.as_str()?;
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    let factor: i128 = match suffix {
        "m" => 1,
        "" => 1000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        "Ti" => 1000 << 40,
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut total = whole.parse::<i128>().ok()? * factor;
    let mut part = factor;
    for digit in fraction.chars() {
        part /= 10;
        total += i128::from(digit.to_digit(10)?) * part;
    }
    Some(total)
}

/// A quantity in whole units (bytes for memory), rounded up.
pub(super) fn parse_units(value: &Value) -> Option<u64> {
    let milli = parse_milli(value)?;
    u64::try_from((milli + 999) / 1000).ok()
}

/// Prints thousandths: `250m` and `2` for CPU and counts, the largest exact binary suffix for memory.
pub(super) fn format_milli(milli: i128, resource: &str) -> String {
    if milli % 1000 != 0 {
        return format!("{milli}m");
    }
    let units = milli / 1000;
    if resource.contains("memory") || resource.contains("storage") {
        for (suffix, shift) in [("Gi", 30), ("Mi", 20), ("Ki", 10)] {
            if units != 0 && units % (1 << shift) == 0 {
                return format!("{}{suffix}", units >> shift);
            }
        }
    }
    units.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities_are_read_in_thousandths() {
        let read = |text: &str| parse_milli(&json!(text));
        assert_eq!(read("250m"), Some(250));
        assert_eq!(read("1.5"), Some(1500));
        assert_eq!(read("64Mi"), Some(64 * 1024 * 1024 * 1000));
        assert_eq!(read("lots"), None);
        assert_eq!(
            format_milli(64 * 1024 * 1024 * 1000, "limits.memory"),
            "64Mi"
        );
        assert_eq!(format_milli(1500, "cpu"), "1500m");
    }
}
