//! An index that holds the input, beside two shards: `x.safetensors` has the tensors `a` and `b`, `y.safetensors` has `c` and `d`.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jikji_checkpoint::ModelFiles;
use libfuzzer_sys::fuzz_target;

const INDEX: &str = "model.safetensors.index.json";

static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder for the files").keep();
    for (file, first, second) in [("x.safetensors", "a", "b"), ("y.safetensors", "c", "d")] {
        let header = format!(
            r#"{{"{first}":{{"dtype":"U8","shape":[1],"data_offsets":[0,1]}},"{second}":{{"dtype":"BF16","shape":[2],"data_offsets":[1,5]}}}}"#
        );
        let bytes = [
            &(header.len() as u64).to_le_bytes()[..],
            header.as_bytes(),
            &[0; 5],
        ];
        fs::write(dir.join(file), bytes.concat()).expect("a shard can be written");
    }
    dir
});

fuzz_target!(|data: &[u8]| {
    fs::write(DIR.join(INDEX), data).expect("the index can be written");
    match ModelFiles::open(&DIR) {
        Ok(model) => {
            for name in model.names() {
                let elements = model.shape(name).expect("a named tensor").iter().product();
                let _ = model.read_f32(name, &mut vec![0.0; elements]);
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(&DIR.display().to_string()), "{text}");
            assert!(text.len() < 4_000, "{text}");
        }
    }
});
