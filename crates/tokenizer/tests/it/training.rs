//! What training promises: ids, sizes, the same bytes each time, files that load as what was saved.

use std::fs;

use jikji_tokenizer::measure::Measure;
use jikji_tokenizer::{Digits, Tokenizer, TokenizerConfig, TokenizerError, train};

use super::{TEXTS, small, trained};

fn saved(tokenizer: &Tokenizer) -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    tokenizer.save(folder.path()).unwrap();
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "something was left aside"
    );
    ["tokenizer.json", "tokenizer_config.json"]
        .map(|name| fs::read(folder.path().join(name)).unwrap())
}

#[test]
fn control_tokens_come_first_then_bytes_then_merges() {
    let tokenizer = trained();
    assert_eq!(
        (tokenizer.pad_id(), tokenizer.bos_id(), tokenizer.eos_id()),
        (Some(0), Some(1), Some(2))
    );
    assert_eq!(tokenizer.token_to_id("<|system|>"), Some(3));
    assert_eq!(tokenizer.token_to_id("<|reserved_15|>"), Some(23));
    for id in 24..280 {
        assert_eq!(tokenizer.decode_bytes(&[id]).len(), 1, "{id}");
    }
    assert!(tokenizer.decode_bytes(&[280]).len() > 1);
    assert_eq!((0..600).filter(|&id| tokenizer.is_special(id)).count(), 24);
}

#[test]
fn the_size_is_exact_where_the_text_allows_it_and_smaller_where_not() {
    for size in [280, 281, 400] {
        let mut config = small();
        (config.vocab_size, config.min_frequency) = (size, 1);
        assert_eq!(train(TEXTS, &config).unwrap().vocab_size(), size);
    }
    let all = train(
        ["가나"],
        &TokenizerConfig {
            min_frequency: 1,
            ..small()
        },
    )
    .unwrap();
    assert_eq!(all.vocab_size(), 280 + 5);
    assert_eq!(all.encode("가나").unwrap().len(), 1);
    let none = train(["가나"], &small()).unwrap();
    assert_eq!(none.vocab_size(), 280);
}

#[test]
fn training_twice_gives_the_same_bytes_at_any_number_of_threads() {
    let texts: Vec<String> = (0..400)
        .map(|i| format!("{} {i}", TEXTS[i % TEXTS.len()]))
        .collect();
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        saved(&pool.install(|| train(&texts, &small()).unwrap()))
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(1));
    assert_eq!(one, with_threads(7));
}

#[test]
fn a_saved_tokenizer_loads_as_itself() {
    let config = TokenizerConfig {
        chat_template: Some("{{ bos_token }}{{ messages }}".to_owned()),
        ..small()
    };
    let tokenizer = train(TEXTS, &config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("made/on/the/way");
    tokenizer.save(&target).unwrap();
    // For a model of another context only the length is added.
    let of_a_model = folder.path().join("of a model");
    tokenizer.save_for_model(&of_a_model, 2048).unwrap();
    let of_a_model = Tokenizer::load(&of_a_model).unwrap();
    assert_eq!(of_a_model.fingerprint(), tokenizer.fingerprint());
    assert!(String::from_utf8_lossy(&saved(&of_a_model)[1]).contains("\"model_max_length\": 2048"));
    for path in [target.clone(), target.join("tokenizer.json")] {
        let loaded = Tokenizer::load(&path).unwrap();
        assert_eq!(loaded.fingerprint(), tokenizer.fingerprint());
        assert_eq!(saved(&loaded), saved(&tokenizer));
        assert_eq!(loaded.chat_template(), config.chat_template.as_deref());
        assert_eq!(
            (loaded.bos_id(), loaded.vocab_size()),
            (tokenizer.bos_id(), tokenizer.vocab_size())
        );
        for text in TEXTS {
            assert_eq!(
                loaded.encode(text).unwrap(),
                tokenizer.encode(text).unwrap()
            );
        }
    }
    assert_ne!(
        train(&TEXTS[1..], &config).unwrap().fingerprint(),
        tokenizer.fingerprint()
    );
}

#[test]
fn the_configuration_file_is_what_transformers_writes() {
    let mut config = TokenizerConfig {
        reserved_tokens: 0,
        ..small()
    };
    config.special_tokens.extra.clear();
    let tokenizer = train(TEXTS, &config).unwrap();
    insta::assert_snapshot!(String::from_utf8(saved(&tokenizer)[1].clone()).unwrap(), @r#"
    {
      "added_tokens_decoder": {
        "0": {
          "content": "<|pad|>",
          "single_word": false,
          "lstrip": false,
          "rstrip": false,
          "normalized": false,
          "special": true
        },
        "1": {
          "content": "<|bos|>",
          "single_word": false,
          "lstrip": false,
          "rstrip": false,
          "normalized": false,
          "special": true
        },
        "2": {
          "content": "<|eos|>",
          "single_word": false,
          "lstrip": false,
          "rstrip": false,
          "normalized": false,
          "special": true
        }
      },
      "bos_token": "<|bos|>",
      "clean_up_tokenization_spaces": false,
      "eos_token": "<|eos|>",
      "pad_token": "<|pad|>",
      "tokenizer_class": "PreTrainedTokenizerFast",
      "unk_token": null
    }
    "#);
}

#[test]
fn digits_are_cut_as_asked() {
    let texts = ["1234 1234 1234 1234"];
    let single = train(texts, &small()).unwrap();
    assert_eq!(single.encode("1234").unwrap().len(), 4);
    let grouped = train(
        texts,
        &TokenizerConfig {
            digits: Digits::UpToThree,
            ..small()
        },
    )
    .unwrap();
    assert_eq!(grouped.encode("1234").unwrap().len(), 2);
}

#[test]
fn no_text_and_a_small_vocabulary_are_errors() {
    for texts in [vec![], vec![""], vec!["", ""]] {
        assert!(matches!(
            train(texts, &small()),
            Err(TokenizerError::NoText)
        ));
    }
    let error = train(TEXTS, &TokenizerConfig::with_vocab_size(279)).unwrap_err();
    assert!(matches!(
        error,
        TokenizerError::VocabTooSmall {
            vocab_size: 279,
            needed: 280
        }
    ));
    assert!(error.hint().unwrap().contains("280"));
}

#[test]
fn training_reads_no_more_than_it_may() {
    let texts: Vec<String> = (0..1_000)
        .map(|i| format!("문서{}", "가나다".repeat(i % 3)))
        .collect();
    let config = TokenizerConfig {
        sample_bytes: 500,
        ..small()
    };
    let few = train(&texts, &config).unwrap();
    assert!(few.vocab_size() <= train(&texts, &small()).unwrap().vocab_size());
    assert_eq!(saved(&few), saved(&train(&texts, &config).unwrap()));
}

#[test]
fn learned_words_take_fewer_tokens() {
    let mut measure = Measure::default();
    let tokenizer = trained();
    for text in TEXTS {
        measure.add(&tokenizer, text).unwrap();
    }
    assert_eq!(
        measure.bytes,
        TEXTS.iter().map(|text| text.len() as u64).sum::<u64>()
    );
    assert!(measure.bytes_per_token().unwrap() > 1.5, "{measure:?}");
}

#[test]
fn saving_into_a_file_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = trained().save(file.path()).unwrap_err();
    assert!(
        matches!(&error, TokenizerError::Write { path, .. } if path.starts_with(file.path())),
        "{error}"
    );
}

/// The library's own trainer on the same text, as the judge of order and ties.
#[test]
fn merges_are_those_of_the_library() {
    use tokenizers::models::TrainerWrapper;
    use tokenizers::models::bpe::BpeTrainer;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    let folder = tempfile::tempdir().unwrap();
    let ours = trained();
    ours.save(folder.path()).unwrap();
    let mut theirs =
        tokenizers::Tokenizer::from_file(folder.path().join("tokenizer.json")).unwrap();
    let control =
        (0..24).map(|id| tokenizers::AddedToken::from(ours.id_to_token(id).unwrap(), true));
    let mut trainer: TrainerWrapper = BpeTrainer::builder()
        .vocab_size(600)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(control.collect())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build()
        .into();
    theirs.train(&mut trainer, TEXTS.iter()).unwrap();
    assert_eq!(theirs.get_vocab_size(true), ours.vocab_size());
    for id in 0..ours.vocab_size() as u32 {
        assert_eq!(theirs.id_to_token(id), ours.id_to_token(id), "{id}");
    }
    for text in TEXTS {
        assert_eq!(
            theirs.encode_fast(*text, false).unwrap().get_ids(),
            ours.encode(text).unwrap()
        );
    }
}

#[test]
fn a_tokenizer_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let tokenizer = trained();
    shared(&tokenizer);
    let expected = tokenizer.encode(TEXTS[0]).unwrap();
    std::thread::scope(|scope| {
        let handles = [0; 4].map(|_| scope.spawn(|| tokenizer.encode(TEXTS[0]).unwrap()));
        for handle in handles {
            assert_eq!(handle.join().unwrap(), expected);
        }
    });
}
