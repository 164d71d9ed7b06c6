//! A GGUF file that is the input.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jikji_checkpoint::gguf::GgufFile;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder for the file");
    dir.keep().join("model.gguf")
});

fuzz_target!(|data: &[u8]| {
    fs::write(&*FILE, data).expect("the file can be written");
    match GgufFile::open(&FILE) {
        Ok(file) => {
            for tensor in file.tensors() {
                let elements = tensor.shape.iter().product();
                file.read_f32(&tensor.name, 0, &mut vec![0.0; elements])
                    .expect("a tensor of an opened file can be read");
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("model.gguf"), "{text}");
            assert!(text.len() < 4_000, "{text}");
        }
    }
});
