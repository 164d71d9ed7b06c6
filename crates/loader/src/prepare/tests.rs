//! Preparation as a whole: what comes out, what is done again, what goes on after an interruption.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use jikji_corpus::InputConfig;

use super::*;
use crate::{Loader, LoaderConfig};

fn write_texts(dir: &Path, count: usize) {
    fs::create_dir_all(dir).expect("a temporary folder");
    for number in 0..count {
        let text = format!(
            "{number}번 문서입니다. 봄에는 꽃이 {number}송이 피고, GPU를 {number}대 씁니다.\n"
        );
        fs::write(dir.join(format!("{number:03}.txt")), text).expect("a temporary file");
    }
}

fn config(texts: &Path, dir: &Path) -> PrepareConfig {
    let input = InputConfig {
        name: "texts".to_owned(),
        path: texts.display().to_string(),
        exclude: Vec::new(),
        fields: Vec::new(),
        license: None,
    };
    PrepareConfig {
        dir: dir.to_owned(),
        corpus: BuildConfig {
            inputs: vec![input],
            ..BuildConfig::default()
        },
        tokenizer: TokenizerPlan::Train(TokenizerConfig::with_vocab_size(320)),
        validation: ValidationSplit {
            fraction: 0.25,
            sources: Vec::new(),
        },
    }
}

fn prepare_quietly(config: &PrepareConfig) -> Prepared {
    prepare(config, &mut |_| ()).expect("a complete preparation")
}

fn files(dir: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(dir).expect("the prepared folder") {
        let folder = folder.expect("an entry").path();
        for file in fs::read_dir(&folder).expect("one of the three folders") {
            let path = file.expect("an entry").path();
            let modified = fs::metadata(&path)
                .and_then(|data| data.modified())
                .expect("a time");
            let name = path
                .strip_prefix(dir)
                .expect("below it")
                .display()
                .to_string();
            found.insert(name, (fs::read(&path).expect("a file"), modified));
        }
    }
    found
}

#[test]
fn tokens_are_the_documents() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (texts, dir) = (
        temporary.path().join("texts"),
        temporary.path().join("prepared"),
    );
    write_texts(&texts, 40);
    let prepared = prepare_quietly(&config(&texts, &dir));
    let [train, held_back] = [Split::Train, Split::Validation].map(|split| {
        prepared
            .documents(split)
            .map(|document| document.expect("a document").text)
            .collect::<Vec<_>>()
    });
    assert_eq!(train.len() + held_back.len(), 40);
    assert!(
        !held_back.is_empty() && held_back.len() < 20,
        "{} of 40 held back",
        held_back.len()
    );

    let settings = LoaderConfig {
        seed: 1,
        seq_len: 32,
        cross_documents: false,
        weights: Vec::new(),
        stages: Vec::new(),
        pad_id: 0,
    };
    let tokenizer = prepared.tokenizer;
    let loader = Loader::new(prepared.shards, settings).expect("a loader");
    let sequences = loader.sequences_per_epoch("texts").expect("the source");
    let mut seen = 0;
    for index in 0..sequences {
        let sequence = loader.sequence(index).expect("a sequence");
        seen += sequence
            .ids
            .iter()
            .filter(|id| Some(**id) == tokenizer.bos_id())
            .count();
        // What stands between a document's border tokens is a piece of one of the training texts.
        for piece in sequence
            .ids
            .split(|id| Some(*id) == tokenizer.bos_id() || Some(*id) == tokenizer.eos_id())
        {
            let text = tokenizer.decode(piece).expect("ids of the tokenizer");
            let whole = text.trim_matches('\u{fffd}');
            assert!(
                train.iter().any(|document| document.contains(whole)),
                "{whole:?}"
            );
        }
    }
    assert_eq!(seen, train.len(), "every training document once");
}

#[test]
fn a_second_preparation_changes_no_file() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (texts, dir) = (
        temporary.path().join("texts"),
        temporary.path().join("prepared"),
    );
    write_texts(&texts, 12);
    prepare_quietly(&config(&texts, &dir));
    let before = files(&dir);
    prepare_quietly(&config(&texts, &dir));
    assert!(files(&dir) == before);
}

#[test]
fn an_interrupted_preparation_ends_like_an_uninterrupted_one() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (texts, dir) = (
        temporary.path().join("texts"),
        temporary.path().join("prepared"),
    );
    write_texts(&texts, 12);
    let config = config(&texts, &dir);
    let content = prepare_quietly(&config).shards.content_hash();
    let whole: BTreeMap<String, Vec<u8>> = files(&dir)
        .into_iter()
        .map(|(name, (bytes, _))| (name, bytes))
        .collect();
    for lost in ["manifest.json", "tokenizer_config.json"] {
        for name in whole.keys().filter(|name| name.ends_with(lost)) {
            fs::remove_file(dir.join(name)).expect("a file that was there");
            assert_eq!(
                prepare_quietly(&config).shards.content_hash(),
                content,
                "after `{name}` was lost"
            );
            assert_eq!(
                fs::read(dir.join(name)).expect("made again"),
                whole[name],
                "{name}"
            );
        }
    }
}

#[test]
fn another_setting_makes_another_folder_and_keeps_the_old() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (texts, dir) = (
        temporary.path().join("texts"),
        temporary.path().join("prepared"),
    );
    write_texts(&texts, 12);
    let mut config = config(&texts, &dir);
    prepare_quietly(&config);
    let before = files(&dir);
    config.validation.fraction = 0.5;
    let other = prepare_quietly(&config);
    let after = files(&dir);
    assert!(
        before
            .iter()
            .all(|(name, content)| after.get(name) == Some(content))
    );
    assert!(after.len() > before.len());
    assert!(other.shards.dir().starts_with(&dir));
}
