//! `jikji model verify`.

use std::path::Path;

use burn::tensor::Device;
use jikji_interop::ModelFolder;
use jikji_model::{Decoder, Layout, ParameterTable, Store};
use jikji_ops::Precision;
use jikji_train::verify::{Difference, Reference, compare, measure};

use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(model: &Path, reference_path: &Path) -> Result<(), Failure> {
    let folder = ModelFolder::open(model)?;
    let config = folder.decoder().clone();
    // Before the weights: a wrong file is refused before gigabytes are read.
    let reference = Reference::read(reference_path, &config)?;
    let trainable: &[String] = if reference.grad_norms.is_some() {
        &["*".to_owned()]
    } else {
        &[]
    };
    let layout = Layout::new(ParameterTable::new(&config), trainable)?;
    let mut weights = Store::weights(layout);
    folder.load(&mut weights)?;
    let decoder = Decoder::new(config, Precision::F32);
    let measured = measure(&decoder, &weights, &reference.ids, &Device::flex());
    let comparison = compare(&reference, &measured);

    show("log-probabilities", &comparison.logprobs);
    show("loss", &comparison.loss);
    match &comparison.grad_norms {
        Some(worst) => show("gradient norms", worst),
        None => console::data("gradient norms     not in the reference"),
    }
    let out_of_bounds = comparison.out_of_bounds();
    if out_of_bounds.is_empty() {
        let lists = reference.ids.len();
        let scored: usize = reference.logprobs.iter().map(Vec::len).sum();
        console::say(format!(
            "`{}` computes what `{}` says: {scored} log-probabilities in {lists} lists",
            model.display(),
            reference_path.display()
        ));
        return Ok(());
    }
    let message = format!(
        "`{}` does not compute what `{}` says: {} out of bounds",
        model.display(),
        reference_path.display(),
        out_of_bounds.join(", ")
    );
    Err(Failure::new(exit::DIFFERS, message).with_hint(
        "check that the reference was made from these weights and in f32, then compare config.json with the publisher's key by key; \
         where only gradient norms are out, look at the tensor named above",
    ))
}

fn show(quantity: &str, worst: &Difference) {
    console::data(format!(
        "{quantity:<18} worst difference {:.1e}, allowed {:.1e}, at {}: got {}, expected {}",
        worst.distance(),
        worst.bound,
        worst.place,
        worst.got as f32,
        worst.expected as f32
    ));
}
