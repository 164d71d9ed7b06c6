//! A model with rows for new tokens.

use std::collections::BTreeMap;

use jikji_checkpoint::FloatType;
use jikji_model::{DecoderConfig, ModelConfig, ParameterTable, Role};

use crate::error::InteropError;
use crate::file_names::CONFIG_NAME;
use crate::model_folder::ModelFolder;
use crate::weight_source::WeightSource;

/// Rows that are added come in multiples of this, as matrix units like them.
const ROWS: usize = 64;

/// Elements that are compared at a time.
const COMPARED: usize = 1 << 20;

/// New rows of one matrix, by id.
pub type Rows = BTreeMap<u32, Vec<f32>>;

/// A folder's model in which some tokens have other rows in the embedding and in the output projection. All other numbers are
/// the folder's.
pub struct WithRows<'a> {
    folder: &'a ModelFolder,
    config: ModelConfig,
    table: ParameterTable,
    /// By the number of the parameter.
    rows: BTreeMap<usize, Rows>,
    /// Of ids between the old rows and the end that have no token.
    filler: BTreeMap<usize, Vec<f32>>,
}

impl<'a> WithRows<'a> {
    /// With the new rows of each [`vocabulary matrix`](vocabulary_matrices); there are more rows than before if an id asks for that.
    ///
    /// # Errors
    /// A config that no longer describes a decoder.
    pub fn new(folder: &'a ModelFolder, rows: BTreeMap<usize, Rows>) -> Result<Self, InteropError> {
        let mut config = folder.config().clone();
        let last = rows
            .values()
            .filter_map(|rows| rows.keys().next_back())
            .max();
        let needed = last.map_or(0, |id| *id as usize + 1);
        if needed > config.vocab_size {
            config.vocab_size = needed.next_multiple_of(ROWS);
        }
        let decoder = DecoderConfig::resolve(&config).map_err(|source| InteropError::Model {
            path: folder.dir().join(CONFIG_NAME),
            source,
        })?;
        let table = ParameterTable::new(&decoder);
        let filler = rows
            .keys()
            .map(|parameter| (*parameter, mean_row(folder, *parameter)));
        Ok(Self {
            filler: filler.collect(),
            folder,
            config,
            table,
            rows,
        })
    }

    /// The keys of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Whether what was written differs from the folder in the new rows only, bit for bit: then logits of all other ids are
    /// those of the folder's model wherever no new token stands before.
    ///
    /// # Errors
    /// The first number that differs.
    pub fn check(&self, written: &ModelFolder) -> Result<(), InteropError> {
        let (mut ours, mut theirs) = (vec![0.0; COMPARED], vec![0.0; COMPARED]);
        for (index, parameter) in self.folder.table().parameters().iter().enumerate() {
            let rows = self.rows.get(&index);
            let dims = parameter.shape.last().copied().unwrap_or(1);
            for start in (0..parameter.num_elements()).step_by(COMPARED) {
                let len = COMPARED.min(parameter.num_elements() - start);
                self.folder.read(index, start, &mut ours[..len]);
                written.read(index, start, &mut theirs[..len]);
                let is_new =
                    |at: usize| rows.is_some_and(|rows| rows.contains_key(&((at / dims) as u32)));
                let differs = |at: &usize| {
                    ours[*at].to_bits() != theirs[*at].to_bits() && !is_new(start + at)
                };
                if let Some(at) = (0..len).find(differs) {
                    return Err(InteropError::RowChanged {
                        name: parameter.name.clone(),
                        element: start + at,
                        expected: ours[at],
                        got: theirs[at],
                    });
                }
            }
        }
        Ok(())
    }
}

impl WeightSource for WithRows<'_> {
    fn table(&self) -> &ParameterTable {
        &self.table
    }

    fn float(&self, parameter: usize) -> FloatType {
        self.folder.float(parameter)
    }

    fn read(&self, parameter: usize, start: usize, out: &mut [f32]) {
        let Some(rows) = self.rows.get(&parameter) else {
            return self.folder.read(parameter, start, out);
        };
        let filler = &self.filler[&parameter];
        let dims = filler.len();
        let old = self.folder.config().vocab_size;
        let mut at = 0;
        while at < out.len() {
            let (row, from) = ((start + at) / dims, (start + at) % dims);
            let piece = &mut out[at..];
            let len = (dims - from).min(piece.len());
            match rows.get(&(row as u32)) {
                Some(values) => piece[..len].copy_from_slice(&values[from..from + len]),
                None if row >= old => piece[..len].copy_from_slice(&filler[from..from + len]),
                None => self.folder.read(parameter, start + at, &mut piece[..len]),
            }
            at += len;
        }
    }
}

/// The parameters with a row for each token: the embedding and, unless it is tied to it, the output projection.
pub fn vocabulary_matrices(folder: &ModelFolder) -> Vec<usize> {
    let parameters = folder.table().parameters().iter().enumerate();
    parameters
        .filter(|(_, parameter)| matches!(parameter.role, Role::Embedding | Role::LmHead))
        .map(|(index, _)| index)
        .collect()
}

/// A row of a vocabulary matrix.
pub(super) fn row(folder: &ModelFolder, parameter: usize, id: u32) -> Vec<f32> {
    let dims = folder.decoder().hidden_size;
    let mut values = vec![0.0; dims];
    folder.read(parameter, id as usize * dims, &mut values);
    values
}

fn mean_row(folder: &ModelFolder, parameter: usize) -> Vec<f32> {
    let vocab_size = folder.config().vocab_size;
    let mut sums = vec![0.0_f64; folder.decoder().hidden_size];
    for id in 0..vocab_size as u32 {
        for (sum, value) in sums.iter_mut().zip(row(folder, parameter, id)) {
            *sum += f64::from(value);
        }
    }
    sums.iter()
        .map(|sum| (sum / vocab_size as f64) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use jikji_model::normal_values;
    use jikji_ops::Precision;

    use super::*;
    use crate::export::{Export, export_model};
    use crate::loaded_model::LoadedModel;
    use crate::testing::{FAMILIES, QWEN2, model};

    /// Row 7 replaced, and row `added`.
    fn rows(folder: &ModelFolder, added: u32) -> BTreeMap<usize, Rows> {
        let dims = folder.decoder().hidden_size;
        let new = |parameter: usize, id: u32| {
            let mut values = vec![0.0; dims];
            normal_values("new", u64::from(id) + parameter as u64, 1.0, &mut values);
            (id, values)
        };
        let matrices = vocabulary_matrices(folder).into_iter();
        matrices
            .map(|parameter| (parameter, [7, added].map(|id| new(parameter, id)).into()))
            .collect()
    }

    #[test]
    fn only_the_rows_of_new_tokens_differ() {
        let parent = tempfile::tempdir().unwrap();
        for text in FAMILIES {
            let plain = model(text);
            let name = plain.config.model_type.name();
            let (from, to) = (parent.path().join(name), parent.path().join("to"));
            export_model(&from, &Export::of_run(&plain.config, &plain.weights, None)).unwrap();
            let folder = ModelFolder::open(&from).unwrap();
            let old = plain.config.vocab_size;
            for (added, expected_rows) in [(9, old), (old as u32 + 3, 320)] {
                let rows = rows(&folder, added);
                let extended = WithRows::new(&folder, rows.clone()).unwrap();
                let export = Export {
                    config: extended.config(),
                    weights: &extended,
                    ..Export::of_folder(&folder, None)
                };
                export_model(&to, &export).unwrap();
                let back = ModelFolder::open(&to).unwrap();
                extended.check(&back).unwrap();
                assert_eq!(back.config().vocab_size, expected_rows, "{name}");
                for (parameter, new) in &rows {
                    for (id, values) in new {
                        assert_eq!(&row(&back, *parameter, *id), values, "{name}");
                    }
                    if expected_rows > old {
                        let filled = row(&back, *parameter, old as u32);
                        assert_eq!(filled, mean_row(&folder, *parameter), "{name}");
                    }
                }
                // What the other tokens are worth is what it was.
                let (ours, theirs) = (
                    LoadedModel::load(&from, Precision::F32).unwrap(),
                    LoadedModel::load(&to, Precision::F32).unwrap(),
                );
                let logits = |model: &LoadedModel| {
                    let ids = [1, 5, 8, 20, 5, 30];
                    let input = jikji_model::Input::continuing(
                        model.decoder.rotations(),
                        &ids,
                        0,
                        &model.device,
                    );
                    let x = model.decoder.forward_hidden(&model.weights, &input, None);
                    let head = model.weights.segment(jikji_model::Segment::Head);
                    let logits = model.decoder.logits(&head, x).into_data();
                    logits.try_to_vec::<f32>().unwrap()
                };
                let (before, after) = (logits(&ours), logits(&theirs));
                for position in 0..6 {
                    for id in (0..old).filter(|id| *id != 7 && *id != added as usize) {
                        let expected = before[position * old + id];
                        let got = after[position * expected_rows + id];
                        assert!((got - expected).abs() < 1e-5, "{name} {id}");
                    }
                    let moved = after[position * expected_rows + 7] - before[position * old + 7];
                    assert!(moved.abs() > 1e-5, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_number_that_changed_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let (from, to) = (parent.path().join("from"), parent.path().join("to"));
        let plain = model(QWEN2);
        export_model(&from, &Export::of_run(&plain.config, &plain.weights, None)).unwrap();
        let folder = ModelFolder::open(&from).unwrap();
        let extended = WithRows::new(&folder, rows(&folder, 9)).unwrap();
        // Any row of the embedding but 7 and 9.
        let mut damaged = model(QWEN2);
        damaged.weights.values_mut(0)[8 * folder.decoder().hidden_size + 2] += 1.0;
        export_model(
            &to,
            &Export::of_run(&damaged.config, &damaged.weights, None),
        )
        .unwrap();
        let error = extended
            .check(&ModelFolder::open(&to).unwrap())
            .unwrap_err();
        let at = 8 * folder.decoder().hidden_size + 2;
        assert!(
            error
                .to_string()
                .starts_with("tensor `model.embed_tokens.weight` holds `"),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains(&format!("at element {at}, expected ")),
            "{error}"
        );
    }
}
