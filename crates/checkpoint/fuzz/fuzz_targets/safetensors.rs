//! One `model.safetensors` that holds the input.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jikji_checkpoint::ModelFiles;
use libfuzzer_sys::fuzz_target;

static DIR: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder for the file").keep());

fuzz_target!(|data: &[u8]| {
    fs::write(DIR.join("model.safetensors"), data).expect("the file can be written");
    match ModelFiles::open(&DIR) {
        Ok(model) => {
            for name in model.names() {
                let elements = model.shape(name).expect("a named tensor").iter().product();
                // What a file of the input's size cannot hold is no tensor that may be opened, whatever its type.
                assert!(elements <= 2 * data.len());
                let _ = model.read_f32(name, &mut vec![0.0; elements]);
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("model.safetensors"), "{text}");
            assert!(text.contains("byte") || text.contains("tensor `"), "{text}");
            assert!(text.len() < 4_000, "{text}");
        }
    }
});
