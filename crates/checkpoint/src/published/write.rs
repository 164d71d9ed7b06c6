//! Writing a model folder's tensors, one at a time, in shards of bounded size.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{INDEX, Index, PublishedError, SINGLE, TensorInfo};
use crate::durable::{self, DurableError};
use crate::tensor_file::{FloatType, Layout, num_elements, write_elements};

/// Elements that are in memory at a time.
const BUFFERED: usize = 1 << 16;

/// Writes tensors that are in memory, all in one number format; see [`write_model_with`].
///
/// # Errors
/// As [`write_model_with`], or if a tensor has another number of elements than its shape.
pub fn write_model<'a, N, S>(
    dir: &Path,
    tensors: impl IntoIterator<Item = (N, S, &'a [f32])>,
    float: FloatType,
    max_shard_bytes: u64,
) -> Result<Vec<PathBuf>, PublishedError>
where
    N: Into<String>,
    S: Into<Vec<usize>>,
{
    let mut data: BTreeMap<String, &'a [f32]> = BTreeMap::new();
    let mut infos = Vec::new();
    for (name, shape, values) in tensors {
        let (name, shape) = (name.into(), shape.into());
        if num_elements(&shape) != Some(values.len()) {
            let got = values.len();
            return Err(PublishedError::Tensor {
                name,
                problem: format!("it has {got} elements, which is not its shape {shape:?}"),
            });
        }
        data.insert(name.clone(), values);
        infos.push(TensorInfo { name, shape, float });
    }
    write_model_with(dir, infos, max_shard_bytes, |info, start, out| {
        let values = data.get(&info.name).copied().unwrap_or_default();
        out.copy_from_slice(&values[start..start + out.len()]);
        Ok(())
    })
}

/// Writes tensors as a published model folder has them, in order of their names, and returns the files.
///
/// For each tensor in turn, `fill(tensor, start, out)` is asked for the elements from `start` on, so that only a few are in memory; its
/// error ends the writing.
/// The folder must exist. Each file is replaced in one step, the index last; files of an earlier, differently sharded model are
/// removed at the end. To make a whole folder appear at once, write into a [`StagedDir`](crate::durable::StagedDir).
///
/// # Errors
/// If a name comes twice or a shape is beyond what the format can say, or a call fails.
pub fn write_model_with(
    dir: &Path,
    mut tensors: Vec<TensorInfo>,
    max_shard_bytes: u64,
    mut fill: impl FnMut(&TensorInfo, usize, &mut [f32]) -> io::Result<()>,
) -> Result<Vec<PathBuf>, PublishedError> {
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let shards = shard(&tensors, max_shard_bytes)?;
    let count = shards.len();
    let mut written = Vec::with_capacity(count + 1);
    let mut index = Index {
        metadata: serde_json::Map::new(),
        weight_map: BTreeMap::new(),
    };
    let mut total_bytes: u64 = 0;
    for (number, shard) in shards.iter().enumerate() {
        let file = if count == 1 {
            SINGLE.to_owned()
        } else {
            format!("model-{:05}-of-{count:05}.safetensors", number + 1)
        };
        total_bytes += write_shard(&dir.join(&file), shard, &mut fill)?;
        index.weight_map.extend(
            shard
                .iter()
                .map(|tensor| (tensor.name.clone(), file.clone())),
        );
        written.push(dir.join(file));
    }
    if count > 1 {
        let path = dir.join(INDEX);
        index
            .metadata
            .insert("total_size".into(), total_bytes.into());
        let mut bytes =
            serde_json::to_vec_pretty(&index).map_err(|error| PublishedError::Index {
                path: path.clone(),
                problem: error.to_string(),
            })?;
        bytes.push(b'\n');
        durable::write_file(&path, &bytes)?;
        written.push(path);
    }
    remove_others(dir, &written)?;
    Ok(written)
}

/// Cuts the tensors, in their order, into files of at most `max_bytes` of data; a larger tensor has a file of its own.
fn shard(tensors: &[TensorInfo], max_bytes: u64) -> Result<Vec<&[TensorInfo]>, PublishedError> {
    let refuse = |name: &str, problem: String| PublishedError::Tensor {
        name: name.to_owned(),
        problem,
    };
    let mut shards = Vec::new();
    let (mut start, mut held) = (0, 0_u64);
    for (at, tensor) in tensors.iter().enumerate() {
        if tensor.name.is_empty() || tensor.name == "__metadata__" {
            return Err(refuse(
                &tensor.name,
                "the format reserves that name".to_owned(),
            ));
        }
        if at > 0
            && tensors
                .get(at - 1)
                .is_some_and(|before| before.name == tensor.name)
        {
            return Err(refuse(&tensor.name, "the name comes twice".to_owned()));
        }
        let bytes = num_elements(&tensor.shape)
            .and_then(|elements| elements.checked_mul(tensor.float.bytes()))
            .ok_or_else(|| {
                refuse(
                    &tensor.name,
                    format!("its shape {:?} is too large", tensor.shape),
                )
            })? as u64;
        if at > start && held.saturating_add(bytes) > max_bytes {
            shards.push(tensors.get(start..at).unwrap_or_default());
            (start, held) = (at, 0);
        }
        held = held.saturating_add(bytes);
    }
    shards.push(tensors.get(start..).unwrap_or_default());
    Ok(shards)
}

/// Writes one file and returns the bytes of its data.
fn write_shard(
    path: &Path,
    tensors: &[TensorInfo],
    fill: &mut impl FnMut(&TensorInfo, usize, &mut [f32]) -> io::Result<()>,
) -> Result<u64, PublishedError> {
    let listed = tensors
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice(), tensor.float));
    let layout = Layout::new(listed).ok_or_else(|| PublishedError::Tensor {
        name: tensors
            .first()
            .map(|tensor| tensor.name.clone())
            .unwrap_or_default(),
        problem: "the header of its file would be larger than what is read, or a shape has more than 16 dimensions".to_owned(),
    })?;
    let mut values = vec![0.0; BUFFERED];
    durable::write_file_with(path, |out| {
        layout.write_header(out)?;
        for tensor in tensors {
            let elements = num_elements(&tensor.shape).unwrap_or(0);
            for start in (0..elements).step_by(BUFFERED) {
                let piece = &mut values[..BUFFERED.min(elements - start)];
                fill(tensor, start, piece)?;
                write_elements(out, piece, tensor.float)?;
            }
        }
        Ok(())
    })?;
    Ok(layout.data_bytes())
}

/// Removes tensor files of an earlier model: readers prefer a single file to an index, and would mix the two.
fn remove_others(dir: &Path, written: &[PathBuf]) -> Result<(), PublishedError> {
    let inspect = |error| DurableError::new(durable::Operation::Inspect, dir, error);
    let mut others = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(inspect)? {
        let name = entry.map_err(inspect)?.file_name();
        let is_ours = name
            .to_str()
            .is_some_and(|name| name == SINGLE || name == INDEX || is_shard(name));
        if is_ours && !written.contains(&dir.join(&name)) {
            others.insert(dir.join(name));
        }
    }
    others
        .iter()
        .try_for_each(|path| Ok(durable::remove_file(path)?))
}

/// `model-00001-of-00003.safetensors`
fn is_shard(name: &str) -> bool {
    let numbers = name
        .strip_prefix("model-")
        .and_then(|rest| rest.strip_suffix(".safetensors"));
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers
        .and_then(|numbers| numbers.split_once("-of-"))
        .is_some_and(|(number, count)| digits(number) && digits(count))
}
