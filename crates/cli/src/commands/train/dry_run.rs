//! `--dry-run`: the whole plan without a step, and one example as the loss will see it.

use std::fmt::Write as _;

use jikji_loader::TokenizerPlan;
use jikji_recipe::RunConfig;
use jikji_telemetry::Console;
use jikji_tokenizer::Tokenizer;

use super::assemble::Plan;
use super::prepare::prepare_config;
use crate::console;
use crate::failure::Failure;

/// Documents read for the example; also what a throw-away tokenizer is trained on.
const SAMPLE_DOCUMENTS: usize = 200;

/// Tokens of the example that are shown.
const SHOWN_TOKENS: usize = 160;

pub(super) fn run(config: &RunConfig, talk: &Console) -> Result<(), Failure> {
    let plan = Plan::new(config)?;
    for line in plan.lines(config) {
        console::data(line);
    }
    // The plan may be for another machine.
    if let Err(failure) = plan.check_memory(config) {
        talk.warn(format!("not on this machine: {}", failure.message));
    }
    for source in &config.data.sources {
        let weight = source
            .weight
            .map_or_else(|| "by size".to_owned(), |weight| weight.to_string());
        let from = source.path.as_deref().unwrap_or("the grammar");
        console::data(format!("source {}: {from}, weight {weight}", source.name));
    }
    let documents = first_documents(config)?;
    let tokenizer = match &prepare_config(config)?.tokenizer {
        TokenizerPlan::Load(dir) => {
            let tokenizer = Tokenizer::load(dir)?;
            plan.check_tokenizer(config, &tokenizer)?;
            tokenizer
        }
        TokenizerPlan::Train(settings) => {
            talk.say(format!(
                "the tokenizer of this example is trained on the first {} documents only",
                documents.len()
            ));
            jikji_tokenizer::train(documents.iter().map(String::as_str), settings)?
        }
    };
    console::data(format!(
        "example, the first {} of {} tokens: `|` ends a token, ⟦ ⟧ holds what the loss does not count",
        SHOWN_TOKENS.min(config.train.seq_len.get()),
        config.train.seq_len
    ));
    console::data(example(config, &tokenizer, &documents)?);
    Ok(())
}

/// Clean texts in the order of the sources, the grammar's last.
fn first_documents(config: &RunConfig) -> Result<Vec<String>, Failure> {
    let corpus = prepare_config(config)?.corpus;
    let mut documents = Vec::new();
    for input in &corpus.inputs {
        for file in &jikji_corpus::discover(input)?.files {
            // A file that does not fit is skipped by the real preparation too, which lists it.
            let Ok(rows) = jikji_corpus::read(input, file) else {
                continue;
            };
            for document in rows.take(SAMPLE_DOCUMENTS - documents.len()) {
                documents.push(jikji_corpus::clean(&document?.text));
            }
        }
    }
    for synthetic in &corpus.synthetic {
        let room = SAMPLE_DOCUMENTS - documents.len();
        documents.extend((synthetic.documents)().take(room));
    }
    Ok(documents)
}

/// The first sequence of the plainly concatenated documents. A target is counted where it follows its input in the same
/// document.
fn example(
    config: &RunConfig,
    tokenizer: &Tokenizer,
    documents: &[String],
) -> Result<String, Failure> {
    let mut tokens = Vec::new();
    for document in documents {
        let text = tokenizer.encode(document)?;
        let ids = tokenizer
            .bos_id()
            .into_iter()
            .chain(text)
            .chain(tokenizer.eos_id());
        tokens.extend(
            ids.enumerate()
                .map(|(index, id)| (id, index > 0 || config.data.cross_documents)),
        );
        if tokens.len() > config.train.seq_len.get() {
            break;
        }
    }
    let mut shown = String::new();
    for (id, counted) in tokens
        .into_iter()
        .take(SHOWN_TOKENS.min(config.train.seq_len.get()))
    {
        let piece = if tokenizer.is_special(id) {
            tokenizer.id_to_token(id).unwrap_or_default()
        } else {
            spelled(&tokenizer.decode_bytes(&[id]))
        };
        let _ = if counted {
            write!(shown, "{piece}|")
        } else {
            write!(shown, "⟦{piece}⟧")
        };
    }
    Ok(shown)
}

/// Text, and in numbers the bytes of a syllable that several tokens share.
fn spelled(bytes: &[u8]) -> String {
    let mut spelled = String::new();
    for chunk in bytes.utf8_chunks() {
        spelled.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(spelled, "<0x{byte:02X}>");
        }
    }
    spelled
}
