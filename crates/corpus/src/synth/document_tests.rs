use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::hangul::decompose;
use super::super::lexicon::Lexicon;
use super::super::scene::{Grammar, Occurrence};
use super::*;

fn sample(documents: usize) -> Vec<SynthDocument> {
    documents_of(7, documents, &[])
}

fn documents_of(seed: u64, documents: usize, topics: &[Topic]) -> Vec<SynthDocument> {
    super::documents(&SynthConfig {
        seed,
        documents,
        topics: topics.to_vec(),
    })
    .collect()
}

/// FNV-1a, enough to notice that any byte moved.
fn hash(documents: &[SynthDocument]) -> u64 {
    let bytes = documents
        .iter()
        .flat_map(|document| document.text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_grammar_compiles_and_is_large() {
    let grammar = Grammar::built_in().unwrap_or_else(|errors| panic!("{errors}"));
    let scenes: Vec<_> = grammar.scenes.values().flatten().collect();
    let sentences: usize = scenes
        .iter()
        .flat_map(|scene| &scene.beats)
        .map(|beat| beat.alternatives.len())
        .sum();
    println!("{} scenes, {sentences} sentence templates", scenes.len());
    assert!(sentences >= 900, "only {sentences} templates");
    assert_eq!(grammar.scenes.len(), Topic::ALL.len());
    for beat in scenes.iter().flat_map(|scene| &scene.beats) {
        assert!(
            beat.occurrence == Occurrence::ParagraphBreak || !beat.alternatives.is_empty(),
            "a beat without text"
        );
    }
}

#[test]
fn the_first_hundred_documents_are_pinned() {
    let documents = documents_of(1, 100, &[]);
    assert_eq!(
        hash(&documents),
        885_165_437_069_914_415,
        "the text changed: raise GENERATOR_VERSION and pin the new hash"
    );
    assert_eq!(GENERATOR_VERSION, 1);
}

#[test]
fn a_document_can_be_made_alone() {
    for (index, made) in documents_of(5, 60, &[]).into_iter().enumerate().rev() {
        assert_eq!(document(5, index as u64, &[]), made);
    }
    assert_ne!(document(5, 0, &[]).text, document(6, 0, &[]).text);
}

#[test]
fn topics_come_evenly() {
    let mut counts = BTreeMap::new();
    for document in sample(Topic::ALL.len() * 10) {
        *counts.entry(document.topic).or_insert(0) += 1;
    }
    assert!(
        Topic::ALL.iter().all(|topic| counts[topic] == 10),
        "{counts:?}"
    );
    let chosen = [Topic::Law, Topic::Diary];
    assert!(
        documents_of(1, 20, &chosen)
            .iter()
            .all(|document| chosen.contains(&document.topic))
    );
}

/// Precomposed syllables and no combining marks: NFC for everything that the grammar can write.
fn is_nfc_of_ours(text: &str) -> bool {
    text.chars()
        .all(|c| !('\u{0300}'..='\u{036f}').contains(&c) && !('\u{1100}'..='\u{11ff}').contains(&c))
}

fn assert_clean(text: &str) {
    assert!(is_nfc_of_ours(text), "not NFC: {text}");
    for wrong in [
        "  ", " \n", "\n\n", " .", " ,", "..", "{", "}", "[", "]", "~", "@", ";", "|",
    ] {
        assert!(!text.contains(wrong), "`{wrong}` in: {text}");
    }
    assert_eq!(text.trim(), text);
    assert!(
        text.chars()
            .all(|c| !('\u{3131}'..='\u{318e}').contains(&c)),
        "a bare jamo in: {text}"
    );
    assert!(
        (60..4_000).contains(&text.len()),
        "{} bytes: {text}",
        text.len()
    );
}

/// Particles after nouns of the lexicon, checked from code points alone, not with `hangul::josa`.
fn wrong_particles<'a>(text: &'a str, nouns: &BTreeSet<&str>) -> Vec<&'a str> {
    let closed = |noun: &str| {
        let last = noun.chars().next_back().map_or(0, |c| c as u32);
        !last.wrapping_sub(0xAC00).is_multiple_of(28)
    };
    let pairs = [("을", "를"), ("은", "는"), ("과", "와"), ("이", "가")];
    let mut wrong = Vec::new();
    for word in text.split(|c: char| !('가'..='힣').contains(&c)) {
        for (after_closed, after_open) in pairs {
            for (particle, wanted) in [(after_closed, true), (after_open, false)] {
                if let Some(noun) = word
                    .strip_suffix(particle)
                    .filter(|noun| nouns.contains(noun))
                {
                    // 고양 + 이, 아기 + 가 and the like are nouns themselves.
                    if closed(noun) != wanted && !nouns.contains(word) {
                        wrong.push(word);
                    }
                }
            }
        }
    }
    wrong
}

#[test]
fn documents_are_clean_and_their_particles_agree() {
    let lexicon = Lexicon::built_in().unwrap();
    let nouns: BTreeSet<&str> = lexicon
        .entries
        .iter()
        .flatten()
        .filter(|field| field.predicate.is_none() && field.text.chars().count() >= 2)
        .filter(|field| field.text.chars().all(|c| decompose(c).is_some()))
        .map(|field| field.text.as_str())
        .collect();
    assert!(nouns.len() > 700, "{} nouns to check with", nouns.len());
    let mut checked = 0;
    for document in sample(4_000) {
        assert_clean(&document.text);
        let wrong = wrong_particles(&document.text, &nouns);
        assert!(wrong.is_empty(), "{wrong:?} in: {}", document.text);
        checked += document.text.matches(['을', '를']).count();
    }
    assert!(checked > 10_000, "only {checked} objects were seen");
    assert_eq!(
        wrong_particles("사과을 먹고 우산를 샀다", &nouns),
        ["사과을", "우산를"]
    );
}

/// Digits before particles: 를 must not follow 3, nor 을 2.
#[test]
fn particles_after_digits_agree() {
    for document in sample(4_000) {
        let chars: Vec<char> = document.text.chars().collect();
        for window in chars.windows(3) {
            let [digit, particle, space] = window else {
                continue;
            };
            if !digit.is_ascii_digit() || *space != ' ' {
                continue;
            }
            let closed = matches!(digit, '0' | '1' | '3' | '6' | '7' | '8');
            match particle {
                '을' | '은' | '과' => assert!(closed, "{window:?} in {}", document.text),
                '를' | '는' | '와' => assert!(!closed, "{window:?} in {}", document.text),
                _ => {}
            }
        }
    }
}

fn number(text: &str) -> Option<i64> {
    let digits: String = text
        .chars()
        .filter(|c| *c != ',')
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

/// Evaluates `a + b + c = d`, `a × b = c`, `a × b ÷ c = d` wherever a document states one.
fn check_equations(text: &str) -> usize {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let mut checked = 0;
    for (at, _) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| **token == "=")
    {
        let Some(right) = tokens.get(at + 1).and_then(|token| number(token)) else {
            continue;
        };
        let mut start = at - 1;
        while start >= 2 && matches!(tokens[start - 1], "+" | "-" | "×" | "÷") {
            start -= 2;
        }
        let strip = |token: &str| number(token.trim_start_matches(|c: char| !c.is_ascii_digit()));
        // Products bind first.
        let (mut sum, mut product, mut sign) = (0, strip(tokens[start]).unwrap(), 1);
        for pair in tokens[start + 1..at].chunks(2) {
            let value = strip(pair[1]).unwrap();
            match pair[0] {
                "×" => product *= value,
                "÷" => product /= value,
                op => {
                    sum += sign * product;
                    product = value;
                    sign = if op == "+" { 1 } else { -1 };
                }
            }
        }
        assert_eq!(
            sum + sign * product,
            right,
            "{}",
            tokens[start..=at + 1].join(" ")
        );
        checked += 1;
    }
    checked
}

#[test]
fn stated_arithmetic_is_right() {
    let checked: usize = documents_of(
        3,
        3_000,
        &[Topic::Arithmetic, Topic::Comparison, Topic::Finance],
    )
    .iter()
    .map(|document| check_equations(&document.text))
    .sum();
    assert!(checked > 1_000, "only {checked} equations were seen");
    assert_eq!(check_equations("모두 3 × 4 + 5 = 17이다."), 1);
    assert!(std::panic::catch_unwind(|| check_equations("3 + 4 = 8")).is_err());
}

/// Lengths the corpus wants, and no boilerplate: over 1 MB, hardly any run of 20 characters occurs more than five times.
#[test]
fn runs_of_twenty_characters_rarely_repeat() {
    let documents = sample(2_200);
    let bytes: usize = documents.iter().map(|document| document.text.len()).sum();
    let mean = bytes / documents.len();
    assert!(
        bytes > 1_000_000 && (500..=900).contains(&mean),
        "{bytes} bytes, mean {mean}"
    );
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    let mut windows = Vec::new();
    for document in &documents {
        let chars: Vec<char> = document.text.chars().collect();
        for window in chars.windows(20) {
            let key = window.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, c| {
                (hash ^ u64::from(*c as u32))
                    .wrapping_mul(0x0100_0000_01b3)
                    .rotate_left(5)
            });
            windows.push(key);
        }
    }
    for key in &windows {
        *counts.entry(*key).or_default() += 1;
    }
    let repeated = windows.iter().filter(|key| counts[key] > 5).count();
    let share = repeated as f64 / windows.len() as f64;
    println!("{bytes} bytes, mean {mean}, share of repeated windows {share:.4}");
    assert!(share < 0.03, "{share}");
}

#[test]
fn sentences_end_as_sentences_do() {
    for document in sample(2_000) {
        let end = document.text.chars().next_back().unwrap();
        let plain_line = matches!(
            document.topic,
            Topic::List | Topic::Medicine | Topic::English
        );
        assert!(
            plain_line || matches!(end, '.' | '?' | '!' | '”' | '"'),
            "{}",
            document.text
        );
    }
}

proptest! {
    #[test]
    fn any_seed_and_index_give_a_clean_document(seed: u64, index: u64) {
        assert_clean(&document(seed, index, &[]).text);
    }
}
