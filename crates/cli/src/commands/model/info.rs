//! `jikji model info`.

use std::path::Path;

use jikji_model::{DecoderConfig, ParameterTable};
use jikji_telemetry::human_units::{human_bytes, with_separators};

use crate::console;
use crate::failure::Failure;

pub(crate) fn run(model: &Path, parameters: bool) -> Result<(), Failure> {
    let published = if model.is_dir() {
        jikji_interop::read_config(model)?
    } else {
        jikji_recipe::load_model_config(model)?
    };
    let config = DecoderConfig::resolve(&published)?;
    show(&config);
    if parameters {
        for parameter in ParameterTable::new(&config).parameters() {
            console::data(format!("{:<60} {:?}", parameter.name, parameter.shape));
        }
    }
    Ok(())
}

/// Sizes, shape and memory of a model.
pub(super) fn show(config: &DecoderConfig) {
    let table = ParameterTable::new(config);
    let count = table.num_elements() as u64;
    let windows = config
        .layers
        .iter()
        .filter(|layer| layer.window.is_some())
        .count();
    let tied = if config.tie_word_embeddings {
        "tied"
    } else {
        "untied"
    };
    console::data(format!(
        "{} parameters in {} tensors; {} in f32, {} in bf16\n\
         {} layers ({windows} with a window), hidden {}, mlp {}, heads {} of {} over {} key/value heads\n\
         vocabulary {}, {tied} output, context {}, norms {:?}, qk-norm {}\n\
         training needs {} for weights, gradients and AdamW, beside activations",
        with_separators(count),
        table.parameters().len(),
        human_bytes(4 * count),
        human_bytes(2 * count),
        config.num_hidden_layers(),
        config.hidden_size,
        config.intermediate_size,
        config.num_attention_heads,
        config.head_dim,
        config.num_key_value_heads,
        with_separators(config.vocab_size as u64),
        with_separators(config.max_position_embeddings as u64),
        config.norm_placement,
        if config.qk_norm { "on" } else { "off" },
        human_bytes(16 * count),
    ));
}
