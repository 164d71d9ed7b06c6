//! The recipes and configs of the repository.

use std::collections::{BTreeMap, BTreeSet};

use jikji_model::{DecoderConfig, ParameterTable};

use super::*;
use crate::{list, load_model_config};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A current folder with the text that recipes name or need, whether or not the repository's own is there.
fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("data/korean/general/a.txt", "글");
    // What an earlier step of a recipe makes.
    let solar = load_model_config(&repository().join("configs/models/solar-10.7b.toml")).unwrap();
    for made in [
        "runs/solar-stacked",
        "runs/solar-stacked-tiny",
        "runs/extended",
        "runs/extended-tiny",
        "runs/embeddings/export",
        "runs/embeddings-tiny/export",
    ] {
        let config = serde_json::to_string(&solar).unwrap();
        workplace.write(&format!("{made}/config.json"), &config);
        workplace.write(&format!("{made}/tokenizer.json"), "{}");
    }
    workplace
}

fn files(folder: &str) -> Vec<PathBuf> {
    let files = list(&repository().join(folder))
        .into_iter()
        .map(|recipe| recipe.path);
    let files: Vec<PathBuf> = files.collect();
    assert!(!files.is_empty(), "no file below {folder}");
    files
}

fn load(workplace: &Workplace, recipe: &Path, scale: Option<&str>) -> RunConfig {
    let needs_path = !fs::read_to_string(recipe)
        .unwrap()
        .contains("[[data.sources]]");
    let set: &[&str] = if needs_path { &["data.path=text"] } else { &[] };
    load_from(&workplace.path(), recipe, &overrides(scale, set))
        .unwrap_or_else(|error| panic!("{}", workplace.message(&error)))
}

#[test]
fn every_recipe_loads_at_full_and_tiny_scale() {
    let workplace = workplace();
    for recipe in files("recipes") {
        let full = load(&workplace, &recipe, None);
        assert!(
            full.description.is_some(),
            "{recipe:?} does not say what it is for"
        );
        let tiny = load(&workplace, &recipe, Some("tiny"));
        let tokens = tiny.train.steps as usize
            * tiny.train.global_batch_size.get()
            * tiny.train.seq_len.get();
        assert!(
            tokens <= 400_000 && tiny.train.seq_len.get() <= 256,
            "{recipe:?} is not tiny: {tokens} tokens"
        );
        assert_ne!(
            full.run.output, tiny.run.output,
            "{recipe:?} would mix two runs in one folder"
        );
        assert_ne!(full.data.prepared, tiny.data.prepared);
        for run in [full, tiny] {
            workplace.write("again.toml", &run.to_toml());
            assert_eq!(
                workplace
                    .load_file("again.toml", &Overrides::default())
                    .unwrap(),
                run
            );
        }
    }
}

#[test]
fn every_config_is_named_by_a_recipe() {
    let recipes: Vec<String> = files("recipes")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    // Published families and test twins are for users and tests.
    let own = |name: &str| {
        !name.starts_with("configs/models/")
            || name.contains("/jikji-")
            || name.contains("/quickstart")
    };
    let unnamed: Vec<String> = files("configs")
        .iter()
        .map(|path| {
            path.strip_prefix(repository())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .filter(|name| own(name))
        .filter(|name| {
            !recipes
                .iter()
                .any(|recipe| recipe.contains(&format!("\"{name}\"")))
        })
        .collect();
    assert_eq!(unnamed, Vec::<String>::new());
}

#[test]
fn models_have_the_published_numbers_of_parameters() {
    let golden = BTreeMap::from([
        ("ax-4.0-light-7b", 7_259_624_960),
        ("exaone-3.5-2.4b", 2_405_327_360),
        ("exaone-4.0-1.2b", 1_279_391_488),
        ("exaone-4.0-32b", 32_003_216_384),
        ("hyperclovax-seed-0.5b", 566_281_216),
        ("hyperclovax-seed-1.5b", 1_585_547_264),
        ("hyperclovax-seed-think-14b", 14_748_112_896),
        ("jikji-100m", 100_094_208),
        ("jikji-1b", 986_813_440),
        ("jikji-20m", 18_881_920),
        ("jikji-300m", 298_373_120),
        ("llama-varco-8b", 8_030_261_248),
        ("quickstart", 3_148_608),
        ("solar-10.7b", 10_731_524_096),
        ("tiny/exaone", 156_224),
        ("tiny/exaone4", 189_120),
        ("tiny/hyperclovax", 189_504),
        ("tiny/llama", 238_144),
        ("tiny/qwen2", 189_504),
    ]);
    let models = repository().join("configs/models");
    let mut counted = BTreeMap::new();
    for path in files("configs/models") {
        let name = path.strip_prefix(&models).unwrap().with_extension("");
        let decoder = DecoderConfig::resolve(&load_model_config(&path).unwrap()).unwrap();
        let parameters = ParameterTable::new(&decoder);
        let count: usize = parameters
            .parameters()
            .iter()
            .map(jikji_model::Parameter::num_elements)
            .sum();
        let in_words = count
            .to_string()
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|digits| std::str::from_utf8(digits).unwrap())
            .collect::<Vec<_>>()
            .join(",");
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains(&format!("{in_words} parameters")),
            "{path:?} does not say that it has {in_words} parameters"
        );
        counted.insert(name.to_str().unwrap().to_owned(), count);
    }
    let golden: BTreeMap<String, usize> = golden
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    assert_eq!(counted, golden);
}

#[test]
fn listing_gives_every_recipe_in_order() {
    let recipes = list(&repository().join("recipes"));
    let named: Vec<&str> = recipes
        .iter()
        .map(|recipe| recipe.path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        named.iter().collect::<BTreeSet<_>>().len(),
        named.len(),
        "file names are run names"
    );
    assert!(named.contains(&"quickstart.toml") && named.contains(&"small.toml"));
    assert!(recipes.is_sorted_by(|a, b| a.path < b.path));
    let workplace = Workplace::new();
    workplace.write("r/a.toml", "description = 'one'");
    workplace.write("r/b/broken.toml", "description = ");
    workplace.write("r/.hidden/c.toml", "");
    workplace.write("r/notes.md", "");
    let found = list(&workplace.path().join("r"));
    let found: Vec<_> = found
        .iter()
        .map(|recipe| recipe.description.as_deref())
        .collect();
    assert_eq!(found, [Some("one"), None]);
    assert!(list(Path::new("no such folder")).is_empty());
}
