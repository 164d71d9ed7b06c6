//! What the caller tells a report besides what the run folder holds.

use serde::{Deserialize, Serialize};

/// The parts of a report that are not curves; what is empty or absent is left out of the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportInput {
    /// Name of the run.
    pub title: String,
    /// BCP 47 tag of the page's language; `en` when empty.
    pub language: String,
    /// The result in one line: `validation 5.9 -> 2.1 bits/byte (unigram 4.4, trigram 2.6)`.
    pub result: String,
    /// Bits per byte that simpler models reach on the same validation text.
    pub baselines: Vec<Baseline>,
    /// What the model wrote before and after training.
    pub samples: Vec<SamplePair>,
    /// BCP 47 tag of the samples' language, so that browsers choose the right font; the page's when empty.
    pub samples_language: String,
    /// The papers of the data.
    pub data: Vec<DataPaper>,
    /// What was planned and what came.
    pub plan: Option<PlanAgainstActual>,
    /// The resolved recipe, as TOML.
    pub resolved_recipe: Option<String>,
    /// Machine, versions, commit: name and value, in the order of the page.
    pub environment: Vec<(String, String)>,
    /// Sentences that a reader must not miss, such as that this is a toy.
    pub notes: Vec<String>,
}

/// What a simpler model reaches on the same text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// `unigram`, `trigram`.
    pub name: String,
    /// Its bits per byte.
    pub bits_per_byte: f64,
}

/// One prompt, continued by the model before and after training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplePair {
    /// What the model was given.
    pub prompt: String,
    /// What it wrote at step 0.
    pub before: Option<String>,
    /// What it wrote at the end.
    pub after: Option<String>,
}

/// Where a part of the training text comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataPaper {
    /// Name or path of the source.
    pub source: String,
    /// Documents used.
    pub documents: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Tokens they became.
    pub tokens: u64,
    /// Licence as the papers state it.
    pub licence: String,
    /// Whether a program wrote the text.
    pub synthetic: bool,
}

/// A quantity as it was planned and as it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Planned<T> {
    /// Before the run.
    pub planned: Option<T>,
    /// After it.
    pub actual: Option<T>,
}

/// What was planned before the first step, beside what the run took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanAgainstActual {
    /// Peak resident memory.
    pub memory_bytes: Planned<u64>,
    /// Updates.
    pub steps: Planned<u64>,
    /// Tokens read.
    pub tokens: Planned<u64>,
    /// Wall-clock seconds.
    pub seconds: Planned<f64>,
}
