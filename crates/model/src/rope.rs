//! Rotary frequencies and their stretching.

use std::f64::consts::PI;

/// How frequencies are stretched beyond the original context.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scaling {
    /// As trained.
    None,
    /// Long wavelengths divided by `factor`, short ones kept, a ramp between.
    Llama3 {
        /// How many times longer.
        factor: f64,
        /// Wavelengths above `original / low_freq_factor` are stretched fully.
        low_freq_factor: f64,
        /// Wavelengths below `original / high_freq_factor` stay.
        high_freq_factor: f64,
        /// Context before stretching, in tokens.
        original: usize,
    },
    /// A ramp over the dimensions, and a factor on cos and sin (Peng et al. 2023, arXiv 2309.00071).
    Yarn {
        /// How many times longer.
        factor: f64,
        /// Context before stretching, in tokens.
        original: usize,
        /// Rotations above which a frequency stays.
        beta_fast: f64,
        /// Rotations below which it is stretched fully.
        beta_slow: f64,
        /// On cos and sin.
        attention_factor: f64,
    },
}

/// The turns of a decoder's q and k.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotations {
    inverse_frequencies: Vec<f64>,
    amplitude: f64,
}

impl Rotations {
    /// Of heads of `head_dim`, in pairs of `i` and `i + head_dim / 2`.
    pub fn new(head_dim: usize, theta: f64, scaling: Scaling) -> Self {
        Self {
            inverse_frequencies: inverse_frequencies(head_dim, theta, scaling),
            amplitude: amplitude(scaling),
        }
    }

    /// Pairs of a head.
    pub(crate) fn pairs(&self) -> usize {
        self.inverse_frequencies.len()
    }

    /// cos and sin of each position's angles, `[positions, head_dim / 2]`. Angles are formed in f64, because f32 loses
    /// the small ones at long contexts.
    pub(crate) fn at(&self, positions: &[i32]) -> (Vec<f32>, Vec<f32>) {
        let angles = positions.iter().flat_map(|&position| {
            self.inverse_frequencies
                .iter()
                .map(move |f| f64::from(position) * f)
        });
        angles
            .map(|angle| {
                (
                    (self.amplitude * angle.cos()) as f32,
                    (self.amplitude * angle.sin()) as f32,
                )
            })
            .unzip()
    }
}

/// Angle per position of each of the `head_dim / 2` pairs.
pub fn inverse_frequencies(head_dim: usize, theta: f64, scaling: Scaling) -> Vec<f64> {
    let plain = (0..head_dim / 2).map(|pair| theta.powf(-2.0 * pair as f64 / head_dim as f64));
    match scaling {
        Scaling::None => plain.collect(),
        Scaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original,
        } => {
            let original = original as f64;
            plain
                .map(|frequency| {
                    let wavelength = 2.0 * PI / frequency;
                    if wavelength < original / high_freq_factor {
                        frequency
                    } else if wavelength > original / low_freq_factor {
                        frequency / factor
                    } else {
                        let keep = (original / wavelength - low_freq_factor)
                            / (high_freq_factor - low_freq_factor);
                        (1.0 - keep) * frequency / factor + keep * frequency
                    }
                })
                .collect()
        }
        Scaling::Yarn {
            factor,
            original,
            beta_fast,
            beta_slow,
            ..
        } => {
            // The pair that turns `rotations` times over the original context.
            let pair_of = |rotations: f64| {
                head_dim as f64 * (original as f64 / (rotations * 2.0 * PI)).ln()
                    / (2.0 * theta.ln())
            };
            let low = pair_of(beta_fast).floor().max(0.0);
            let high = pair_of(beta_slow).ceil().min(head_dim as f64 - 1.0);
            // A ramp of no width would divide by zero.
            let width = if high > low { high - low } else { 0.001 };
            plain
                .enumerate()
                .map(|(pair, frequency)| {
                    let stretched = ((pair as f64 - low) / width).clamp(0.0, 1.0);
                    frequency / factor * stretched + frequency * (1.0 - stretched)
                })
                .collect()
        }
    }
}

/// Factor on cos and sin.
fn amplitude(scaling: Scaling) -> f64 {
    match scaling {
        Scaling::Yarn {
            attention_factor, ..
        } => attention_factor,
        Scaling::None | Scaling::Llama3 { .. } => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_frequencies_fall_geometrically() {
        let frequencies = inverse_frequencies(8, 10_000.0, Scaling::None);
        let expected = [1.0, 0.1, 0.01, 0.001];
        for (got, expected) in frequencies.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn llama3_keeps_short_waves_and_stretches_long_ones() {
        let scaling = Scaling::Llama3 {
            factor: 16.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original: 8192,
        };
        let plain = inverse_frequencies(64, 1e6, Scaling::None);
        let scaled = inverse_frequencies(64, 1e6, scaling);
        assert_eq!(plain[0], scaled[0]);
        assert!((plain[31] / scaled[31] - 16.0).abs() < 1e-9);
        // A wave of 8192 / 2 tokens lies on the ramp: a third of the way from stretched to kept.
        let ramp = plain
            .iter()
            .zip(&scaled)
            .filter(|(p, s)| (*p / *s) > 1.001 && (*p / *s) < 15.999)
            .count();
        assert!(ramp > 0);
        assert!(scaled.windows(2).all(|pair| pair[1] < pair[0]));
    }

    #[test]
    fn yarn_ends_match_both_sides() {
        let scaling = Scaling::Yarn {
            factor: 4.0,
            original: 32_768,
            beta_fast: 32.0,
            beta_slow: 1.0,
            attention_factor: 0.1 * 4.0f64.ln() + 1.0,
        };
        let plain = inverse_frequencies(128, 1e4, Scaling::None);
        let scaled = inverse_frequencies(128, 1e4, scaling);
        assert_eq!(plain[0], scaled[0]);
        assert!((plain[63] / scaled[63] - 4.0).abs() < 1e-9);
        assert!((amplitude(scaling) - 1.138_629_436).abs() < 1e-9);
    }
}
