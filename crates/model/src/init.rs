//! Initial values from a counter-based generator keyed by (seed, parameter name, element): the same numbers whatever
//! rank, shard or order asks for them.

use rayon::prelude::*;

use crate::distribution::Distribution;
use crate::table::Parameter;

/// Fills `values` with the first values of a parameter.
///
/// # Panics
/// If `values` has another number of elements.
pub fn initial_values(parameter: &Parameter, seed: u64, values: &mut [f32]) {
    assert_eq!(
        values.len(),
        parameter.num_elements(),
        "size of `{}`",
        parameter.name
    );
    match parameter.distribution {
        Distribution::Constant(value) => values.fill(value),
        Distribution::Normal { deviation } => {
            normal_values(&parameter.name, seed, deviation, values);
        }
    }
}

/// Fills `values` with the first numbers of a name's stream: normal, of mean 0.
pub fn normal_values(name: &str, seed: u64, deviation: f64, values: &mut [f32]) {
    let key = key_of(name, seed);
    values
        .par_chunks_mut(2)
        .with_min_len(4096)
        .enumerate()
        .for_each(|(pair, values)| {
            for (value, normal) in values.iter_mut().zip(normal_pair(key, pair as u64)) {
                *value = (normal * deviation) as f32;
            }
        });
}

/// FNV-1a over the name, then mixed with the seed.
fn key_of(name: &str, seed: u64) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(hash ^ mix(seed))
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Two standard normal numbers from one counter (Box and Muller 1958).
fn normal_pair(key: u64, counter: u64) -> [f64; 2] {
    let unit = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let first = unit(mix(key ^ mix(2 * counter)));
    let second = unit(mix(key ^ mix(2 * counter + 1)));
    let radius = (-2.0 * first.ln()).sqrt();
    let (sin, cos) = (2.0 * std::f64::consts::PI * second).sin_cos();
    [radius * cos, radius * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_the_moments_of_a_normal() {
        let numbers: Vec<f64> = (0..100_000)
            .flat_map(|counter| normal_pair(42, counter))
            .collect();
        let moment =
            |power: i32| numbers.iter().map(|n| n.powi(power)).sum::<f64>() / numbers.len() as f64;
        assert!(moment(1).abs() < 0.01, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.1, "kurtosis {}", moment(4));
    }

    #[test]
    fn names_and_seeds_give_different_streams() {
        assert_ne!(key_of("a", 1), key_of("b", 1));
        assert_ne!(key_of("a", 1), key_of("a", 2));
    }
}
