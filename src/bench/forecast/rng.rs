//! Random numbers and the few functions that the generator needs, out of additions, multiplications, divisions and square roots
//! alone: those are exact to the bit on every platform, the standard library's `exp`, `ln` and `sin` are not.

/// xoshiro256++ (Blackman and Vigna, 2019), seeded by SplitMix64 as its authors advise.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

/// One step of SplitMix64 (Steele, Lea and Flood, 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// A generator of its own for every list of numbers.
    pub fn new(parts: &[u64]) -> Self {
        let mut state = 0x4865_616c;
        for part in parts {
            state = split_mix(&mut state) ^ part;
        }
        Self(std::array::from_fn(|_| split_mix(&mut state)))
    }

    fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// From 0 (included) to 1 (not included).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly between two bounds.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Evenly on a logarithmic scale between two positive bounds.
    pub fn scale(&mut self, low: f64, high: f64) -> f64 {
        exp(self.between(ln(low), ln(high)))
    }

    /// True with this probability.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let at = (self.unit() * (others.len() + 1) as f64) as usize;
        at.checked_sub(1)
            .and_then(|at| others.get(at))
            .copied()
            .unwrap_or(first)
    }

    /// Nearly normal with mean 0 and variance 1: four even 16-bit numbers, summed.
    pub fn normal(&mut self) -> f64 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|k| (bits >> (16 * k)) & 0xffff).sum();
        (sum as f64 / 65_536.0 - 2.0) * 1.732_050_807_568_877_2
    }

    /// Exponential with mean 1.
    pub fn waiting(&mut self) -> f64 {
        -ln(1.0 - self.unit())
    }
}

/// e to the power of x, for any x that does not overflow.
pub fn exp(x: f64) -> f64 {
    let n = (x / std::f64::consts::LN_2).round();
    let r = x - n * std::f64::consts::LN_2;
    let mut sum = 1.0;
    for k in (1..=16).rev() {
        sum = 1.0 + sum * r / f64::from(k);
    }
    let (factor, times) = if n < 0.0 { (0.5, -n) } else { (2.0, n) };
    (0..times.min(1100.0) as u32).fold(sum, |value, _| value * factor)
}

/// The natural logarithm of a positive normal number.
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    // ln m = 2·artanh((m − 1)/(m + 1)), and m lies in [1, 2).
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let mut sum = 0.0;
    for k in (0..20).rev() {
        sum = sum * s * s + 1.0 / f64::from(2 * k + 1);
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * sum
}

/// The sine of so many full turns.
pub fn sin_turns(turns: f64) -> f64 {
    let t = turns - turns.round();
    // Folded into a quarter turn, where the series is short.
    let t = if t > 0.25 {
        0.5 - t
    } else if t < -0.25 {
        -0.5 - t
    } else {
        t
    };
    let x = t * std::f64::consts::TAU;
    let mut sum = 1.0;
    for k in (1..=10).rev() {
        let n = f64::from(2 * k);
        sum = 1.0 - sum * x * x / (n * (n + 1.0));
    }
    x * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_agree_with_those_of_the_standard_library() {
        for k in -400..=400 {
            let x = f64::from(k) * 0.1;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "exp {x}");
            assert!((ln(x.exp()) - x).abs() < 1e-12, "ln {x}");
            let sine = (x * std::f64::consts::TAU).sin();
            assert!((sin_turns(x) - sine).abs() < 1e-11, "sin {x}");
        }
    }

    #[test]
    fn the_first_numbers_are_the_same_for_ever() {
        let mut rng = Rng::new(&[1, 2, 3]);
        let first: Vec<u64> = (0..3).map(|_| rng.next()).collect();
        let mut again = Rng::new(&[1, 2, 3]);
        assert_eq!(first, (0..3).map(|_| again.next()).collect::<Vec<_>>());
        assert_ne!(first[0], Rng::new(&[1, 2, 4]).next());
        assert_ne!(first[0], Rng::new(&[1, 3, 2]).next());
    }

    #[test]
    fn the_draws_have_the_moments_that_they_should() {
        let mut rng = Rng::new(&[7]);
        let n = 100_000;
        let normal: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(
            mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
        let waiting = (0..n).map(|_| rng.waiting()).sum::<f64>() / f64::from(n);
        assert!((waiting - 1.0).abs() < 0.02, "{waiting}");
    }
}
