//! A checkpoint's manifest with the input as its body and the hash that belongs to it.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jikji_checkpoint::Loaded;
use libfuzzer_sys::fuzz_target;

static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder for the files").keep();
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"m.a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
    let bytes = [
        &(header.len() as u64).to_le_bytes()[..],
        header.as_bytes(),
        &[0; 8],
    ];
    fs::write(dir.join("model.safetensors"), bytes.concat()).expect("a file can be written");
    let run = r#"{"format_version":1,"code_version":"","identity":{},"progress":{}}"#;
    fs::write(dir.join("run.json"), run).expect("a file can be written");
    dir
});

fuzz_target!(|data: &[u8]| {
    let hash = blake3::hash(data).to_hex();
    let bytes = [
        b"{\n\"blake3\": \"",
        hash.as_bytes(),
        b"\",\n\"body\": ",
        data,
        b"\n}\n",
    ];
    fs::write(DIR.join("manifest.json"), bytes.concat()).expect("the manifest can be written");
    match Loaded::open_unverified(&DIR) {
        Ok(loaded) => {
            for (name, kind) in loaded.names() {
                let elements = loaded
                    .shape(name, kind)
                    .expect("a named state")
                    .iter()
                    .product();
                let _ = loaded.read(name, kind, &mut vec![0.0; elements]);
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(&DIR.display().to_string()), "{text}");
            assert!(text.len() < 4_000, "{text}");
        }
    }
});
