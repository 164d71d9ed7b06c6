//! The same bits whatever the number of threads, and each time again.

use super::*;

/// Results of `work` in pools of one, two and three threads, and once more in the last.
fn same_in_all_pools(name: &str, work: impl Fn() -> Vec<Vec<f32>> + Sync) {
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool of threads")
            .install(&work)
    };
    let one = run(1);
    for threads in [2, 3, 3] {
        assert_eq!(run(threads), one, "{name} on {threads} threads");
    }
}

/// Output and gradients of a function of three tensors.
fn outcome<const A: usize, const B: usize, const C: usize, const O: usize>(
    inputs: (Tensor<A>, Tensor<B>, Tensor<C>),
    operation: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<O>,
) -> Vec<Vec<f32>> {
    let a = inputs.0.autodiff().require_grad();
    let b = inputs.1.autodiff().require_grad();
    let c = inputs.2.autodiff().require_grad();
    let output = operation(a.clone(), b.clone(), c.clone());
    let dy = Random(3).floats(output.dims());
    let mut found = crate::seed_backward(output.clone(), dy).backward();
    [
        Some(values(output.inner())),
        a.grad_remove(&mut found).map(values),
        b.grad_remove(&mut found).map(values),
        c.grad_remove(&mut found).map(values),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn operations_do_not_depend_on_the_number_of_threads() {
    for precision in [Precision::F32, Precision::Bf16] {
        same_in_all_pools("linear", || {
            let mut random = Random(1);
            let inputs = (
                random.floats([2, 130, 70]),
                random.floats([190, 70]),
                random.floats([1]),
            );
            outcome(inputs, |x, w, _| crate::linear(x, w, precision))
        });
        same_in_all_pools("attention", || {
            let mut random = Random(2);
            let inputs = (
                random.floats([2, 150, 6, 12]),
                random.floats([2, 150, 2, 12]),
                random.floats([2, 150, 2, 12]),
            );
            let spec = AttentionSpec {
                scale: 0.3,
                window: Some(120),
                softcap: None,
                precision,
            };
            let starts = integers(vec![0; 300], [2, 150]);
            outcome(inputs, move |q, k, v| {
                crate::attention(q, k, v, starts.clone(), spec)
            })
        });
        for promised in [false, true] {
            same_in_all_pools("head", || {
                let mut random = Random(4);
                let inputs = (
                    random.floats([2, 70, 24]),
                    random.floats([301, 24]),
                    random.floats([1]),
                );
                let targets = integers((0..140).map(|i| i * 2 - 1).collect(), [2, 70]);
                let promise = promised.then(|| Random(3).floats([2, 70]));
                let spec = HeadSpec::plain(precision);
                outcome(inputs, move |x, w, _| {
                    crate::target_log_probs(x, w, targets.clone(), spec, promise.clone())
                })
            });
        }
    }
    let rows = |random: &mut Random| random.floats([2, 400, 130]);
    same_in_all_pools("residual_rms_norm", || {
        let mut random = Random(5);
        let inputs = (rows(&mut random), rows(&mut random), random.floats([130]));
        let spec = NormSpec::plain(1e-5);
        outcome(inputs, |x, y, w| {
            let (sum, normed) = crate::residual_rms_norm(x, y, 0.5, w, spec);
            sum + normed
        })
    });
    same_in_all_pools("swiglu", || {
        let mut random = Random(6);
        let inputs = (rows(&mut random), rows(&mut random), random.floats([1]));
        outcome(inputs, |gate, up, _| crate::swiglu(gate, up, None))
    });
    same_in_all_pools("embedding", || {
        let mut random = Random(7);
        let inputs = (
            random.floats([50, 130]),
            random.floats([1]),
            random.floats([1]),
        );
        let ids = integers((0..800).map(|i| i * 31 % 50).collect(), [2, 400]);
        outcome(inputs, move |w, _, _| crate::embedding(w, ids.clone()))
    });
}

#[test]
fn updates_do_not_depend_on_the_number_of_threads() {
    use crate::{FlatBuffer, MuonCoefficients, global_norm_squared, muon_update};
    same_in_all_pools("norm and muon", || {
        let (rows, columns) = (130, 190);
        let [mut weights, mut gradients, mut momentum] =
            std::array::from_fn(|_| FlatBuffer::zeros(rows * columns));
        let drawn = values(Random(8).floats([rows, columns]));
        gradients.host_mut().copy_from_slice(&drawn);
        let coefficients = MuonCoefficients {
            learning_rate: 0.1,
            momentum: 0.9,
            nesterov: true,
            newton_schulz_steps: 5,
            weight_decay: 0.1,
            gradient_scale: 1.0,
            precision: Precision::F32,
        };
        let sizes = [rows, columns];
        muon_update(
            &mut weights,
            &gradients,
            &mut momentum,
            0,
            sizes,
            &coefficients,
        );
        let norm = global_norm_squared(&gradients, 0..rows * columns);
        vec![
            weights.host().to_vec(),
            vec![norm as f32, (norm * 1e6).fract() as f32],
        ]
    });
}
