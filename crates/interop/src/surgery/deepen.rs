//! A model whose layers are copies of another one's.

use jikji_checkpoint::FloatType;
use jikji_model::{DecoderConfig, LayerType, ModelConfig, ModelType, ParameterTable, Segment};

use super::layer_map::LayerMap;
use crate::error::InteropError;
use crate::file_names::CONFIG_NAME;
use crate::model_folder::ModelFolder;
use crate::weight_source::WeightSource;

/// A folder's model with other layers: each a copy of the one that a [`LayerMap`] names, with its window and its rotation.
pub struct Deepened<'a> {
    folder: &'a ModelFolder,
    config: ModelConfig,
    table: ParameterTable,
    /// The parameter of the folder that each parameter is copied from.
    sources: Vec<usize>,
}

impl<'a> Deepened<'a> {
    /// Lays a model out by `map`.
    ///
    /// # Errors
    /// A layer that the folder's model does not have.
    pub fn new(folder: &'a ModelFolder, map: &LayerMap) -> Result<Self, InteropError> {
        let layers = &folder.decoder().layers;
        if let Some(layer) = map.sources().iter().find(|layer| **layer >= layers.len()) {
            return Err(InteropError::NoSuchLayer {
                dir: folder.dir().to_owned(),
                layer: *layer,
                layers: layers.len(),
            });
        }
        let model_error = |source| InteropError::Model {
            path: folder.dir().join(CONFIG_NAME),
            source,
        };
        let config = deeper_config(folder, map);
        let decoder = DecoderConfig::resolve(&config).map_err(model_error)?;
        let copied = map.sources().iter().map(|layer| layers[*layer]);
        assert!(
            decoder.layers.iter().copied().eq(copied),
            "a copied layer sees what it saw"
        );
        let table = ParameterTable::new(&decoder);
        let source_of = |parameter: &jikji_model::Parameter| {
            let segment = match parameter.segment {
                Segment::Block(layer) => Segment::Block(map.sources()[layer]),
                other => other,
            };
            folder
                .table()
                .parameters()
                .iter()
                .position(|source| (source.segment, source.role) == (segment, parameter.role))
                .expect("the same family has the same parameters in each layer")
        };
        let sources = table.parameters().iter().map(source_of).collect();
        Ok(Self {
            folder,
            config,
            table,
            sources,
        })
    }

    /// The keys of the deeper model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }
}

fn deeper_config(folder: &ModelFolder, map: &LayerMap) -> ModelConfig {
    let mut config = folder.config().clone();
    config.num_hidden_layers = map.sources().len();
    let has_types = matches!(
        config.model_type,
        ModelType::Exaone4 | ModelType::Qwen2 | ModelType::Qwen3
    );
    let layers = &folder.decoder().layers;
    // A pattern would fall elsewhere in a deeper model.
    if has_types && (config.sliding_window.is_some() || config.layer_types.is_some()) {
        let kind = |layer: &usize| match layers[*layer].window {
            Some(_) => LayerType::SlidingAttention,
            None => LayerType::FullAttention,
        };
        config.layer_types = Some(map.sources().iter().map(kind).collect());
        config.sliding_window_pattern = None;
        config.max_window_layers = None;
    } else if config.layer_types.is_some() {
        config.layer_types = None;
    }
    config
}

impl WeightSource for Deepened<'_> {
    fn table(&self) -> &ParameterTable {
        &self.table
    }

    fn float(&self, parameter: usize) -> FloatType {
        self.folder.float(self.sources[parameter])
    }

    fn read(&self, parameter: usize, start: usize, out: &mut [f32]) {
        self.folder.read(self.sources[parameter], start, out);
    }
}

#[cfg(test)]
mod tests {
    use jikji_ops::Precision;

    use super::*;
    use crate::export::{Export, export_model};
    use crate::loaded_model::LoadedModel;
    use crate::testing::{FAMILIES, model};

    #[test]
    fn every_family_is_deepened_layer_by_layer() {
        let parent = tempfile::tempdir().unwrap();
        for text in FAMILIES {
            let shallow = model(text);
            let name = shallow.config.model_type.name();
            let (from, to) = (parent.path().join(name), parent.path().join("deep"));
            let whole = Export::of_run(&shallow.config, &shallow.weights, None);
            export_model(&from, &whole).unwrap();
            let folder = ModelFolder::open(&from).unwrap();
            let layers = folder.decoder().num_hidden_layers();
            let map = LayerMap::depth_up_scaled(layers, 1).unwrap();
            let deepened = Deepened::new(&folder, &map).unwrap();
            let export = Export {
                config: deepened.config(),
                weights: &deepened,
                ..Export::of_folder(&folder, None)
            };
            export_model(&to, &export).unwrap();

            let deep = LoadedModel::load(&to, Precision::F32).unwrap();
            assert_eq!(deep.decoder.config().layers.len(), 2 * layers - 2, "{name}");
            let table = deep.weights.layout().table().parameters();
            let values = |model: &LoadedModel, name: &str| {
                let table = model.weights.layout().table().parameters();
                let index = table.iter().position(|p| p.name == name).unwrap();
                model.weights.values(index).unwrap().to_vec()
            };
            for parameter in table {
                let source = match parameter.segment {
                    Segment::Block(layer) => {
                        let source = map.sources()[layer];
                        assert_eq!(
                            deep.decoder.config().layers[layer],
                            shallow.decoder.config().layers[source]
                        );
                        parameter
                            .name
                            .replace(&format!(".{layer}."), &format!(".{source}."))
                    }
                    _ => parameter.name.clone(),
                };
                let (got, expected) = (values(&deep, &parameter.name), values(&shallow, &source));
                assert_eq!(got, expected, "{}", parameter.name);
            }
        }
    }

    #[test]
    fn a_layer_that_is_not_there_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let (from, shallow) = (parent.path().join("m"), model(FAMILIES[1]));
        let whole = Export::of_run(&shallow.config, &shallow.weights, None);
        export_model(&from, &whole).unwrap();
        let folder = ModelFolder::open(&from).unwrap();
        let error = Deepened::new(&folder, &"0,7".parse().unwrap())
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .contains("has no layer 7: it has 2, counted from 0"),
            "{error}"
        );
    }
}
