//! CPU kernels on the slices of burn's flex tensors: threads over rows, vector instructions chosen at run time.
//!
//! Results do not depend on the number of threads: work is cut by size, and partial sums are added in a fixed order.

mod attention;
mod gemm;
mod head;
mod lanes;
mod rows;

use burn_backend::DType;
use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_backend::{Bytes, Shape};
use burn_flex::{Flex, FlexTensor, Layout};

use crate::kernels::{AttentionSpec, Kernels};

pub(crate) use gemm::{Matrix, Threads, gemm};
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

    fn dims<const D: usize>(&self) -> [usize; D] {
        self.0.layout().shape().dims()
    }
}

fn tensor(data: Vec<f32>, shape: &[usize]) -> FlexTensor {
    let shape = Shape::from(shape.to_vec());
    debug_assert_eq!(shape.num_elements(), data.len());
    FlexTensor::new(
        Bytes::from_elems(data),
        Layout::contiguous(shape),
        DType::F32,
    )
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

/// Rounds to bfloat16 (nearest, ties to even) and back, the value a bf16 operand has in a product summed in f32.
fn round_to_bf16(values: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    vectorized(|| {
        for (out, value) in out.iter_mut().zip(values) {
            let bits = value.to_bits();
            let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & 0xffff_0000;
            *out = if value.is_nan() {
                *value
            } else {
                f32::from_bits(rounded)
            };
        }
    });
    out
}

/// The operand of a product in the asked format; borrowed when it is used as it is.
fn operand(values: &[f32], bf16: bool) -> std::borrow::Cow<'_, [f32]> {
    if bf16 {
        round_to_bf16(values).into()
    } else {
        values.into()
    }
}

/// `[rows, columns]` of a tensor seen as rows of its last dimension.
fn as_rows(tensor: &FlexTensor) -> [usize; 2] {
    let shape = tensor.layout().shape();
    let columns = shape[shape.num_dims() - 1];
    [shape.num_elements() / columns.max(1), columns]
}

impl Kernels for Flex {
    fn linear(x: FloatTensor<Self>, weight: FloatTensor<Self>, bf16: bool) -> FloatTensor<Self> {
        let [rows, columns] = as_rows(&x);
        let (x, weight) = (Floats::new(x), Floats::new(weight));
        let [out, _] = weight.dims();
        let mut shape = x.0.layout().shape().to_vec();
        *shape
            .last_mut()
            .expect("a product has at least one dimension") = out;
        let mut y = vec![0.0; rows * out];
        let (x, weight) = (operand(x.slice(), bf16), operand(weight.slice(), bf16));
        gemm(
            &mut y,
            Matrix::rows(&x, rows, columns),
            Matrix::rows(&weight, out, columns).transposed(),
            1.0,
            false,
            Threads::All,
        );
        tensor(y, &shape)
    }

    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        bf16: bool,
        [wants_x, wants_weight]: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2] {
        let [rows, columns] = as_rows(&x);
        let (x, weight, dy) = (Floats::new(x), Floats::new(weight), Floats::new(dy));
        let [out, _] = weight.dims();
        let dy = operand(dy.slice(), bf16);
        let dy = Matrix::rows(&dy, rows, out);
        let dx = wants_x.then(|| {
            let mut dx = vec![0.0; rows * columns];
            let weight = operand(weight.slice(), bf16);
            gemm(
                &mut dx,
                dy,
                Matrix::rows(&weight, out, columns),
                1.0,
                false,
                Threads::All,
            );
            tensor(dx, &x.0.layout().shape().to_vec())
        });
        let dweight = wants_weight.then(|| {
            let mut dweight = vec![0.0; out * columns];
            let x = operand(x.slice(), bf16);
            gemm(
                &mut dweight,
                dy.transposed(),
                Matrix::rows(&x, rows, columns),
                1.0,
                false,
                Threads::All,
            );
            tensor(dweight, &[out, columns])
        });
        [dx, dweight]
    }

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self> {
        let [_, columns] = as_rows(&x);
        let (x, weight) = (Floats::new(x), Floats::new(weight));
        tensor(
            rows::rms_norm(x.slice(), weight.slice(), columns, eps),
            &x.0.layout().shape().to_vec(),
        )
    }

    fn rms_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        eps: f32,
    ) -> [FloatTensor<Self>; 2] {
        let [_, columns] = as_rows(&x);
        let (x, weight, dy) = (Floats::new(x), Floats::new(weight), Floats::new(dy));
        let (dx, dweight) =
            rows::rms_norm_backward(x.slice(), weight.slice(), dy.slice(), columns, eps);
        [
            tensor(dx, &x.0.layout().shape().to_vec()),
            tensor(dweight, &[columns]),
        ]
    }

    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        let (gate, up) = (Floats::new(gate), Floats::new(up));
        tensor(
            rows::swiglu(gate.slice(), up.slice()),
            &gate.0.layout().shape().to_vec(),
        )
    }

    fn swiglu_backward(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2] {
        let (gate, up, dy) = (Floats::new(gate), Floats::new(up), Floats::new(dy));
        let shape = gate.0.layout().shape().to_vec();
        let (dgate, dup) = rows::swiglu_backward(gate.slice(), up.slice(), dy.slice());
        [tensor(dgate, &shape), tensor(dup, &shape)]
    }

    fn rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        inverse: bool,
    ) -> FloatTensor<Self> {
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
        tensor(y, &x.0.layout().shape().to_vec())
    }

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        starts: IntTensor<Self>,
        spec: AttentionSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (q, k, v) = (Floats::new(q), Floats::new(k), Floats::new(v));
        let shape = attention::Shape::new(q.dims(), k.dims());
        let starts = integers(&starts);
        let (output, log_sum_exp) =
            attention::forward(q.slice(), k.slice(), v.slice(), &starts, shape, spec);
        (
            tensor(output, &q.dims::<4>()),
            tensor(log_sum_exp, &[shape.batch, shape.heads, shape.seq_q]),
        )
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
            tensor(dq, &q.dims::<4>()),
            tensor(dk, &k.dims::<4>()),
            tensor(dv, &k.dims::<4>()),
        ]
    }

    fn embedding(weight: FloatTensor<Self>, ids: IntTensor<Self>) -> FloatTensor<Self> {
        let weight = Floats::new(weight);
        let [_, hidden] = weight.dims();
        let [batch, seq] = ids.layout().shape().dims();
        let y = rows::gather(weight.slice(), &integers(&ids), hidden);
        tensor(y, &[batch, seq, hidden])
    }

    fn embedding_backward(
        weight: FloatTensor<Self>,
        ids: IntTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [vocab, hidden] = weight.layout().shape().dims();
        let dy = Floats::new(dy);
        let mut dweight = vec![0.0; vocab * hidden];
        rows::scatter_add(&mut dweight, &integers(&ids), dy.slice(), hidden);
        tensor(dweight, &[vocab, hidden])
    }

    fn target_log_probs(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        logits_scale: f32,
        bf16: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [batch, seq] = targets.layout().shape().dims();
        let (x, weight) = (Floats::new(x), Floats::new(weight));
        let [vocab, hidden] = weight.dims();
        let (x, weight) = (operand(x.slice(), bf16), operand(weight.slice(), bf16));
        let head = head::Head {
            x: &x,
            weight: &weight,
            targets: &integers(&targets),
            vocab,
            hidden,
            logits_scale,
        };
        let (log_probs, log_sum_exp) = head.forward();
        (
            tensor(log_probs, &[batch, seq]),
            tensor(log_sum_exp, &[batch, seq]),
        )
    }

    fn target_log_probs_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        targets: IntTensor<Self>,
        logits_scale: f32,
        bf16: bool,
        log_sum_exp: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        wanted: [bool; 2],
    ) -> [Option<FloatTensor<Self>>; 2] {
        let [batch, seq] = targets.layout().shape().dims();
        let (x, weight, log_sum_exp, dy) = (
            Floats::new(x),
            Floats::new(weight),
            Floats::new(log_sum_exp),
            Floats::new(dy),
        );
        let [vocab, hidden] = weight.dims();
        let (x, weight) = (operand(x.slice(), bf16), operand(weight.slice(), bf16));
        let head = head::Head {
            x: &x,
            weight: &weight,
            targets: &integers(&targets),
            vocab,
            hidden,
            logits_scale,
        };
        let [dx, dweight] = head.backward(log_sum_exp.slice(), dy.slice(), bf16, wanted);
        [
            dx.map(|dx| tensor(dx, &[batch, seq, hidden])),
            dweight.map(|dw| tensor(dw, &[vocab, hidden])),
        ]
    }
}
