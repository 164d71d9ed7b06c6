//! Recipes in a folder of their own, loaded as if it were the current one.

mod messages;
mod resolution;
mod round_trip;
mod shipped;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::resolve::load_from;
use crate::{Overrides, RecipeError, RunConfig};

/// The least that is a recipe.
const LEAST: &str = r#"
[data]
path = "text"
[tokenizer]
vocab_size = 512
[model]
config = "model.toml"
[optimizer]
learning_rate = 1e-3
schedule = { type = "cosine", warmup_steps = 2, final_ratio = 0.1 }
[train]
steps = 10
seq_len = 64
global_batch_size = 4
[checkpoint]
every_steps = 5
"#;

const MODEL: &str = r#"
model_type = "llama"
vocab_size = 512
hidden_size = 64
intermediate_size = 96
num_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
max_position_embeddings = 128
rms_norm_eps = 1e-5
"#;

struct Workplace(TempDir);

impl Workplace {
    /// A model and three sources of text: `text/law`, `text/news` and the files in `text`.
    fn new() -> Self {
        let workplace = Self(TempDir::new().unwrap());
        workplace.write("model.toml", MODEL);
        for file in [
            "text/law/a.txt",
            "text/news/2024/b.jsonl",
            "text/c.txt",
            "text/eval/d.txt",
            "text/empty/e.bin",
        ] {
            workplace.write(file, "{\"text\": \"글\"}");
        }
        workplace
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn load_file(&self, path: &str, overrides: &Overrides) -> Result<RunConfig, RecipeError> {
        load_from(&self.path(), Path::new(path), overrides)
    }

    /// Loads `text` as `recipe.toml`.
    fn load(&self, text: &str, set: &[&str]) -> Result<RunConfig, RecipeError> {
        self.write("recipe.toml", text);
        self.load_file("recipe.toml", &overrides(None, set))
    }

    fn redact(&self, text: &str) -> String {
        text.replace(self.path().to_str().unwrap(), "DIR")
    }

    /// The error with its causes and hint.
    fn message(&self, error: &RecipeError) -> String {
        let mut lines = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(source) = cause {
            lines.push(format!("caused by: {source}"));
            cause = source.source();
        }
        if let Some(hint) = error.hint() {
            lines.push(format!("hint: {hint}"));
        }
        self.redact(&lines.join("\n"))
    }

    fn refusal(&self, text: &str, set: &[&str]) -> String {
        match self.load(text, set) {
            Ok(run) => panic!("{run:#?} should have been refused"),
            Err(error) => self.message(&error),
        }
    }
}

fn overrides(scale: Option<&str>, set: &[&str]) -> Overrides {
    Overrides {
        scale: scale.map(str::to_owned),
        set: set.iter().map(|&argument| argument.to_owned()).collect(),
    }
}
