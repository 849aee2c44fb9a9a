//! What is known between the points of a curve: three ways that the field uses, equal to those of the Python package
//! bjontegaard 1.3.0.
//!
//! `pchip` is the default, as in JCT-VC's and JVET's common test conditions; `akima` bends less at the ends of flat parts;
//! `polynomial` is Bjontegaard's original.

mod akima;
mod hermite;
mod pchip;
mod polynomial;

use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::curve::LEAST_POINTS;
use hermite::Hermite;
use polynomial::Polynomial;

/// How to interpolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Piecewise cubics that keep monotone data monotone.
    #[default]
    Pchip,
    /// Akima's piecewise cubics.
    Akima,
    /// One polynomial of degree 3.
    Cubic,
}

/// There is no such method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no interpolation {name:?}, choose from pchip, akima, cubic")]
pub struct UnknownMethod {
    name: String,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::Pchip, Self::Akima, Self::Cubic];

    /// The fewest points of a curve that it goes through.
    pub fn least_points(self) -> usize {
        match self {
            Self::Pchip | Self::Akima => LEAST_POINTS,
            Self::Cubic => 4,
        }
    }

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pchip => "pchip",
            Self::Akima => "akima",
            Self::Cubic => "cubic",
        }
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        let known = Self::ALL.into_iter().find(|method| method.name() == name);
        known.ok_or_else(|| UnknownMethod { name: name.to_owned() })
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, target: S) -> Result<S::Ok, S::Error> {
        target.serialize_str(self.name())
    }
}

/// A function through points, or near them.
#[derive(Debug, Clone, PartialEq)]
pub enum Interpolant {
    /// Piecewise cubics.
    Pieces(Hermite),
    /// One polynomial.
    Whole(Polynomial),
}

impl Interpolant {
    /// Through the points `(x, y)`. `None` unless there are at least two (four for [`Method::Cubic`]), all finite, with
    /// strictly rising `x`.
    pub fn new(method: Method, points: &[(f64, f64)]) -> Option<Self> {
        match method {
            Method::Pchip => Hermite::new(points, pchip::slopes).map(Self::Pieces),
            Method::Akima => Hermite::new(points, akima::slopes).map(Self::Pieces),
            Method::Cubic => Polynomial::new(points).map(Self::Whole),
        }
    }

    /// First and last `x`.
    pub fn domain(&self) -> [f64; 2] {
        match self {
            Self::Pieces(pieces) => pieces.domain(),
            Self::Whole(polynomial) => polynomial.domain(),
        }
    }

    /// The value at `x`; outside of the domain the cubic at that end goes on.
    pub fn value(&self, x: f64) -> f64 {
        match self {
            Self::Pieces(pieces) => pieces.value(x),
            Self::Whole(polynomial) => polynomial.value(x),
        }
    }

    /// The integral from `from` to `to`.
    pub fn integral(&self, from: f64, to: f64) -> f64 {
        match self {
            Self::Pieces(pieces) => pieces.integral(from, to),
            Self::Whole(polynomial) => polynomial.integral(from, to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_is_exact_through_points_of_a_cubic() {
        let cubic = |x: f64| 2.0 - x + 0.5 * x * x * x;
        let points: Vec<(f64, f64)> = [28.0, 30.0, 33.0, 35.0, 40.0].map(|x| (x, cubic(x))).to_vec();
        let found = Interpolant::new(Method::Cubic, &points).expect("five points");
        assert!((found.value(31.7) - cubic(31.7)).abs() < 1e-8);
        let antiderivative = |x: f64| 2.0 * x - x * x / 2.0 + x.powi(4) / 8.0;
        assert!((found.integral(29.0, 38.0) - (antiderivative(38.0) - antiderivative(29.0))).abs() < 1e-7);
        assert!(Interpolant::new(Method::Cubic, &points[..3]).is_none());
    }

    #[test]
    fn akima_goes_through_its_points_and_is_straight_between_two() {
        let points = [(0.0, 0.0), (1.0, 1.0), (2.5, 1.0), (3.0, 3.0), (4.0, 2.0)];
        let akima = Interpolant::new(Method::Akima, &points).expect("five points");
        for (x, y) in points {
            assert!((akima.value(x) - y).abs() < 1e-12);
        }
        let line = Interpolant::new(Method::Akima, &points[..2]).expect("two points");
        assert_eq!(line.value(0.25), 0.25);
    }

    #[test]
    fn methods_have_names() {
        for method in Method::ALL {
            assert_eq!(method.name().parse(), Ok(method));
        }
        let error = "spline".parse::<Method>().expect_err("no such method");
        assert!(error.to_string().contains("\"spline\", choose from pchip"));
    }
}
