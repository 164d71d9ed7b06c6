//! Every command but `train` on its good path.

mod chat;
mod export;
mod extend;
mod generate_and_score;
mod look;
mod model_folders;
mod text;

use std::sync::LazyLock;

use crate::lab::Lab;

/// A lab with a run of 20 steps, made once; nobody writes into its run.
static TRAINED: LazyLock<Lab> = LazyLock::new(|| {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=20")
        .succeeds();
    lab
});
