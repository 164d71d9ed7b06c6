//! `jikji model export`.

use jikji_checkpoint::FloatType;
use jikji_checkpoint::gguf::GgufType;
use jikji_interop::{LoadedModel, export_gguf, export_model};
use jikji_ops::Precision;

use crate::arguments::{ExportArguments, ExportDtype, ExportFormat};
use crate::console;
use crate::exit;
use crate::failure::Failure;

const DEFAULT_SHARD_BYTES: u64 = 5_000_000_000;

pub(crate) fn run(arguments: &ExportArguments) -> Result<(), Failure> {
    // Everything that the command line alone can refuse comes before the weights are read.
    let float = float(arguments)?;
    let gguf = arguments.format == ExportFormat::Gguf;
    if gguf && arguments.max_shard_size.is_some() {
        let message =
            "`--max-shard-size` has no meaning with `--format gguf`: the model is one file";
        return Err(
            Failure::new(exit::COMMAND_LINE, message).with_hint("leave `--max-shard-size` out")
        );
    }
    if gguf && arguments.output.is_dir() {
        let message = format!(
            "`{}` is a folder, and a GGUF model is one file",
            arguments.output.display()
        );
        let hint = "give `--output` the name of a file, such as model.gguf";
        return Err(Failure::new(exit::COMMAND_LINE, message).with_hint(hint));
    }
    let model = LoadedModel::load(&arguments.model, Precision::F32)?;
    let tokenizer = model.tokenizer.as_ref();
    let (config, weights) = (&model.config, &model.weights);
    let path = if let Some(float) = float {
        let shard_bytes = arguments.max_shard_size.unwrap_or(DEFAULT_SHARD_BYTES);
        export_model(
            &arguments.output,
            config,
            weights,
            tokenizer,
            float,
            shard_bytes,
        )?
    } else {
        let number = gguf_type(arguments.dtype);
        let export = export_gguf(&arguments.output, config, weights, tokenizer, number)?;
        for warning in &export.warnings {
            console::say(format!("warning: {warning}"));
        }
        export.path
    };
    console::data(path.display().to_string());
    Ok(())
}

/// The number format of a folder; nothing for GGUF.
fn float(arguments: &ExportArguments) -> Result<Option<FloatType>, Failure> {
    if arguments.format == ExportFormat::Gguf {
        return Ok(None);
    }
    Ok(Some(match arguments.dtype {
        ExportDtype::F32 => FloatType::F32,
        ExportDtype::F16 => FloatType::F16,
        ExportDtype::Bf16 => FloatType::BF16,
        ExportDtype::Q8_0 => {
            let message = "`--dtype q8_0` exists in GGUF only";
            return Err(Failure::new(exit::COMMAND_LINE, message).with_hint("add `--format gguf`"));
        }
    }))
}

fn gguf_type(dtype: ExportDtype) -> GgufType {
    match dtype {
        ExportDtype::F32 => GgufType::F32,
        ExportDtype::F16 => GgufType::F16,
        ExportDtype::Bf16 => GgufType::BF16,
        ExportDtype::Q8_0 => GgufType::Q8_0,
    }
}
