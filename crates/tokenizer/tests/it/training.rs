//! What training promises: ids, sizes, the same bytes each time, files that load as what was saved.

use std::fs;

use jikji_tokenizer::measure::Measure;
use jikji_tokenizer::{
    Digits, PreTokenization, Tokenizer, TokenizerConfig, TokenizerError, Trainer, train,
};

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
    for (digits, expected) in [(Digits::Single, 4), (Digits::UpToThree, 2)] {
        let config = TokenizerConfig { digits, ..small() };
        let tokenizer = train(texts, &config).unwrap();
        assert_eq!(tokenizer.encode("1234").unwrap().len(), expected);
    }
}

/// How often each pre-tokenizer keeps words, digits and symbols apart is told by the pieces that it may merge.
#[test]
fn published_ways_to_cut_are_learned_and_saved() {
    let text = ["GPU를 2024년에 don't (가)나 ABCdef "; 40];
    for (pre_tokenizer, whole) in [
        (PreTokenization::Korean, " (가)나"),
        (PreTokenization::Gpt2, " 2024"),
        (PreTokenization::Llama3, "202"),
        (PreTokenization::Qwen2, "'t"),
        (PreTokenization::Exaone, "GPU를"),
        (PreTokenization::KExaone, "GPU를"),
        (PreTokenization::O200k, " don't"),
    ] {
        let config = TokenizerConfig {
            pre_tokenizer,
            ..TokenizerConfig::with_vocab_size(700)
        };
        let tokenizer = train(text, &config).unwrap();
        assert_eq!(
            tokenizer.encode(whole).unwrap().len(),
            1,
            "{pre_tokenizer:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        tokenizer.save(folder.path()).unwrap();
        let loaded = Tokenizer::load(folder.path()).unwrap();
        assert_eq!(
            loaded.encode(text[0]).unwrap(),
            tokenizer.encode(text[0]).unwrap()
        );
    }
}

#[test]
fn superwords_are_learned_last_and_only_where_asked() {
    let text = ["할 수 있다. 할 수 있는 것이다. 할 수 있다. "; 20];
    let superwords = |superword_share, pre_tokenizer| {
        let config = TokenizerConfig {
            superword_share,
            pre_tokenizer,
            ..TokenizerConfig::with_vocab_size(320)
        };
        let tokenizer = train(text, &config).unwrap();
        let tokens = (0..tokenizer.vocab_size() as u32).map(|id| tokenizer.decode(&[id]).unwrap());
        tokens
            .enumerate()
            .filter(|(_, token)| token.trim().contains(' '))
            .map(|(id, _)| id)
            .collect::<Vec<usize>>()
    };
    assert!(superwords(0.0, PreTokenization::Korean).is_empty());
    assert!(superwords(0.0, PreTokenization::KExaone).is_empty());
    for pre_tokenizer in [PreTokenization::Korean, PreTokenization::KExaone] {
        let found = superwords(0.3, pre_tokenizer);
        assert!(
            !found.is_empty() && found.iter().all(|id| *id >= 280),
            "{found:?}"
        );
    }
    let config = TokenizerConfig {
        superword_share: 0.2,
        pre_tokenizer: PreTokenization::Gpt2,
        ..small()
    };
    let error = train(text, &config).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"tokenizer setting `superword_share`: expected 0 for a pre-tokenizer other than `korean` and `k_exaone`, got `0.2`");
}

#[test]
fn weights_count_as_repeating_does() {
    let trained = |weights: &[(&str, f64)], texts: &[(&str, &str)]| {
        let weights = weights
            .iter()
            .map(|(name, weight)| ((*name).to_owned(), *weight));
        let config = TokenizerConfig {
            weights: weights.collect(),
            ..TokenizerConfig::with_vocab_size(300)
        };
        let mut trainer = Trainer::new(&config, &std::env::temp_dir())?;
        for (source, text) in texts {
            trainer.add(source, text)?;
        }
        trainer.finish()
    };
    let (law, news) = (
        ("law", "제조의 벌칙 제조의 벌칙"),
        ("news", "오늘의 날씨는 맑음 오늘의 소식"),
    );
    let twice = trained(&[], &[law, law, law, news]).unwrap();
    let weighted = trained(&[("law", 3.0)], &[law, news]).unwrap();
    let halves = trained(&[("law", 1.5), ("news", 0.5)], &[law, news]).unwrap();
    let without = trained(&[("news", 0.0)], &[law, news]).unwrap();
    assert_eq!(saved(&twice), saved(&weighted));
    // A pair that occurs twice, half as often, is too rare.
    assert!(halves.vocab_size() < weighted.vocab_size());
    assert_eq!(saved(&without), saved(&trained(&[], &[law]).unwrap()));
    let error = trained(&[("lwa", 2.0)], &[law]).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"tokenizer setting `weights.lwa`: expected the name of a source that has text, got `lwa`");
    let error = trained(&[("law", f64::NAN)], &[law])
        .unwrap_err()
        .to_string();
    insta::assert_snapshot!(error, @"tokenizer setting `weights.law`: expected a number from 0 to 1000, got `NaN`");
}

#[test]
fn no_token_crosses_a_morpheme_of_the_dictionary() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("words.txt"), "학교\n에서\n는\n").unwrap();
    let text = ["학교에서는 학교에서는 학교에서"; 30];
    let config = TokenizerConfig {
        morphemes: Some(folder.path().to_owned()),
        ..small()
    };
    let tokenizer = train(text, &config).unwrap();
    let tokens: Vec<String> = tokenizer
        .encode(" 학교에서는")
        .unwrap()
        .iter()
        .map(|id| tokenizer.decode(&[*id]).unwrap())
        .collect();
    assert_eq!(tokens, [" 학교", "에서", "는"]);
    let plain = train(text, &small()).unwrap();
    assert_eq!(plain.encode(" 학교에서는").unwrap().len(), 1);
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
        sample_bytes: Some(500),
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
