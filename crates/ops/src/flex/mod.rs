//! CPU kernels on the slices of burn's flex tensors: threads over rows, vector instructions chosen at run time.
//!
//! Results do not depend on the number of threads: work is cut by size, and partial sums are added in a fixed order.

mod attention;
mod buffer;
mod cache;
mod gemm;
mod head;
mod lanes;
mod rows;

use burn_backend::DType;
use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_flex::{Flex, FlexTensor};

use crate::kernels::{Derivatives, HeadOutput, Kernels, Promised, Wanted};
use crate::precision::Precision;
use crate::profile::{Timed, timed};
use crate::specs::{AttentionSpec, HeadSpec, NormSpec};
#[cfg(test)]
pub(crate) use attention::BLOCK;
use head::Head;
pub use head::head_chunk_tokens;

pub(crate) use buffer::Buffer;
pub(crate) use cache::Pages;
pub(crate) use gemm::{Matrix, MatrixMut, Product, gemm, has_bf16_products};
pub(crate) use lanes::{sum_of_products, vectorized};

/// A float tensor whose elements lie one after the other.
struct Floats(FlexTensor);

impl Floats {
    fn new(tensor: FlexTensor) -> Self {
        debug_assert_eq!(tensor.dtype(), DType::F32, "CPU kernels compute in f32");
        if tensor.is_contiguous() {
            Self(tensor)
        } else {
            Self(tensor.to_contiguous())
        }
    }

    fn slice(&self) -> &[f32] {
        self.0
            .as_slice()
            .expect("made contiguous when it was taken")
    }

    fn shape(&self) -> Vec<usize> {
        self.0.layout().shape().to_vec()
    }

    fn dims<const D: usize>(&self) -> [usize; D] {
        self.0.layout().shape().dims()
    }
}

fn integers(tensor: &FlexTensor) -> Vec<i32> {
    let tensor = tensor.to_contiguous();
    match tensor.dtype() {
        DType::I32 => tensor.as_slice::<i32>().expect("contiguous").to_vec(),
        DType::I64 => tensor
            .as_slice::<i64>()
            .expect("contiguous")
            .iter()
            .map(|&v| v as i32)
            .collect(),
        other => unreachable!("ids are made as 32-bit integers, got {other:?}"),
    }
}

/// `[rows, columns]` of a tensor seen as rows of its last dimension.
fn as_rows(tensor: &FlexTensor) -> [usize; 2] {
    let shape = tensor.layout().shape();
    let columns = shape[shape.num_dims() - 1];
    [shape.num_elements() / columns.max(1), columns]
}

fn head<'a>(x: &'a Floats, weight: &'a Floats, targets: &'a [i32], spec: HeadSpec) -> Head<'a> {
    let [vocab, hidden] = weight.dims();
    Head {
        x: x.slice(),
        weight: weight.slice(),
        targets,
        vocab,
        hidden,
        spec,
    }
}

/// Where a derivative is written, and whether it is added to what is there.
struct Room<'a> {
    values: &'a mut [f32],
    add: bool,
}

/// Gives `work` room for a weight's derivative, if one is wanted; a tensor comes back if one is wanted as such.
fn with_room<T>(
    wanted: Wanted<'_>,
    shape: &[usize],
    work: impl FnOnce(Option<Room<'_>>) -> T,
) -> (T, Option<FlexTensor>) {
    match wanted {
        Wanted::No => (work(None), None),
        Wanted::AsTensor => {
            let mut values = Buffer::any(shape.iter().product());
            let room = Room {
                values: &mut values,
                add: false,
            };
            (work(Some(room)), Some(values.into_tensor(shape)))
        }
        Wanted::At(place) => {
            let result = place.write(|values, add| work(Some(Room { values, add })));
            (result, None)
        }
    }
}

impl Kernels for Flex {
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        timed(Timed::Linear, || {
            let [rows, columns] = as_rows(&x);
            let (x, weight) = (Floats::new(x), Floats::new(weight));
            let [out, _] = weight.dims();
            let mut shape = x.shape();
            *shape
                .last_mut()
                .expect("a product has at least one dimension") = out;
            let mut y = Buffer::any(rows * out);
            gemm(
                MatrixMut::rows(&mut y, rows, out),
                Matrix::rows(x.slice(), rows, columns),
                Matrix::rows(weight.slice(), out, columns).transposed(),
                Product::new(precision),
            );
            y.into_tensor(&shape)
        })
    }

    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        precision: Precision,
        wants_x: bool,
        wants_weight: Wanted<'_>,
    ) -> Derivatives<Self, 2> {
        timed(Timed::LinearBackward, || {
            let [rows, columns] = as_rows(&x);
            let (x, weight, dy) = (Floats::new(x), Floats::new(weight), Floats::new(dy));
            let [out, _] = weight.dims();
            let dy = Matrix::rows(dy.slice(), rows, out);
            let product = Product::new(precision);
            let dx = wants_x.then(|| {
                let mut dx = Buffer::any(rows * columns);
                gemm(
                    MatrixMut::rows(&mut dx, rows, columns),
                    dy,
                    Matrix::rows(weight.slice(), out, columns),
                    product,
                );
                dx.into_tensor(&x.shape())
            });
            let ((), dweight) = with_room(wants_weight, &[out, columns], |room| {
                if let Some(Room { values, add }) = room {
                    gemm(
                        MatrixMut::rows(values, out, columns),
                        dy.transposed(),
                        Matrix::rows(x.slice(), rows, columns),
                        Product {
                            accumulate: add,
                            ..product
                        },
                    );
                }
            });
            [dx, dweight]
        })
    }

    fn rms_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> FloatTensor<Self> {
        timed(Timed::RmsNorm, || {
            let (x, weight) = (Floats::new(x), Floats::new(weight));
            rows::rms_norm(x.slice(), weight.slice(), spec).into_tensor(&x.shape())
        })
    }

    fn rms_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        spec: NormSpec,
    ) -> [FloatTensor<Self>; 2] {
        timed(Timed::RmsNormBackward, || {
            let (x, weight, dy) = (Floats::new(x), Floats::new(weight), Floats::new(dy));
            let (dx, dweight) =
                rows::rms_norm_backward(x.slice(), weight.slice(), dy.slice(), spec);
            [
                dx.into_tensor(&x.shape()),
                dweight.into_tensor(&weight.shape()),
            ]
        })
    }

    fn residual(x: FloatTensor<Self>, y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        timed(Timed::Residual, || {
            let (x, y) = (Floats::new(x), Floats::new(y));
            rows::residual(x.slice(), y.slice(), factor).into_tensor(&x.shape())
        })
    }

    fn residual_rms_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        factor: f32,
        weight: FloatTensor<Self>,
        spec: NormSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        timed(Timed::Residual, || {
            let (x, y, weight) = (Floats::new(x), Floats::new(y), Floats::new(weight));
            let (sum, normed) =
                rows::residual_rms_norm(x.slice(), y.slice(), factor, weight.slice(), spec);
            (sum.into_tensor(&x.shape()), normed.into_tensor(&x.shape()))
        })
    }

    fn scaled(y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        timed(Timed::Residual, || {
            let y = Floats::new(y);
            rows::scaled(y.slice(), factor).into_tensor(&y.shape())
        })
    }

    fn swiglu(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        limit: Option<f32>,
    ) -> FloatTensor<Self> {
        timed(Timed::Swiglu, || {
            let (gate, up) = (Floats::new(gate), Floats::new(up));
            rows::swiglu(gate.slice(), up.slice(), limit).into_tensor(&gate.shape())
        })
    }

    fn swiglu_backward(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        limit: Option<f32>,
    ) -> [FloatTensor<Self>; 2] {
        timed(Timed::SwigluBackward, || {
            let (gate, up, dy) = (Floats::new(gate), Floats::new(up), Floats::new(dy));
            let (dgate, dup) = rows::swiglu_backward(gate.slice(), up.slice(), dy.slice(), limit);
            [
                dgate.into_tensor(&gate.shape()),
                dup.into_tensor(&gate.shape()),
            ]
        })
    }

    fn rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        inverse: bool,
    ) -> FloatTensor<Self> {
        timed(Timed::Rope, || {
            let (x, cos, sin) = (Floats::new(x), Floats::new(cos), Floats::new(sin));
            let [_, _, heads, head_dim] = x.dims();
            let y = rows::rope(
                x.slice(),
                cos.slice(),
                sin.slice(),
                heads,
                head_dim,
                inverse,
            );
            y.into_tensor(&x.shape())
        })
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        timed(Timed::Attention, || {
            let (q, k, v) = (Floats::new(q), Floats::new(k), Floats::new(v));
            let shape = attention::Shape::new(q.dims(), k.dims());
            let starts = integers(&starts);
            let (output, log_sum_exp) =
                attention::forward(q.slice(), k.slice(), v.slice(), &starts, shape, spec);
            (
                output.into_tensor(&q.dims::<4>()),
                log_sum_exp.into_tensor(&[shape.batch, shape.seq_q, shape.heads]),
            )
        })
    }

    fn attention_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
        output: FloatTensor<Self>,
        log_sum_exp: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3] {
        timed(Timed::AttentionBackward, || {
            let (q, k, v) = (Floats::new(q), Floats::new(k), Floats::new(v));
            let (output, log_sum_exp, dy) = (
                Floats::new(output),
                Floats::new(log_sum_exp),
                Floats::new(dy),
            );
            let shape = attention::Shape::new(q.dims(), k.dims());
            let saved = attention::Saved {
                q: q.slice(),
                k: k.slice(),
                v: v.slice(),
                starts: &integers(&starts),
                output: output.slice(),
                log_sum_exp: log_sum_exp.slice(),
            };
            let [dq, dk, dv] = attention::backward(&saved, dy.slice(), shape, spec);
            [
                dq.into_tensor(&q.dims::<4>()),
                dk.into_tensor(&k.dims::<4>()),
                dv.into_tensor(&k.dims::<4>()),
            ]
        })
    }

    fn embedding(weight: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        timed(Timed::Embedding, || {
            let weight = Floats::new(weight);
            let [_, hidden] = weight.dims();
            let [batch, seq] = ids.layout().shape().dims();
            let y = rows::gather(weight.slice(), &integers(&ids), hidden);
            y.into_tensor(&[batch, seq, hidden])
        })
    }

    fn embedding_backward(
        weight: FloatTensor<Self>,
        ids: IntTensor<Self>,
        dy: FloatTensor<Self>,
        wanted: Wanted<'_>,
    ) -> Derivatives<Self, 1> {
        timed(Timed::EmbeddingBackward, || {
            let [vocab, hidden] = weight.layout().shape().dims();
            let dy = Floats::new(dy);
            let ((), dweight) = with_room(wanted, &[vocab, hidden], |room| {
                if let Some(Room { values, add }) = room {
                    if !add {
                        values.fill(0.0);
                    }
                    rows::scatter_add(values, &integers(&ids), dy.slice(), hidden);
                }
            });
            [dweight]
        })
    }

    fn target_log_probs(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        spec: HeadSpec,
        promised: Option<Promised<'_, Self>>,
    ) -> HeadOutput<Self> {
        timed(Timed::Head, || {
            let shape: [usize; 2] = targets.layout().shape().dims();
            let (x, weight) = (Floats::new(x), Floats::new(weight));
            let targets = integers(&targets);
            let head = head(&x, &weight, &targets, spec);
            let (log_probs, log_sum_exp, derivatives) = match promised {
                None => {
                    let (log_probs, log_sum_exp) = head.forward();
                    (log_probs, log_sum_exp, [None, None])
                }
                Some(promised) => {
                    let dy = Floats::new(promised.derivative);
                    let (found, dweight) = with_room(promised.weight, &weight.shape(), |room| {
                        head.forward_backward(dy.slice(), promised.wants_x, room)
                    });
                    let (log_probs, log_sum_exp, dx) = found;
                    let dx = dx.map(|dx| dx.into_tensor(&x.shape()));
                    (log_probs, log_sum_exp, [dx, dweight])
                }
            };
            HeadOutput {
                log_probs: log_probs.into_tensor(&shape),
                log_sum_exp: log_sum_exp.into_tensor(&shape),
                derivatives,
            }
        })
    }

    fn target_log_probs_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        spec: HeadSpec,
        log_sum_exp: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        wants_x: bool,
        wants_weight: Wanted<'_>,
    ) -> Derivatives<Self, 2> {
        timed(Timed::HeadBackward, || {
            let (x, weight) = (Floats::new(x), Floats::new(weight));
            let (log_sum_exp, dy) = (Floats::new(log_sum_exp), Floats::new(dy));
            let targets = integers(&targets);
            let head = head(&x, &weight, &targets, spec);
            let (dx, dweight) = with_room(wants_weight, &weight.shape(), |room| {
                head.backward(log_sum_exp.slice(), dy.slice(), wants_x, room)
            });
            [dx.map(|dx| dx.into_tensor(&x.shape())), dweight]
        })
    }

    fn same(a: &FloatTensor<Self>, b: &FloatTensor<Self>) -> bool {
        Floats::new(a.clone()).slice() == Floats::new(b.clone()).slice()
    }
}
