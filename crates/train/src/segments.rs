//! Forward and backward, segment by segment.
//!
//! Each segment has its own small graph. Forward either keeps it, or keeps only the segment's input and lets backward make
//! the graph again. Backward walks in reverse: each graph is seeded with the derivative that came back from the one above,
//! adds its weights' gradients to the flat buffers, and is dropped. It stops at the lowest segment that trains anything.

use burn::tensor::{Int, Tensor};
use jikji_model::{Decoder, GradientSums, Input, Promise, Segment, SegmentWeights, Store};
use jikji_ops::seed_backward;

use crate::config::ActivationCheckpointing;

/// What a segment gives to the one above.
enum Output {
    Hidden(Tensor<3>),
    LogProbs(Tensor<2>),
}

/// A segment's graph with the leaves whose gradients are wanted.
struct Graph {
    weights: SegmentWeights,
    x: Option<Tensor<3>>,
    output: Output,
}

#[expect(clippy::large_enum_variant, reason = "a tape has one entry a segment")]
enum Taped {
    Kept(Graph),
    /// The segment's input; the embedding's is the micro-batch itself.
    Recompute(Option<Tensor<3>>),
}

/// What forward leaves for backward.
pub struct Tape {
    /// Index of the first segment that trains anything.
    lowest: usize,
    /// From `lowest` up.
    taped: Vec<Taped>,
}

/// A micro-batch as the decoder takes it.
pub struct MicroBatch {
    /// Ids, positions, documents.
    pub input: Input,
    /// `[batch, seq]`, negative where nothing is counted.
    pub targets: Tensor<2, Int>,
    /// What the head is told beforehand.
    pub promise: Promise,
}

/// Returns the log-probability of each target, `[batch, seq]`, and what backward needs. Gradients that a promise lets be known
/// already are added to `sums`.
pub fn forward(
    decoder: &Decoder,
    weights: &Store,
    sums: &GradientSums,
    batch: &MicroBatch,
    checkpointing: ActivationCheckpointing,
) -> (Tensor<2>, Tape) {
    let segments = decoder.segments();
    let lowest = segments
        .iter()
        .position(|segment| weights.layout().trains(*segment))
        .unwrap_or(segments.len());
    let mut tape = Tape {
        lowest,
        taped: Vec::with_capacity(segments.len() - lowest),
    };
    let mut x: Option<Tensor<3>> = None;
    for (index, segment) in segments.into_iter().enumerate() {
        let keep = index >= lowest
            && (checkpointing == ActivationCheckpointing::None || segment == Segment::Head);
        let output = if keep {
            let x = leaf(x, index > lowest);
            let graph = build(decoder, weights, sums, segment, x, batch);
            let output = graph.output.detached();
            tape.taped.push(Taped::Kept(graph));
            output
        } else {
            if index >= lowest {
                tape.taped.push(Taped::Recompute(x.clone()));
            }
            apply(decoder, segment, &weights.segment(segment), x, batch)
        };
        match output {
            Output::Hidden(hidden) => x = Some(hidden),
            Output::LogProbs(log_probs) => return (log_probs, tape),
        }
    }
    unreachable!("the head is the last segment and gives log-probabilities")
}

/// Adds the gradients of a loss whose derivative by each log-probability is `derivative`, `[batch, seq]`.
pub fn backward(
    decoder: &Decoder,
    weights: &Store,
    sums: &GradientSums,
    batch: &MicroBatch,
    tape: Tape,
    derivative: Tensor<2>,
) {
    let segments = decoder.segments();
    let mut dy = Derivative::LogProbs(derivative);
    for (offset, taped) in tape.taped.into_iter().enumerate().rev() {
        let index = tape.lowest + offset;
        let graph = match taped {
            Taped::Kept(graph) => graph,
            Taped::Recompute(x) => build(
                decoder,
                weights,
                sums,
                segments[index],
                leaf(x, index > tape.lowest),
                batch,
            ),
        };
        let Graph {
            weights: views,
            x,
            output,
        } = graph;
        let mut found = match (output, dy) {
            (Output::LogProbs(y), Derivative::LogProbs(dy)) => seed_backward(y, dy).backward(),
            (Output::Hidden(y), Derivative::Hidden(dy)) => seed_backward(y, dy).backward(),
            _ => unreachable!("each segment receives the derivative of what it gave"),
        };
        sums.add_vectors(segments[index], &views, &mut found);
        let Some(dx) = x.and_then(|x| x.grad_remove(&mut found)) else {
            return;
        };
        dy = Derivative::Hidden(dx);
    }
}

enum Derivative {
    Hidden(Tensor<3>),
    LogProbs(Tensor<2>),
}

impl Output {
    fn detached(&self) -> Self {
        match self {
            Self::Hidden(x) => Self::Hidden(x.clone().inner()),
            Self::LogProbs(x) => Self::LogProbs(x.clone().inner()),
        }
    }
}

/// The input as a leaf whose gradient is wanted, unless nothing below trains.
fn leaf(x: Option<Tensor<3>>, wanted: bool) -> Option<Tensor<3>> {
    x.map(|x| {
        if wanted {
            x.autodiff().require_grad()
        } else {
            x
        }
    })
}

fn build(
    decoder: &Decoder,
    weights: &Store,
    sums: &GradientSums,
    segment: Segment,
    x: Option<Tensor<3>>,
    batch: &MicroBatch,
) -> Graph {
    let views = weights.segment_to_train(segment, sums);
    let output = apply(decoder, segment, &views, x.clone(), batch);
    Graph {
        weights: views,
        x,
        output,
    }
}

fn apply(
    decoder: &Decoder,
    segment: Segment,
    weights: &SegmentWeights,
    x: Option<Tensor<3>>,
    batch: &MicroBatch,
) -> Output {
    let hidden = |x: Option<Tensor<3>>| x.expect("only the embedding has no hidden input");
    match segment {
        Segment::Embedding => Output::Hidden(decoder.embed(weights, &batch.input)),
        Segment::Block(layer) => {
            Output::Hidden(decoder.block(layer, weights, hidden(x), &batch.input, None))
        }
        Segment::Head => {
            let (targets, promise) = (batch.targets.clone(), batch.promise.clone());
            Output::LogProbs(decoder.log_probs(weights, hidden(x), targets, promise))
        }
    }
}
