//! Each operation alone, beside what this machine's arithmetic and memory allow (the roofline of Williams et al. 2009).

use std::fmt;
use std::time::Instant;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::matrix_rate::{measure_matrix_rate, median, time_reading};
use crate::{
    AdamWCoefficients, AttentionSpec, FlatBuffer, HeadSpec, LayerCache, MuonCoefficients, NormSpec,
    Precision, adamw_update, attention, embedding, global_norm_squared, linear, muon_update,
    residual, residual_rms_norm, rms_norm, rope, seed_backward, swiglu, target_log_probs,
};

/// Sizes of the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the shapes")]
pub struct BenchShape {
    pub batch: usize,
    pub seq: usize,
    pub hidden: usize,
    pub ffn: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub vocab: usize,
}

impl BenchShape {
    /// Memory that [`bench_operations`] and [`measure_roofline`] take at most, about.
    pub fn peak_bytes(&self) -> u64 {
        let tokens = self.batch.saturating_mul(self.seq);
        let widths = self
            .heads
            .saturating_mul(self.head_dim)
            .saturating_add(self.hidden)
            .saturating_add(self.ffn);
        // The optimizer's buffers, or a table with its gradient; activations with their derivatives; chunks of logits.
        let numbers = self
            .vocab
            .saturating_mul(self.hidden)
            .saturating_mul(4)
            .saturating_add(tokens.saturating_mul(widths).saturating_mul(6))
            .saturating_add(READ_NUMBERS);
        (numbers as u64).saturating_mul(4)
    }
}

/// What one operation reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperationRate {
    /// The operation.
    pub operation: &'static str,
    /// Forward, or forward and backward.
    pub direction: &'static str,
    /// Median of the calls.
    pub seconds: f64,
    /// Multiplications and additions of its matrix products, per second.
    pub flop_per_second: f64,
    /// Bytes that it has to read and write, per second.
    pub bytes_per_second: f64,
    /// Time that the machine's best rates allow over time taken; above 1 where tensors stay in the cache, since the limit is
    /// memory's.
    pub roofline_share: f64,
}

impl fmt::Display for OperationRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>27} {:<18} {:9.3} ms {:7.1} GFLOP/s {:6.1} GB/s {:5.0} %",
            self.operation,
            self.direction,
            1e3 * self.seconds,
            1e-9 * self.flop_per_second,
            1e-9 * self.bytes_per_second,
            100.0 * self.roofline_share
        )
    }
}

/// The best this machine does: matrix products in each format, and reading memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roofline {
    /// Products of the asked format.
    pub flop_per_second: f64,
    /// Reading, on all threads.
    pub bytes_per_second: f64,
}

impl fmt::Display for Roofline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "products {:.0} GFLOP/s, memory {:.1} GB/s",
            1e-9 * self.flop_per_second,
            1e-9 * self.bytes_per_second
        )
    }
}

/// Read to measure memory: far more than any cache holds.
const READ_NUMBERS: usize = 64 << 20;

/// Measures both limits: about half a second.
pub fn measure_roofline(precision: Precision) -> Roofline {
    let mut large = FlatBuffer::zeros(READ_NUMBERS);
    large.host_mut().fill(0.5);
    let reading = (0..8)
        .map(|_| time_reading(std::iter::once(&large)))
        .fold(f64::INFINITY, f64::min);
    Roofline {
        flop_per_second: measure_matrix_rate(precision).flop_per_second,
        bytes_per_second: 4.0 * large.len() as f64 / reading,
    }
}

/// Work of one call: operations of its matrix products, and numbers that must cross memory once.
#[derive(Clone, Copy)]
struct Work {
    flop: f64,
    numbers: f64,
}

struct Bench {
    shape: BenchShape,
    precision: Precision,
    name: String,
    repeats: usize,
    roofline: Roofline,
    rates: Vec<OperationRate>,
    seed: u64,
}

/// Times every operation whose name contains `name`, `repeats` times after one that does not count.
pub fn bench_operations(
    shape: BenchShape,
    precision: Precision,
    name: &str,
    repeats: usize,
    roofline: Roofline,
) -> Vec<OperationRate> {
    let mut bench = Bench {
        shape,
        precision,
        name: name.to_owned(),
        repeats,
        roofline,
        rates: Vec::new(),
        seed: 1,
    };
    bench.products();
    bench.rows();
    bench.attention();
    bench.head();
    bench.optimizer();
    bench.rates
}

impl Bench {
    fn floats<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product::<usize>())
            .map(|_| {
                self.seed = self
                    .seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (self.seed >> 40) as f32 / (1u64 << 23) as f32 - 1.0
            })
            .collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn ids(&self, below: usize) -> Tensor<2, Int> {
        let BenchShape { batch, seq, .. } = self.shape;
        let values: Vec<i32> = (0..batch * seq)
            .map(|i| ((i.wrapping_mul(2_654_435_761) >> 7) % below.max(1)) as i32)
            .collect();
        Tensor::from_data(TensorData::new(values, [batch, seq]), &Device::flex())
    }

    fn time(
        &mut self,
        operation: &'static str,
        direction: &'static str,
        work: Work,
        mut call: impl FnMut(),
    ) {
        if !operation.contains(&self.name) {
            return;
        }
        call();
        let seconds: Vec<f64> = (0..self.repeats.max(1))
            .map(|_| {
                let clock = Instant::now();
                call();
                clock.elapsed().as_secs_f64()
            })
            .collect();
        let seconds = median(seconds);
        let bytes = 4.0 * work.numbers;
        let limit =
            (work.flop / self.roofline.flop_per_second).max(bytes / self.roofline.bytes_per_second);
        self.rates.push(OperationRate {
            operation,
            direction,
            seconds,
            flop_per_second: work.flop / seconds,
            bytes_per_second: bytes / seconds,
            roofline_share: limit / seconds,
        });
    }

    /// Forward without a graph, and forward with backward; `work` is the forward's, and `back` what backward adds.
    fn both<const A: usize, const B: usize, const O: usize>(
        &mut self,
        operation: &'static str,
        [work, back]: [Work; 2],
        a: Tensor<A>,
        b: Tensor<B>,
        run: impl Fn(Tensor<A>, Tensor<B>) -> Tensor<O>,
    ) {
        let output = run(a.clone(), b.clone());
        let dy = self.floats(output.dims());
        drop(output);
        self.time(operation, "forward", work, || {
            drop(run(a.clone(), b.clone()));
        });
        let all = Work {
            flop: work.flop + back.flop,
            numbers: work.numbers + back.numbers,
        };
        self.time(operation, "forward + backward", all, || {
            let (a, b) = (
                a.clone().autodiff().require_grad(),
                b.clone().autodiff().require_grad(),
            );
            drop(seed_backward(run(a, b), dy.clone()).backward());
        });
    }

    fn products(&mut self) {
        let BenchShape {
            batch,
            seq,
            hidden,
            ffn,
            ..
        } = self.shape;
        let precision = self.precision;
        let x = self.floats([batch, seq, hidden]);
        let w = self.floats([ffn, hidden]);
        let sizes = [batch * seq, hidden, ffn];
        let [m, k, n] = sizes.map(|size| size as f64);
        let forward = Work {
            flop: 2.0 * m * k * n,
            numbers: m * k + k * n + m * n,
        };
        let back = Work {
            flop: 2.0 * forward.flop,
            numbers: 2.0 * forward.numbers,
        };
        self.both("linear", [forward, back], x, w, |x, w| {
            linear(x, w, precision)
        });
    }

    fn rows(&mut self) {
        let BenchShape {
            batch,
            seq,
            hidden,
            ffn,
            heads,
            head_dim,
            vocab,
            ..
        } = self.shape;
        let spec = NormSpec::plain(1e-5);
        let tokens = (batch * seq) as f64;
        let passes = |columns: usize, forward: f64, back: f64| {
            [forward, back].map(|numbers| Work {
                flop: 0.0,
                numbers: numbers * tokens * columns as f64,
            })
        };
        let (x, y) = (
            self.floats([batch, seq, hidden]),
            self.floats([batch, seq, hidden]),
        );
        let w = self.floats([hidden]);
        self.both(
            "rms_norm",
            passes(hidden, 2.0, 3.0),
            x.clone(),
            w.clone(),
            |x, w| rms_norm(x, w, spec),
        );
        self.both(
            "residual",
            passes(hidden, 3.0, 0.0),
            x.clone(),
            y.clone(),
            |x, y| residual(x, y, 1.0),
        );
        self.both(
            "residual_rms_norm",
            passes(hidden, 4.0, 3.0),
            x.clone(),
            y,
            |x, y| residual_rms_norm(x, y, 1.0, w.clone(), spec).1,
        );
        let (gate, up) = (
            self.floats([batch, seq, ffn]),
            self.floats([batch, seq, ffn]),
        );
        self.both("swiglu", passes(ffn, 3.0, 5.0), gate, up, |g, u| {
            swiglu(g, u, None)
        });
        let q = self.floats([batch, seq, heads, head_dim]);
        let (cos, sin) = (
            self.floats([batch, seq, head_dim / 2]),
            self.floats([batch, seq, head_dim / 2]),
        );
        self.both(
            "rope",
            passes(heads * head_dim, 2.0, 2.0),
            q,
            cos,
            |q, cos| rope(q, cos, sin.clone()),
        );
        let ids = self.ids(vocab);
        let table = self.floats([vocab, hidden]);
        let [forward, mut back] = passes(hidden, 2.0, 3.0);
        // The gradient is dense.
        back.numbers += (vocab * hidden) as f64;
        self.both("embedding", [forward, back], table, x, |table, _| {
            embedding(table, ids.clone())
        });
    }

    fn attention(&mut self) {
        let BenchShape {
            batch,
            seq,
            heads,
            kv_heads,
            head_dim,
            ..
        } = self.shape;
        let spec = AttentionSpec {
            scale: 1.0 / (head_dim as f32).sqrt(),
            window: None,
            softcap: None,
            precision: self.precision,
        };
        let q = self.floats([batch, seq, heads, head_dim]);
        let k = self.floats([batch, seq, kv_heads, head_dim]);
        let v = self.floats([batch, seq, kv_heads, head_dim]);
        let starts = Tensor::<2, Int>::zeros([batch, seq], &Device::flex());
        // A query sees half of the keys in the mean: two products forward, four backward (scores computed again are extra).
        let pairs = (batch * heads * seq) as f64 * (seq as f64 + 1.0) / 2.0;
        let numbers = (batch * seq * head_dim * 2 * (heads + kv_heads)) as f64;
        let forward = Work {
            flop: 4.0 * pairs * head_dim as f64,
            numbers,
        };
        let back = Work {
            flop: 2.0 * forward.flop,
            numbers: 2.0 * numbers,
        };
        self.both(
            "attention",
            [forward, back],
            q.clone(),
            k.clone(),
            |q, k| attention(q, k, v.clone(), starts.clone(), spec),
        );
        // One token of a text of `seq`.
        let mut cache = LayerCache::new(kv_heads, head_dim);
        let first = |x: &Tensor<4>| x.clone().narrow(0, 0, 1);
        drop(cache.attend(first(&q), first(&k), first(&v), spec));
        let one = |x: &Tensor<4>| first(x).narrow(1, 0, 1);
        let (q, k, v) = (one(&q), one(&k), one(&v));
        let read = Work {
            flop: 0.0,
            numbers: (2 * seq * kv_heads * head_dim) as f64,
        };
        self.time("attention, cached token", "forward", read, || {
            drop(cache.attend(q.clone(), k.clone(), v.clone(), spec));
        });
    }

    fn head(&mut self) {
        let BenchShape {
            batch,
            seq,
            hidden,
            vocab,
            ..
        } = self.shape;
        let spec = HeadSpec::plain(self.precision);
        let x = self.floats([batch, seq, hidden]);
        let w = self.floats([vocab, hidden]);
        let targets = self.ids(vocab);
        let [m, k, n] = [batch * seq, hidden, vocab].map(|size| size as f64);
        let forward = Work {
            flop: 2.0 * m * k * n,
            numbers: m * k + k * n,
        };
        let back = Work {
            flop: 2.0 * forward.flop,
            numbers: 2.0 * forward.numbers,
        };
        let other = targets.clone();
        self.both(
            "target_log_probs",
            [forward, back],
            x.clone(),
            w.clone(),
            |x, w| target_log_probs(x, w, other.clone(), spec, None),
        );
        let dy = self.floats([batch, seq]);
        let all = Work {
            flop: forward.flop + back.flop,
            numbers: forward.numbers + back.numbers,
        };
        self.time(
            "target_log_probs, promised",
            "forward + backward",
            all,
            || {
                let (x, w) = (
                    x.clone().autodiff().require_grad(),
                    w.clone().autodiff().require_grad(),
                );
                let y = target_log_probs(x, w, targets.clone(), spec, Some(dy.clone()));
                drop(seed_backward(y, dy.clone()).backward());
            },
        );
    }

    fn optimizer(&mut self) {
        let BenchShape {
            hidden, ffn, vocab, ..
        } = self.shape;
        let len = vocab * hidden;
        let [mut weights, mut gradients, mut m, mut v] =
            std::array::from_fn(|_| FlatBuffer::zeros(len));
        gradients.host_mut().fill(0.01);
        let pass = |numbers: usize| Work {
            flop: 0.0,
            numbers: (numbers * len) as f64,
        };
        let coefficients = AdamWCoefficients {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            bias_correction1: 0.5,
            bias_correction2: 0.5,
            gradient_scale: 1.0,
        };
        self.time("adamw_update", "forward", pass(7), || {
            adamw_update(
                &mut weights,
                &gradients,
                &mut m,
                &mut v,
                0..len,
                &coefficients,
            );
        });
        self.time("global_norm_squared", "forward", pass(1), || {
            std::hint::black_box(global_norm_squared(&gradients, 0..len));
        });
        let shape = [ffn, hidden];
        let len = ffn * hidden;
        let [mut weights, mut gradients, mut momentum] =
            std::array::from_fn(|_| FlatBuffer::zeros(len));
        gradients
            .host_mut()
            .iter_mut()
            .enumerate()
            .for_each(|(i, g)| *g = (i % 13) as f32 - 6.0);
        let coefficients = MuonCoefficients {
            learning_rate: 1e-3,
            momentum: 0.95,
            nesterov: true,
            newton_schulz_steps: 5,
            weight_decay: 0.1,
            gradient_scale: 1.0,
            precision: self.precision,
        };
        let (short, long) = (hidden.min(ffn) as f64, hidden.max(ffn) as f64);
        let work = Work {
            flop: 5.0 * (4.0 * short * short * long + 2.0 * short * short * short),
            numbers: 5.0 * len as f64,
        };
        self.time("muon_update", "forward", work, || {
            muon_update(
                &mut weights,
                &gradients,
                &mut momentum,
                0,
                shape,
                &coefficients,
            );
        });
    }
}
