//! Folders made to break the loader: each ends in an error that names the place, or in a tokenizer that works.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use jikji_tokenizer::{Tokenizer, TokenizerError};

use crate::hostile::{complaint, files};

#[test]
fn each_folder_is_refused_by_name_or_works() {
    let cases = files::cases();
    let mut wrong = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    for case in &cases {
        let start = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| case.run())) {
            Ok(result) => {
                let got = result.as_ref().map(|&()| ()).map_err(String::as_str);
                wrong.extend(complaint(&case.name, &case.expected, got));
            }
            Err(_) => wrong.push(format!("{}: a panic came through", case.name)),
        }
        slowest = slowest.max((start.elapsed(), case.name.clone()));
    }
    println!("{} folders, slowest {slowest:?}", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 300, "only {} cases", cases.len());
    // Milliseconds on an idle machine.
    assert!(slowest.0 < Duration::from_secs(10), "{slowest:?}");
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        matches!(Tokenizer::load(folder.path()), Err(TokenizerError::Read { path, .. }) if path.ends_with("tokenizer.json"))
    );
    assert!(Tokenizer::load(&folder.path().join("nothing/here")).is_err());
    std::fs::create_dir(folder.path().join("tokenizer.json")).unwrap();
    assert!(matches!(
        Tokenizer::load(folder.path()),
        Err(TokenizerError::Read { .. })
    ));
}

/// Reading these would not end.
#[cfg(unix)]
#[test]
fn files_without_an_end_are_refused() {
    for device in [
        "/dev/zero",
        "/dev/urandom",
        "/dev/tty",
        "/proc/self/pagemap",
    ] {
        for name in [
            "tokenizer.json",
            "tokenizer_config.json",
            "chat_template.jinja",
        ] {
            if !Path::new(device).exists() {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(
                folder.path().join("tokenizer.json"),
                files::valid().to_string(),
            )
            .unwrap();
            let _ = std::fs::remove_file(folder.path().join(name));
            std::os::unix::fs::symlink(device, folder.path().join(name)).unwrap();
            assert!(
                Tokenizer::load(folder.path()).is_err(),
                "{name} is {device}"
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    assert!(Tokenizer::load(folder.path()).is_err());
}
