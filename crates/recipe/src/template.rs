//! A new recipe from one that ships: its settings and comments, with the text and the names of the
//! new run.

use std::fmt::Write as _;

use toml::Value;

use crate::shipped::ShippedFile;

/// What a new recipe is to have of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRecipe {
    /// The name of the run and of the file.
    pub name: String,
    /// The folder of the text; without one, text from the grammar.
    pub data: Option<String>,
    /// The model folder to start from; needed where [`needs_model`].
    pub model: Option<String>,
}

/// Whether a recipe starts from the weights of a model folder, which an earlier step makes.
pub fn needs_model(template: ShippedFile) -> bool {
    blocks(template.text)
        .iter()
        .any(|block| starts_from_folder(block))
}

/// The text of a new recipe.
pub fn new_recipe(template: ShippedFile, new: &NewRecipe) -> String {
    let blocks = blocks(template.text);
    let mut text = format!(
        "#:schema ./recipe.schema.json\n\
         # Made by `jikji new` from {}.\n\
         #   jikji recipe check {name}.toml       print every setting\n\
         #   jikji train {name}.toml --dry-run    print the plan of a run\n\
         #   jikji train {name}.toml\n\
         # The files under `configs/` are built into the program; a file on disk with the same path wins.\n",
        template.path,
        name = new.name,
    );
    let [head, tables @ ..] = blocks.as_slice() else {
        return text;
    };
    // What the template says of itself is not true of its copy.
    let _ = writeln!(text, "description = \"Based on {}\"", template.path);
    let rest = head.trim().lines();
    for line in rest.filter(|line| !line.starts_with("description = ")) {
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&data_table(new.data.as_deref()));
    let stem = template.path.rsplit('/').next().unwrap_or_default();
    let stem = stem.strip_suffix(".toml").unwrap_or(stem);
    for block in tables.iter().filter(|block| !is_data(block)) {
        let starts_from_folder = starts_from_folder(block);
        text.push('\n');
        for line in block.trim().lines() {
            match &new.model {
                // The list of sources that this changes is not there.
                _ if new.data.is_some() && line.starts_with("data.sources.") => continue,
                Some(model) if starts_from_folder && line.starts_with("from = ") => {
                    let _ = write!(text, "from = {}", quoted(model));
                }
                _ => text.push_str(&line.replace(
                    &format!("\"{stem}-tiny\""),
                    &quoted(&format!("{}-tiny", new.name)),
                )),
            }
            text.push('\n');
        }
    }
    text
}

fn data_table(folder: Option<&str>) -> String {
    match folder {
        Some(folder) => format!(
            "[data]\n\
             # The text: each sub-folder is a source.\n\
             path = {}\n\
             # Share of the documents that validation holds back.\n\
             validation_fraction = 0.05\n",
            quoted(folder)
        ),
        None => "[data]\n\
             # Your text: set its folder here and remove [[data.sources]] below. Each sub-folder is a source.\n\
             # path = \"my-texts\"\n\
             # Share of the documents that validation holds back.\n\
             validation_fraction = 0.05\n\
             # Remove this together with the source.\n\
             validation_sources = [\"synthetic\"]\n\
             \n\
             # Text generated from a grammar, so that this recipe runs at once. Replace it by your own text.\n\
             [[data.sources]]\n\
             name = \"synthetic\"\n\
             synth = { documents = 3000 }\n\
             license = \"CC0-1.0\"\n"
            .to_owned(),
    }
}

/// The head of a recipe and then each table, with the comments above it.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    // Comments that may belong to the table below them.
    let mut comments = String::new();
    for line in text.lines() {
        if line.starts_with('#') {
            comments.push_str(line);
            comments.push('\n');
            continue;
        }
        if line.starts_with('[') {
            blocks.push(String::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push_str(&std::mem::take(&mut comments));
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

fn header(block: &str) -> &str {
    let mut lines = block.lines();
    lines.find(|line| line.starts_with('[')).unwrap_or_default()
}

fn is_data(block: &str) -> bool {
    let table = header(block).trim_matches(['[', ']']);
    table == "data" || table.starts_with("data.")
}

/// Whether the block is a table that names the model folder of an earlier step.
fn starts_from_folder(block: &str) -> bool {
    let table = header(block).trim_matches(['[', ']']);
    let is_model = ["model", "tokenizer"]
        .iter()
        .any(|name| table == *name || table.ends_with(&format!(".{name}")));
    is_model && block.lines().any(|line| line.starts_with("from = "))
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::{Overrides, load_model_config, shipped_recipe, shipped_recipes};

    fn load(dir: &Path, scale: Option<&str>) -> crate::RunConfig {
        let overrides = Overrides {
            scale: scale.map(str::to_owned),
            ..Overrides::default()
        };
        crate::resolve::load_from(dir, Path::new("mine.toml"), &overrides)
            .unwrap_or_else(|error| panic!("{error}: {:?}", error.hint()))
    }

    #[test]
    fn every_new_recipe_loads_in_an_empty_folder() {
        for summary in shipped_recipes() {
            let template = shipped_recipe(summary.path.to_str().unwrap()).unwrap();
            for with_data in [false, true] {
                let dir = tempfile::tempdir().unwrap();
                let mut new = NewRecipe {
                    name: "mine".to_owned(),
                    ..NewRecipe::default()
                };
                if with_data {
                    fs::create_dir(dir.path().join("my texts")).unwrap();
                    fs::write(dir.path().join("my texts/a.txt"), "글").unwrap();
                    new.data = Some("my texts".to_owned());
                }
                if needs_model(template) {
                    let config = Path::new("configs/models/solar-10.7b.toml");
                    let config = serde_json::to_string(&load_model_config(config).unwrap());
                    fs::create_dir(dir.path().join("base")).unwrap();
                    fs::write(dir.path().join("base/config.json"), config.unwrap()).unwrap();
                    fs::write(dir.path().join("base/tokenizer.json"), "{}").unwrap();
                    new.model = Some("base".to_owned());
                }
                let text = new_recipe(template, &new);
                fs::write(dir.path().join("mine.toml"), &text).unwrap();
                assert!(text.starts_with("#:schema "), "{text}");
                let full = load(dir.path(), None);
                assert_eq!(full.run.name, "mine");
                assert_eq!(
                    load(dir.path(), Some("tiny")).run.name,
                    "mine-tiny",
                    "{text}"
                );
                assert_eq!(full.model.from.is_some(), needs_model(template));
                // The comments of the template are there, the text of its author is not.
                assert!(
                    text.matches('#').count() > 8 && !text.contains("data/korean"),
                    "{text}"
                );
            }
        }
    }
}
