//! A weight file with weights for the filter that mends what the synthesis makes. What they are solved from is `lic_codec::enhance`'s, which knows the filter.
//!
//! Differs from [`super::deblock`]'s in its size: for five qualities and 104 classes of surroundings there are 216 unknowns each, and of some classes few pixels.

use nalgebra::DMatrix;

use crate::plain::{ENHANCEMENT, Enhancement};
use crate::weights::{Entry, WeightFile, WeightsError};

/// Added to the diagonal, as a part of it: what is known of one feature only through another is shared by both.
const RIDGE: f64 = 1e-3;
/// Classes of one activity, which differ by direction.
const DIRECTIONS: usize = 13;
/// What all classes of an activity say together counts as this part of it for each of them: of some there are few pixels, and where a pixel lies between two classes, a device that rounds in
/// another way should not show quite another.
const SHARED: f64 = 0.001;
/// Added to the diagonal as it is, so that features that were never seen have no weight.
const LEAST: f64 = 1e-9;

/// The weights from normal equations of every quality and class: products of features [features, features] and of features with errors [features, colours]. `None` if they are not as
/// many as [`ENHANCEMENT`] says, or cannot be solved.
pub fn solve_enhancement(equations: impl Iterator<Item = (Vec<f64>, Vec<f64>)>) -> Option<Enhancement> {
    let [_, _, features, colours] = ENHANCEMENT;
    let mut classes = Vec::with_capacity(Enhancement::COUNT / (features * colours));
    for (products, errors) in equations {
        if products.len() != features * features || errors.len() != features * colours {
            return None;
        }
        let products = DMatrix::from_row_slice(features, features, &products);
        classes.push((products, DMatrix::from_row_slice(features, colours, &errors)));
    }
    let mut weights = Vec::with_capacity(Enhancement::COUNT);
    for activity in classes.chunks(DIRECTIONS) {
        let all: DMatrix<f64> = activity.iter().map(|(products, _)| products).sum();
        let errors: DMatrix<f64> = activity.iter().map(|(_, errors)| errors).sum();
        let shared = &all * solve(all.clone(), &errors)?;
        for (products, errors) in activity {
            let solution = solve(products + SHARED * &all, &(errors + SHARED * &shared))?;
            weights.extend(solution.transpose().iter().map(|&weight| weight as f32));
        }
    }
    Enhancement::new(weights)
}

/// The solution [features, colours] of one set of equations.
fn solve(mut products: DMatrix<f64>, errors: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    for i in 0..products.nrows() {
        products[(i, i)] += RIDGE * products[(i, i)] + LEAST;
    }
    Some(products.cholesky()?.solve(errors))
}

/// A weight file with these weights, in place of those that it may have.
///
/// # Errors
/// The bytes are no weight file.
pub fn with_enhancement(bytes: &[u8], enhancement: &Enhancement) -> Result<Vec<u8>, WeightsError> {
    WeightFile::parse(bytes)?.with(|entries| {
        entries.insert("enhance.weight".to_owned(), Entry::f16(&ENHANCEMENT, enhancement.weights()));
    })
}

/// A weight file without the filter that it may have.
///
/// # Errors
/// The bytes are no weight file.
pub fn without_enhancement(bytes: &[u8]) -> Result<Vec<u8>, WeightsError> {
    WeightFile::parse(bytes)?.with(|entries| {
        entries.remove("enhance.weight");
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain;
    use crate::weights::EMBEDDED;

    #[test]
    fn a_weight_file_with_another_filter_makes_other_pixels_of_the_same_symbols() {
        let before = WeightFile::parse(EMBEDDED).unwrap();
        let weights: Vec<f32> = (0..Enhancement::COUNT).map(|i| (i % 61) as f32 / 64.0).collect();
        let enhancement = Enhancement::new(weights).unwrap();
        let bytes = with_enhancement(EMBEDDED, &enhancement).unwrap();
        let after = WeightFile::parse(&bytes).unwrap();
        assert_eq!(plain::enhancement(&after).unwrap(), Some(enhancement));
        assert_eq!(after.parse_id(), before.parse_id());
        assert_ne!(after.synthesis_id(), before.synthesis_id());
        let without = without_enhancement(&bytes).unwrap();
        assert_eq!(plain::enhancement(&WeightFile::parse(&without).unwrap()).unwrap(), None);
        assert_eq!(without_enhancement(&without).unwrap(), without);
    }

    #[test]
    fn equations_of_a_linear_relation_give_it_back_to_classes_without_pixels_too_and_those_of_nothing_give_nothing() {
        let [knots, classes, features, colours] = ENHANCEMENT;
        let right = |i: usize, c: usize| (i as f64 - 30.0) / 100.0 + c as f64;
        let equation = |number: usize| {
            let seen = f64::from(u8::from(!number.is_multiple_of(3) && !(number / DIRECTIONS).is_multiple_of(4)));
            // Features that have to do with each other a little.
            let product = |i: usize, j: usize| if i == j { 50.0 } else { 10.0 / (1.0 + i.abs_diff(j) as f64) } * seen;
            let error = |i: usize, c: usize| (0..features).map(|j| product(i, j) * right(j, c)).sum();
            let products = (0..features * features).map(|at| product(at / features, at % features)).collect();
            (products, (0..features * colours).map(|at| error(at / colours, at % colours)).collect())
        };
        let found = solve_enhancement((0..knots * classes).map(equation)).unwrap();
        for (number, class) in found.weights().chunks_exact(features * colours).enumerate() {
            for (at, &weight) in class.iter().enumerate() {
                let right =
                    if (number / DIRECTIONS).is_multiple_of(4) { 0.0 } else { right(at / colours, at % colours) };
                assert!((f64::from(weight) - right).abs() < 0.01, "{number}, {at}: {weight} for {right}");
            }
        }
        assert_eq!(solve_enhancement((0..7).map(equation)), None);
        assert_eq!(solve_enhancement([(vec![1.0], vec![1.0])].into_iter()), None);
    }
}
