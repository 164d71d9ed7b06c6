#![allow(clippy::unwrap_used, reason = "a test")]
//! Loading a model of more than a gigabyte takes hardly more memory than the model. A process of its own, so that its peak is this one's.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use jikji_interop::LoadedModel;
use jikji_model::{DecoderConfig, ModelConfig, ParameterTable};
use jikji_ops::Precision;
use serde_json::{Map, json};

const CONFIG: &str = r#"{
  "model_type": "llama", "vocab_size": 32000, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 3,
  "num_attention_heads": 16, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "tie_word_embeddings": false
}"#;

/// A folder whose weights are all zero, in a file with holes: as large as any to a reader, and nothing on the disk.
fn write_folder(dir: &Path, dtype: &str, bytes_per_number: usize) -> usize {
    let config = ModelConfig::from_json(CONFIG.as_bytes()).unwrap();
    let table = ParameterTable::new(&DecoderConfig::resolve(&config).unwrap());
    let (mut header, mut end) = (Map::new(), 0);
    for parameter in table.parameters() {
        let start = end;
        end += parameter.num_elements() * bytes_per_number;
        let entry = json!({"dtype": dtype, "shape": parameter.shape, "data_offsets": [start, end]});
        header.insert(parameter.name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("config.json"), CONFIG).unwrap();
    let mut file = File::create(dir.join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(&header).unwrap();
    file.set_len((8 + header.len() + end) as u64).unwrap();
    table.num_elements()
}

/// Most memory that this process ever had, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    1024 * kib.unwrap().parse::<usize>().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn peak_memory_is_the_weights_and_little_more() {
    let folder = tempfile::tempdir().unwrap();
    for (dtype, bytes) in [("BF16", 2), ("F32", 4)] {
        let dir = folder.path().join(dtype);
        let weights = 4 * write_folder(&dir, dtype, bytes);
        assert!(weights > 1_000_000_000, "a model of more than a gigabyte");
        let model = LoadedModel::load(&dir, Precision::F32).unwrap();
        let values = model.weights.values(0).unwrap();
        assert!(values.iter().all(|value| *value == 0.0));
        let (peak, allowed) = (peak(), weights + weights * 15 / 100 + 200_000_000);
        println!("{dtype}: {weights} bytes of weights, peak {peak}, allowed {allowed}");
        assert!(peak <= allowed, "{dtype}: peak {peak}, allowed {allowed}");
    }
}
