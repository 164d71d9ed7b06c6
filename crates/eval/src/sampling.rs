//! Choosing the next token from logits: greedy, or by temperature and nucleus, the same for the same seed everywhere.

use crate::error::EvalError;

/// How a token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampler {
    temperature: f64,
    top_p: f64,
    seed: u64,
}

impl Sampler {
    pub(crate) fn new(temperature: f64, top_p: f64, seed: u64) -> Result<Self, EvalError> {
        let setting = |field, expected, got: f64| EvalError::Setting {
            field,
            expected,
            got: got.to_string(),
        };
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(setting(
                "temperature",
                "a number from 0 (always the most probable token) on",
                temperature,
            ));
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(setting("top_p", "a number above 0 and at most 1", top_p));
        }
        Ok(Self {
            temperature,
            top_p,
            seed,
        })
    }

    /// The token at place `counter` of the text; `None` if a logit is not a number.
    pub(crate) fn choose(&self, logits: &[f32], counter: u64) -> Option<u32> {
        let best = most_probable(logits)?;
        if self.temperature == 0.0 {
            return Some(best as u32);
        }
        let highest = f64::from(logits[best]);
        let mut weights: Vec<(u32, f64)> = logits
            .iter()
            .zip(0..)
            .map(|(logit, id)| (id, ((f64::from(*logit) - highest) / self.temperature).exp()))
            .collect();
        // Ties by id, so that the order is the same everywhere.
        weights.sort_unstable_by(|(id, weight), (other_id, other)| {
            other.total_cmp(weight).then(id.cmp(other_id))
        });
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let nucleus = nucleus_len(&weights, self.top_p * total);
        weights.truncate(nucleus);
        let kept: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let mut left = unit(self.seed, counter) * kept;
        for (id, weight) in &weights {
            left -= weight;
            if left < 0.0 {
                return Some(*id);
            }
        }
        // Rounding may leave a last crumb.
        weights.last().map(|(id, _)| *id)
    }
}

/// The lowest id among those with the largest logit.
fn most_probable(logits: &[f32]) -> Option<usize> {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if !logit.is_finite() {
            return None;
        }
        if *logit > logits[best] {
            best = id;
        }
    }
    (!logits.is_empty()).then_some(best)
}

/// How many of the largest weights reach `mass` (Holtzman et al. 2020, arXiv 1904.09751): at least one.
fn nucleus_len(weights: &[(u32, f64)], mass: f64) -> usize {
    let mut sum = 0.0;
    let reaches = weights.iter().position(|(_, weight)| {
        sum += weight;
        sum >= mass
    });
    reaches.map_or(weights.len(), |index| index + 1)
}

/// A number in [0, 1) for each place of each seed, by the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
fn unit(seed: u64, counter: u64) -> f64 {
    (mix(mix(seed) ^ counter) >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(sampler: impl Fn(u64) -> Sampler, logits: &[f32], draws: u64) -> Vec<f64> {
        let mut counts = vec![0.0; logits.len()];
        for draw in 0..draws {
            // Both ways of getting another number must be good: another seed and another place.
            let token = sampler(draw / 100).choose(logits, draw % 100).unwrap();
            counts[token as usize] += 1.0 / draws as f64;
        }
        counts
    }

    fn check(temperature: f64, top_p: f64, expected: [f64; 3]) {
        let logits = [0.0, 2f32.ln(), 5f32.ln()];
        let got = shares(
            |seed| Sampler::new(temperature, top_p, seed).unwrap(),
            &logits,
            40_000,
        );
        for (got, expected) in got.iter().zip(expected) {
            assert!(
                (got - expected).abs() < 0.01,
                "temperature {temperature}, top_p {top_p}: {got} for {expected}"
            );
        }
    }

    #[test]
    fn tokens_come_as_often_as_the_softmax_says() {
        check(1.0, 1.0, [0.125, 0.25, 0.625]);
        check(0.5, 1.0, [1.0 / 30.0, 4.0 / 30.0, 25.0 / 30.0]);
        check(1.0, 0.8, [0.0, 2.0 / 7.0, 5.0 / 7.0]);
        check(1.0, 0.6, [0.0, 0.0, 1.0]);
        check(1.0, 1e-9, [0.0, 0.0, 1.0]);
        check(0.0, 1.0, [0.0, 0.0, 1.0]);
    }

    #[test]
    fn ties_go_to_the_lowest_id_and_extremes_stay_numbers() {
        assert_eq!(
            Sampler::new(0.0, 1.0, 0)
                .unwrap()
                .choose(&[1.0, 3.0, 3.0], 0),
            Some(1)
        );
        assert_eq!(
            Sampler::new(1e-300, 1.0, 0)
                .unwrap()
                .choose(&[-3e38, 3e38], 0),
            Some(1)
        );
        assert!(
            Sampler::new(1e300, 1.0, 0)
                .unwrap()
                .choose(&[-3e38, 3e38], 0)
                .is_some()
        );
        assert_eq!(
            Sampler::new(1.0, 1.0, 0)
                .unwrap()
                .choose(&[0.0, f32::NAN], 0),
            None
        );
        assert_eq!(Sampler::new(1.0, 1.0, 0).unwrap().choose(&[], 0), None);
    }

    #[test]
    fn settings_that_mean_nothing_are_refused() {
        for (temperature, top_p) in [
            (-0.1, 1.0),
            (f64::NAN, 1.0),
            (f64::INFINITY, 1.0),
            (1.0, 0.0),
            (1.0, 1.1),
            (1.0, f64::NAN),
        ] {
            assert!(matches!(
                Sampler::new(temperature, top_p, 0),
                Err(EvalError::Setting { .. })
            ));
        }
    }
}
