//! The files of a model folder.

pub(crate) const CONFIG_NAME: &str = "config.json";

pub(crate) const GENERATION_NAME: &str = "generation_config.json";

pub(crate) const INDEX_NAME: &str = "model.safetensors.index.json";

/// The file of a model folder that says what the model was made from.
pub const LINEAGE_NAME: &str = "lineage.json";

/// Files beside the weights that go along, byte for byte, when a folder becomes another one.
pub(crate) const COMPANIONS: [&str; 10] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    GENERATION_NAME,
    "LICENSE",
    "NOTICE",
];

/// Those of them that list tokens; the first one is enough for all programs.
pub(crate) const TOKEN_LISTS: [&str; 3] = ["tokenizer.json", "vocab.json", "merges.txt"];
