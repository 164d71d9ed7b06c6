//! `jikji model export`.

use jikji_checkpoint::FloatType;
use jikji_checkpoint::gguf::GgufType;
use jikji_interop::{Export, ModelFolder, OtherForm, WeightSource, export_gguf, export_model};
use jikji_model::ModelType;

use super::tell;
use crate::arguments::{ExportArguments, ExportDtype, ExportFormat, FamilyArgument};
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(arguments: &ExportArguments) -> Result<(), Failure> {
    // Everything that the command line alone can refuse comes before the folder is opened.
    check(arguments)?;
    let folder = ModelFolder::open(&arguments.model)?;
    let tokenizer = folder.tokenizer()?;
    let other = arguments
        .family
        .map(|FamilyArgument::Llama| OtherForm::new(&folder, ModelType::Llama))
        .transpose()?;
    let mut export = Export::of_folder(&folder, tokenizer.as_ref());
    if let Some(other) = &other {
        export.config = other.config();
        export.weights = other;
    }
    let written = if arguments.format == ExportFormat::Gguf {
        let number = gguf_type(arguments.dtype, &folder);
        let (config, weights) = (export.config, export.weights);
        let output = &arguments.output;
        export_gguf(output, config, weights, tokenizer.as_ref(), number)?
    } else {
        export.float = float(arguments.dtype);
        if let Some(bytes) = arguments.max_shard_size {
            export.max_shard_bytes = bytes;
        }
        export_model(&arguments.output, &export)?
    };
    tell(&written);
    Ok(())
}

fn check(arguments: &ExportArguments) -> Result<(), Failure> {
    let gguf = arguments.format == ExportFormat::Gguf;
    let (message, hint) = if gguf && arguments.max_shard_size.is_some() {
        (
            "`--max-shard-size` has no meaning with `--format gguf`: the model is one file"
                .to_owned(),
            "leave `--max-shard-size` out",
        )
    } else if gguf && arguments.output.is_dir() {
        (
            format!(
                "`{}` is a folder, and a GGUF model is one file",
                arguments.output.display()
            ),
            "give `--output` the name of a file, such as model.gguf",
        )
    } else if !gguf && arguments.dtype == Some(ExportDtype::Q8_0) {
        (
            "`--dtype q8_0` exists in GGUF only".to_owned(),
            "add `--format gguf`",
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(exit::COMMAND_LINE, message).with_hint(hint))
}

/// The number format of a folder; nothing keeps each tensor's own.
fn float(dtype: Option<ExportDtype>) -> Option<FloatType> {
    match dtype? {
        ExportDtype::F32 => Some(FloatType::F32),
        ExportDtype::F16 => Some(FloatType::F16),
        ExportDtype::Bf16 => Some(FloatType::BF16),
        ExportDtype::Q8_0 => None,
    }
}

/// The number format of the matrices in a GGUF file: without a wish, that of the embedding.
fn gguf_type(dtype: Option<ExportDtype>, folder: &ModelFolder) -> GgufType {
    match dtype {
        Some(ExportDtype::F32) => GgufType::F32,
        Some(ExportDtype::F16) => GgufType::F16,
        Some(ExportDtype::Bf16) => GgufType::BF16,
        Some(ExportDtype::Q8_0) => GgufType::Q8_0,
        None => match folder.float(0) {
            FloatType::F32 => GgufType::F32,
            FloatType::F16 => GgufType::F16,
            FloatType::BF16 => GgufType::BF16,
        },
    }
}
