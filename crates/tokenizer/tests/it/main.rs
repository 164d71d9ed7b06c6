//! The crate through its public door.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chat_differences;
mod chat_parts;
mod chat_templates;
mod extending;
#[path = "../hostile/mod.rs"]
mod hostile;

mod hostile_files;
mod hostile_mutations;
mod hostile_templates;
mod mutation_seeds;
mod published_files;
mod round_trip;
mod training;

use jikji_tokenizer::{Tokenizer, TokenizerConfig, train};

/// Sentences of several kinds, enough for a few hundred merges.
const TEXTS: &[&str] = &[
    "도서관은 아침 아홉 시에 문을 열고 저녁 여섯 시에 닫는다. 주말에는 오후 한 시까지만 연다.",
    "제3조(적용 범위) 이 규칙은 도서관의 모든 이용자에게 적용한다. 다만, 제5조는 그러하지 아니하다.",
    "환자는 3일 전부터 열이 38.5도까지 오르고 기침이 심하여 병원을 찾았다.",
    "은행은 12월 31일까지 이자 1,250원을 계산하여 계좌에 넣는다.",
    "GPU를 두 개 쓰면 학습이 빨라지지만, CPU만으로도 작은 모델은 만들 수 있다.",
    "The library opens at nine and we don't close before six. You'll find it near the station.",
    "와 진짜 재밌다 ㅋㅋㅋ 또 보고 싶어ㅠㅠ 😀👍\n\n다음에 또 올게요!",
];

fn small() -> TokenizerConfig {
    TokenizerConfig::with_vocab_size(600)
}

fn trained() -> Tokenizer {
    train(TEXTS, &small()).unwrap()
}
