//! Mesos' fixed-point numbers: three decimals, so that `0.1 + 0.2 == 0.3` in resource arithmetic.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::value_error::ValueError;

/// Thousandths in one unit.
const PRECISION: f64 = 1000.0;

/// A scalar quantity in thousandths. Additions and subtractions saturate; differences may be negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Scalar(i64);

impl Scalar {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From thousandths.
    #[must_use]
    pub const fn from_millis(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// In thousandths.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// As Mesos writes it on the wire.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PRECISION
    }

    /// Whether there is anything: zero and less count as nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl From<f64> for Scalar {
    /// Rounds to the nearest thousandth; what is not a number counts as nothing.
    #[allow(clippy::cast_possible_truncation)]
    fn from(value: f64) -> Self {
        // `as` saturates and maps NaN to 0, which is what a quantity from outside should do.
        Self((value * PRECISION).round() as i64)
    }
}

impl From<Scalar> for f64 {
    fn from(value: Scalar) -> Self {
        value.as_f64()
    }
}

impl Add for Scalar {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Scalar {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl FromStr for Scalar {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value.into()),
            _ => Err(ValueError::ParseScalar {
                text: text.trim().to_owned(),
            }),
        }
    }
}

impl std::fmt::Display for Scalar {
    /// `8`, `0.5`, `7.725`: at most three decimals and no trailing zeros.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, size) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, rest) = (size / 1000, size % 1000);
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{rest:03}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::Scalar;

    #[test]
    fn sums_are_exact() {
        assert_eq!(Scalar::from(0.1) + Scalar::from(0.2), Scalar::from(0.3));
        assert_eq!((Scalar::from(8.0) - Scalar::from(0.3)).as_f64(), 7.7);
    }

    #[test]
    fn text_has_no_needless_decimals() {
        for (value, text) in [
            (8.0, "8"),
            (0.5, "0.5"),
            (7.725, "7.725"),
            (0.01, "0.01"),
            (-0.5, "-0.5"),
        ] {
            assert_eq!(Scalar::from(value).to_string(), text);
            assert_eq!(text.parse::<Scalar>().unwrap(), Scalar::from(value));
        }
        assert!("1x".parse::<Scalar>().is_err());
        assert!("nan".parse::<Scalar>().is_err());
    }

    #[test]
    fn the_fourth_decimal_is_rounded() {
        assert_eq!(Scalar::from(0.0005), Scalar::from(0.001));
        assert_eq!(Scalar::from(0.0004), Scalar::ZERO);
    }
}
