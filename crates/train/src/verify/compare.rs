//! One program's numbers against another's: the worst difference of each quantity, and whether it is within its bound.

use super::reference::Reference;
use super::{GLOBAL_NORM_BOUND, GRADIENT_NORM_BOUND, LOG_PROBABILITY_BOUND, LOSS_BOUND, Measured};

/// Where two programs differ most, measured by what is allowed there.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The place in the reference: `logprobs[2][16]`, `loss`, or a tensor's name.
    pub place: String,
    /// What the reference says.
    pub expected: f64,
    /// What was computed here.
    pub got: f64,
    /// The most that the two may be apart at this place.
    pub bound: f64,
}

impl Difference {
    /// How far the two are apart; infinite where one of them is no number.
    pub fn distance(&self) -> f64 {
        let distance = (self.got - self.expected).abs();
        if distance.is_nan() {
            f64::INFINITY
        } else {
            distance
        }
    }

    /// Whether they are as near as they must be.
    pub fn within_bound(&self) -> bool {
        self.distance().is_finite() && self.distance() <= self.bound
    }

    fn share_of_bound(&self) -> f64 {
        // Two zeros are equal, whatever the bound.
        if self.distance() == 0.0 {
            0.0
        } else {
            self.distance() / self.bound
        }
    }
}

/// The worst of each quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Of all log-probabilities.
    pub logprobs: Difference,
    /// Of the loss.
    pub loss: Difference,
    /// Of all tensors' gradient norms; `None` where the reference has none.
    pub grad_norms: Option<Difference>,
}

impl Comparison {
    /// Names of the quantities that are out of bounds, in the order of the fields.
    pub fn out_of_bounds(&self) -> Vec<&'static str> {
        let quantities = [
            ("log-probabilities", Some(&self.logprobs)),
            ("loss", Some(&self.loss)),
            ("gradient norms", self.grad_norms.as_ref()),
        ];
        quantities
            .into_iter()
            .filter(|(_, worst)| worst.is_some_and(|worst| !worst.within_bound()))
            .map(|(name, _)| name)
            .collect()
    }
}

/// Holds what was computed against what was expected.
///
/// # Panics
/// If `measured` is not of the reference's ids and model.
pub fn compare(reference: &Reference, measured: &Measured) -> Comparison {
    let rows = reference.logprobs.iter().zip(&measured.logprobs);
    let logprobs = rows.enumerate().flat_map(|(row, (expected, got))| {
        let pairs = expected.iter().zip(got);
        pairs
            .enumerate()
            .map(move |(at, (expected, got))| Difference {
                place: format!("logprobs[{row}][{at}]"),
                expected: *expected,
                got: f64::from(*got),
                bound: LOG_PROBABILITY_BOUND,
            })
    });
    Comparison {
        logprobs: worst(logprobs).expect("a reference has at least one log-probability"),
        loss: Difference {
            place: "loss".to_owned(),
            expected: reference.loss,
            got: measured.loss,
            bound: LOSS_BOUND,
        },
        grad_norms: reference.grad_norms.as_ref().and_then(|norms| {
            let global = norms.values().fold(0.0, |sum: f64, norm| sum.hypot(*norm));
            worst(norms.iter().map(|(name, expected)| Difference {
                place: name.clone(),
                expected: *expected,
                got: measured.grad_norms.get(name).copied().unwrap_or(f64::NAN),
                bound: (GRADIENT_NORM_BOUND * expected).max(GLOBAL_NORM_BOUND * global),
            }))
        }),
    }
}

fn worst(differences: impl Iterator<Item = Difference>) -> Option<Difference> {
    // The first of equals, so that the same numbers name the same place.
    differences.reduce(|worst, next| {
        if next.share_of_bound() > worst.share_of_bound() {
            next
        } else {
            worst
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn norms(values: [f64; 3]) -> BTreeMap<String, f64> {
        ["large", "none", "small"]
            .map(str::to_owned)
            .into_iter()
            .zip(values)
            .collect()
    }

    /// A reference and what was measured, alike.
    fn alike() -> (Reference, Measured) {
        let reference = Reference {
            ids: vec![vec![1, 2, 3], vec![4, 5]],
            logprobs: vec![vec![-1.0, -2.0], vec![-3.0]],
            loss: 2.0,
            grad_norms: Some(norms([100.0, 0.0, 1e-3])),
        };
        let measured = Measured {
            logprobs: vec![vec![-1.0, -2.0], vec![-3.0]],
            loss: 2.0,
            grad_norms: norms([100.0, 0.0, 1e-3]),
        };
        (reference, measured)
    }

    fn out_of_bounds(change: impl FnOnce(&mut Measured)) -> (Vec<&'static str>, Comparison) {
        let (reference, mut measured) = alike();
        change(&mut measured);
        let comparison = compare(&reference, &measured);
        (comparison.out_of_bounds(), comparison)
    }

    #[test]
    fn each_quantity_has_its_own_bound() {
        assert!(out_of_bounds(|_| ()).0.is_empty());
        assert!(
            out_of_bounds(|m| m.logprobs[1][0] -= 0.9e-4).0.is_empty(),
            "just within"
        );
        let (names, comparison) = out_of_bounds(|m| {
            m.logprobs[1][0] -= 1.2e-4;
            m.logprobs[0][1] += 1.1e-4;
        });
        assert_eq!(names, ["log-probabilities"]);
        assert_eq!(comparison.logprobs.place, "logprobs[1][0]");
        assert!(out_of_bounds(|m| m.loss += 0.9e-5).0.is_empty());
        assert_eq!(out_of_bounds(|m| m.loss -= 1.1e-5).0, ["loss"]);
    }

    #[test]
    fn a_norm_may_be_off_by_a_share_of_itself_or_of_all() {
        let off = |name: &'static str, by: f64| {
            out_of_bounds(move |m| *m.grad_norms.get_mut(name).expect("a name") += by)
        };
        assert!(off("large", 0.09).0.is_empty());
        assert_eq!(off("large", -0.11).0, ["gradient norms"]);
        for name in ["none", "small"] {
            assert!(off(name, 0.9e-4).0.is_empty());
            let (names, comparison) = off(name, 1.2e-4);
            assert_eq!(names, ["gradient norms"]);
            assert_eq!(comparison.grad_norms.expect("norms").place, name);
        }
    }

    #[test]
    fn what_is_no_number_is_out_of_every_bound() {
        for value in [f64::NAN, f64::INFINITY] {
            assert_eq!(
                out_of_bounds(|m| m.logprobs[0][0] = value as f32).0,
                ["log-probabilities"]
            );
            assert_eq!(out_of_bounds(|m| m.loss = value).0, ["loss"]);
            let nowhere = out_of_bounds(|m| {
                m.grad_norms.insert("none".to_owned(), value);
            });
            assert_eq!(nowhere.0, ["gradient norms"]);
        }
        let missing = out_of_bounds(|m| {
            m.grad_norms.remove("large");
        });
        assert_eq!(missing.0, ["gradient norms"]);
    }

    #[test]
    fn without_norms_none_are_compared() {
        let (mut reference, measured) = alike();
        reference.grad_norms = None;
        assert_eq!(compare(&reference, &measured).grad_norms, None);
    }
}
