//! The rules by which one number is made of several, for a whole tensor.

/// A tensor of one model and the weight of that model.
pub(super) type Weighted<'a> = (&'a [f32], f64);

/// The weighted mean (model soups, Wortsman et al. 2022, arXiv 2203.05482).
pub(super) fn linear(models: &[Weighted], out: &mut [f32]) {
    let total: f64 = models.iter().map(|(_, weight)| weight).sum();
    for (at, out) in out.iter_mut().enumerate() {
        let sum: f64 = models
            .iter()
            .map(|(values, weight)| weight * f64::from(values[at]))
            .sum();
        *out = (sum / total) as f32;
    }
}

/// Vectors closer to one line than this (as the cosine of their angle) are mixed linearly.
const PARALLEL: f64 = 0.9995;

/// Spherical interpolation from `first` (`t` = 0) to `second` (`t` = 1) along the arc between their directions (Shoemake 1985);
/// a tensor is one vector.
pub(super) fn slerp(first: &[f32], second: &[f32], t: f64, out: &mut [f32]) {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let cosine = dot(first, second) / (dot(first, first) * dot(second, second)).sqrt();
    // A vector of zeros has no direction: its cosine is no number.
    let (from_first, from_second) = if cosine.abs() < PARALLEL {
        let angle = cosine.acos();
        let share = |t: f64| (t * angle).sin() / angle.sin();
        (share(1.0 - t), share(t))
    } else {
        (1.0 - t, t)
    };
    for ((out, first), second) in out.iter_mut().zip(first).zip(second) {
        *out = (from_first * f64::from(*first) + from_second * f64::from(*second)) as f32;
    }
}

/// The base and the weighted sum of what each model changed (task arithmetic, Ilharco et al. 2023, arXiv 2212.04089).
pub(super) fn task_arithmetic(base: &[f32], models: &[Weighted], out: &mut [f32]) {
    for (at, out) in out.iter_mut().enumerate() {
        let base = f64::from(base[at]);
        let change: f64 = models
            .iter()
            .map(|(values, weight)| weight * (f64::from(values[at]) - base))
            .sum();
        *out = (base + change) as f32;
    }
}

/// TIES (Yadav et al. 2023, arXiv 2306.01708): of each model's changes the largest share `density` is kept; each element takes the
/// sign that has more weight; those that have it are averaged, times `scale`, onto the base.
///
/// Trimmed a tensor at a time.
pub(super) fn ties(base: &[f32], models: &[Weighted], density: f64, scale: f64, out: &mut [f32]) {
    let trimmed: Vec<(Vec<f64>, f64)> = models
        .iter()
        .map(|(values, weight)| {
            let change = |(value, base): (&f32, &f32)| f64::from(*value) - f64::from(*base);
            let changes = values.iter().zip(base).map(change);
            (trim(changes.collect(), density), *weight)
        })
        .collect();
    for (at, out) in out.iter_mut().enumerate() {
        let changes = || {
            trimmed
                .iter()
                .map(|(changes, weight)| (changes[at], *weight))
        };
        let mass: f64 = changes().map(|(change, weight)| weight * change).sum();
        let agreeing = || changes().filter(|(change, _)| change * mass > 0.0);
        let weights: f64 = agreeing().map(|(_, weight)| weight).sum();
        let sum: f64 = agreeing().map(|(change, weight)| weight * change).sum();
        let mean = if weights > 0.0 { sum / weights } else { 0.0 };
        *out = (f64::from(base[at]) + scale * mean) as f32;
    }
}

/// Sets all but the `density` largest changes to zero; of equal ones the first are kept.
fn trim(mut changes: Vec<f64>, density: f64) -> Vec<f64> {
    let kept = (density * changes.len() as f64).round() as usize;
    if kept >= changes.len() {
        return changes;
    }
    let mut sizes: Vec<f64> = changes.iter().map(|change| change.abs()).collect();
    let threshold = match kept.checked_sub(1) {
        Some(last) => *sizes.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1,
        None => f64::INFINITY,
    };
    let larger = changes
        .iter()
        .filter(|change| change.abs() > threshold)
        .count();
    let mut equal = kept.saturating_sub(larger);
    for change in &mut changes {
        let size = change.abs();
        if size == threshold && equal > 0 {
            equal -= 1;
        } else if size <= threshold {
            *change = 0.0;
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(rule: impl FnOnce(&mut [f32]), len: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; len];
        rule(&mut out);
        out
    }

    #[test]
    fn a_mean_by_hand() {
        let models = [(&[1.0_f32, 2.0][..], 1.0), (&[3.0, -2.0], 3.0)];
        // (1 + 3*3) / 4 and (2 - 3*2) / 4.
        assert_eq!(merged(|out| linear(&models, out), 2), [2.5, -1.0]);
    }

    #[test]
    fn a_quarter_of_an_arc_by_hand() {
        let (first, second) = ([2.0_f32, 0.0], [0.0, 2.0]);
        let at = |t| merged(|out| slerp(&first, &second, t, out), 2);
        assert_eq!((at(0.0), at(1.0)), (vec![2.0, 0.0], vec![0.0, 2.0]));
        // Half of a right angle: sin 45 / sin 90 of each, so the length stays 2.
        let half = at(0.5);
        let expected = 2.0 * 0.5_f32.sqrt();
        assert!(
            half.iter().all(|value| (value - expected).abs() < 1e-6),
            "{half:?}"
        );
        // A third of 90 degrees: 2 sin 60 and 2 sin 30.
        let third = at(1.0 / 3.0);
        assert!((third[0] - 3.0_f32.sqrt()).abs() < 1e-6 && (third[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn parallel_and_empty_vectors_are_mixed_linearly() {
        let mixed = merged(|out| slerp(&[1.0, 1.0], &[3.0, 3.0], 0.5, out), 2);
        assert_eq!(mixed, [2.0, 2.0]);
        let zero = merged(|out| slerp(&[0.0, 0.0], &[3.0, 1.0], 0.5, out), 2);
        assert_eq!(zero, [1.5, 0.5]);
    }

    #[test]
    fn changes_add_up_by_hand() {
        let models = [(&[2.0_f32, 5.0][..], 1.0), (&[1.0, 1.0], 0.5)];
        // 1 + (2-1) + 0.5 (1-1) and 3 + (5-3) + 0.5 (1-3).
        let got = merged(|out| task_arithmetic(&[1.0, 3.0], &models, out), 2);
        assert_eq!(got, [2.0, 4.0]);
    }

    #[test]
    fn signs_are_elected_by_hand() {
        let base = [0.0_f32; 4];
        // Half of four is kept of each: 4 and -3; 2 and 5; -6 and 1.
        let models = [
            (&[4.0_f32, -3.0, 1.0, 0.5][..], 1.0),
            (&[2.0, 0.1, 5.0, -1.0], 1.0),
            (&[-0.5, -6.0, 0.2, 1.0], 1.0),
        ];
        // 4 and 2 agree: 3. -3 and -6: -4.5. Only 5. Only 1.
        let got = merged(|out| ties(&base, &models, 0.5, 1.0, out), 4);
        assert_eq!(got, [3.0, -4.5, 5.0, 1.0]);
        // Of 4, 2 and -0.5 the sum is positive, so -0.5 has no say; likewise 0.1; all three agree; 0.5 - 1 + 1 is positive.
        let got = merged(|out| ties(&base, &models, 1.0, 1.0, out), 4);
        assert_eq!(got, [3.0, -4.5, (6.2_f64 / 3.0) as f32, 0.75]);
        let halved = merged(|out| ties(&base, &models, 0.5, 0.5, out), 4);
        assert_eq!(halved, [1.5, -2.25, 2.5, 0.5]);
        let none = merged(|out| ties(&base, &models, 0.0, 1.0, out), 4);
        assert_eq!(none, base);
    }

    #[test]
    fn of_equal_changes_the_first_are_kept() {
        assert_eq!(trim(vec![1.0, -1.0, 1.0, 2.0], 0.5), [1.0, 0.0, 0.0, 2.0]);
    }
}
