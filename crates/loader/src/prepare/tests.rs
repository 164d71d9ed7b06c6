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
        tokenizer: TokenizerPlan::Train(Box::new(TokenizerConfig::with_vocab_size(320))),
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
        first_sequences: BTreeMap::new(),
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

#[test]
fn names_of_sources_may_hold_dots_and_hangul() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (texts, dir) = (
        temporary.path().join("texts"),
        temporary.path().join("prepared"),
    );
    let mut several = config(&texts, &dir);
    let shared = several.corpus.inputs.remove(0);
    for (number, name) in ["법.률", "law.v1", "law.v2"].into_iter().enumerate() {
        let folder = texts.join(number.to_string());
        fs::create_dir_all(&folder).expect("a temporary folder");
        for file in 0..4 {
            let text = format!("{name} 문서 {file}: 가을에는 단풍이 든다.\n");
            fs::write(folder.join(format!("{file}.txt")), text).expect("a temporary file");
        }
        several.corpus.inputs.push(InputConfig {
            name: name.to_owned(),
            path: folder.display().to_string(),
            ..shared.clone()
        });
    }
    let prepared = prepare_quietly(&several);
    let mut documents: BTreeMap<String, u64> = BTreeMap::new();
    for split in [Split::Train, Split::Validation] {
        for source in prepared.shards.sources(split) {
            *documents.entry(source.name).or_default() += source.documents;
        }
    }
    let expected = ["law.v1", "law.v2", "법.률"].map(|name| (name.to_owned(), 4));
    assert_eq!(documents, BTreeMap::from(expected));

    let whole: u64 = prepared.corpus.parts().iter().map(|part| part.bytes).sum();
    let sampled: Vec<Document> = prepared
        .sample_of_training(whole / 2)
        .map(|document| document.expect("a readable part"))
        .collect();
    let bytes: u64 = sampled.iter().map(|found| found.text.len() as u64).sum();
    assert!(bytes < whole, "{bytes} of {whole}");
    for (name, _) in documents {
        assert!(
            sampled.iter().any(|found| found.source == name),
            "{name} is in the sample"
        );
    }
}

#[test]
fn without_a_begin_token_the_first_token_costs_nothing_and_counts_nothing() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (texts, dir) = (
        temporary.path().join("texts"),
        temporary.path().join("prepared"),
    );
    write_texts(&texts, 3);
    let with_begin = prepare_quietly(&config(&texts, &dir));
    let document = with_begin
        .documents(Split::Train)
        .next()
        .expect("a document")
        .expect("a readable part");
    let everything = ValidationSplit {
        fraction: 0.0,
        sources: Vec::new(),
    };
    let bytes_with = |tokenizer: &Tokenizer| {
        encode(&document, tokenizer, &everything)
            .expect("text that encodes")
            .text_bytes
    };
    let whole = document.text.len() as u32;
    assert_eq!(bytes_with(&with_begin.tokenizer), whole);

    let folder = temporary.path().join("without");
    with_begin
        .tokenizer
        .save(&folder)
        .expect("a saved tokenizer");
    let path = folder.join("tokenizer_config.json");
    let mut keys: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    keys.remove("bos_token");
    fs::write(&path, serde_json::to_vec(&keys).expect("JSON")).expect("a file");
    let without = Tokenizer::load(&folder).expect("a tokenizer");
    assert_eq!(without.bos_id(), None);
    let first = without.encode(&document.text).expect("ids")[0];
    let unpredicted = without.decode_bytes(&[first]).len() as u32;
    assert!(unpredicted > 0);
    assert_eq!(bytes_with(&without), whole - unpredicted);
}

#[test]
fn a_long_text_is_tokenized_in_pieces_to_the_same_ids() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let (texts, dir) = (
        temporary.path().join("texts"),
        temporary.path().join("prepared"),
    );
    write_texts(&texts, 30);
    let tokenizer = prepare_quietly(&config(&texts, &dir)).tokenizer;
    let lines: Vec<String> = (0..40)
        .map(|number| {
            format!(
                "제{number}조  GPU를 {number}대 씁니다.{}",
                "\n".repeat(number % 3)
            )
        })
        .collect();
    for text in [
        lines.join("\n"),
        lines.join(" ").replace('\n', ""),
        "\n\n  들여쓴 줄\n\t탭\n 끝 ".repeat(20),
    ] {
        let whole = tokenizer.encode(&text).expect("ids");
        for bytes in [37, 64, 250, 10_000] {
            let cut: Vec<&str> = pieces(&text, bytes).collect();
            assert_eq!(cut.concat(), text);
            assert!(cut.iter().all(|piece| piece.len() <= bytes));
            let ids: Vec<u32> = cut
                .iter()
                .flat_map(|piece| tokenizer.encode(piece).expect("ids"))
                .collect();
            assert_eq!(ids, whole, "pieces of {bytes} bytes");
        }
    }
    let hangul = "가".repeat(100);
    assert_eq!(
        pieces(&hangul, 10).count(),
        34,
        "nothing to cut at but characters"
    );
}
