//! The parts of a report that are not in the logs of the run folder.

use serde::{Deserialize, Serialize};

/// The parts of a report that are not charts. Empty and absent parts are left out of the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportInput {
    /// Name of the run.
    pub title: String,
    /// BCP 47 tag of the page's language; `en` if empty.
    pub language: String,
    /// The result in one line: `validation 5.9 -> 2.1 bits/byte (unigram 4.4, trigram 2.6)`.
    pub result: String,
    /// Bits per byte of simpler models on the same validation text.
    pub baselines: Vec<Baseline>,
    /// Sampled text before and after training.
    pub samples: Vec<SamplePair>,
    /// BCP 47 tag of the samples' language, so that browsers choose the right font; the page's
    /// language if empty.
    pub samples_language: String,
    /// The provenance of the training data.
    pub data: Vec<DataPaper>,
    /// Planned and actual resources.
    pub plan: Option<PlanAgainstActual>,
    /// The resolved recipe, as TOML.
    pub resolved_recipe: Option<String>,
    /// Machine, versions and commit as (name, value), in the order of the page.
    pub environment: Vec<(String, String)>,
    /// Important notes, for example that the model is a toy.
    pub notes: Vec<String>,
}

/// The result of a simpler model on the same text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The name, such as `unigram` or `trigram`.
    pub name: String,
    /// The bits per byte.
    pub bits_per_byte: f64,
}

/// One prompt, continued by the model before and after training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplePair {
    /// The prompt.
    pub prompt: String,
    /// The text generated at step 0.
    pub before: Option<String>,
    /// The text generated after the last step.
    pub after: Option<String>,
}

/// The provenance of one source of training text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataPaper {
    /// Name or path of the source.
    pub source: String,
    /// Number of documents.
    pub documents: u64,
    /// Number of bytes of text.
    pub bytes: u64,
    /// Number of tokens.
    pub tokens: u64,
    /// The stated licence.
    pub licence: String,
    /// Whether the text is generated.
    pub synthetic: bool,
}

/// The planned and the actual value of a quantity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Planned<T> {
    /// The plan before the run.
    pub planned: Option<T>,
    /// The actual value after the run.
    pub actual: Option<T>,
}

/// The plan before the first step, and the actual values of the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanAgainstActual {
    /// Peak resident memory.
    pub memory_bytes: Planned<u64>,
    /// Number of optimizer updates.
    pub steps: Planned<u64>,
    /// Number of tokens read.
    pub tokens: Planned<u64>,
    /// Wall-clock seconds.
    pub seconds: Planned<f64>,
}
