//! A model under the names of another family that computes the same.

use jikji_checkpoint::FloatType;
use jikji_model::{DecoderConfig, ModelConfig, ModelType, ParameterTable};

use crate::error::InteropError;
use crate::model_folder::ModelFolder;
use crate::weight_source::{WeightSource, check_parameters};

/// A folder's model as another `model_type`: EXAONE 3.x, which transformers has no class for, is a Llama under other names.
pub struct OtherForm<'a> {
    folder: &'a ModelFolder,
    config: ModelConfig,
    table: ParameterTable,
}

impl<'a> OtherForm<'a> {
    /// Takes the model as a `family`.
    ///
    /// # Errors
    /// If that family would compute something else; the key that differs is named.
    pub fn new(folder: &'a ModelFolder, family: ModelType) -> Result<Self, InteropError> {
        let refuse = |reason: String| InteropError::NoOtherForm {
            from: folder.config().model_type.name(),
            to: family.name(),
            reason,
        };
        let mut config = ModelConfig {
            model_type: family,
            use_post_norm: None,
            ..folder.config().clone()
        };
        if folder
            .decoder()
            .layers
            .iter()
            .all(|layer| layer.window.is_none())
        {
            // Keys that the other family does not read and that say nothing here.
            config.sliding_window = None;
            config.sliding_window_pattern = None;
            config.use_sliding_window = None;
            config.max_window_layers = None;
            config.layer_types = None;
        }
        let decoder = DecoderConfig::resolve(&config).map_err(|error| refuse(error.to_string()))?;
        let renamed = DecoderConfig {
            model_type: family,
            ..folder.decoder().clone()
        };
        if decoder != renamed {
            let reason = "it has other norms, biases, windows or rotations".to_owned();
            return Err(refuse(reason));
        }
        let table = ParameterTable::new(&decoder);
        check_parameters(&table, folder.table())?;
        Ok(Self {
            folder,
            config,
            table,
        })
    }

    /// The keys in that form.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }
}

impl WeightSource for OtherForm<'_> {
    fn table(&self) -> &ParameterTable {
        &self.table
    }

    fn float(&self, parameter: usize) -> FloatType {
        self.folder.float(parameter)
    }

    fn read(&self, parameter: usize, start: usize, out: &mut [f32]) {
        self.folder.read(parameter, start, out);
    }
}

#[cfg(test)]
mod tests {
    use jikji_ops::Precision;

    use super::*;
    use crate::export::{Export, export_model};
    use crate::loaded_model::LoadedModel;
    use crate::testing::{EXAONE, EXAONE4, QWEN2, model};

    #[test]
    fn exaone_is_a_llama_under_other_names() {
        let parent = tempfile::tempdir().unwrap();
        let (from, to) = (parent.path().join("exaone"), parent.path().join("llama"));
        let own = model(EXAONE);
        export_model(&from, &Export::of_run(&own.config, &own.weights, None)).unwrap();
        let folder = ModelFolder::open(&from).unwrap();
        let other = OtherForm::new(&folder, ModelType::Llama).unwrap();
        let export = Export {
            config: other.config(),
            weights: &other,
            ..Export::of_folder(&folder, None)
        };
        export_model(&to, &export).unwrap();
        let back = LoadedModel::load(&to, Precision::F32).unwrap();
        assert_eq!(back.config.model_type, ModelType::Llama);
        let parameters = back.weights.layout().table().parameters();
        assert_eq!(
            parameters[1].name, "model.layers.0.input_layernorm.weight",
            "the names of the other family"
        );
        for index in 0..parameters.len() {
            assert_eq!(back.weights.values(index), own.weights.values(index));
        }
    }

    #[test]
    fn a_family_that_computes_otherwise_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        for text in [EXAONE4, QWEN2] {
            let own = model(text);
            let from = parent.path().join(own.config.model_type.name());
            export_model(&from, &Export::of_run(&own.config, &own.weights, None)).unwrap();
            let folder = ModelFolder::open(&from).unwrap();
            let refused = OtherForm::new(&folder, ModelType::Llama);
            assert!(matches!(refused, Err(InteropError::NoOtherForm { .. })));
        }
    }
}
