//! `jikji new`: writes a recipe based on a built-in one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jikji_checkpoint::durable;
use jikji_recipe::{NewRecipe, needs_model, new_recipe, shipped_recipe, shipped_recipes};

use crate::arguments::NewArguments;
use crate::console;
use crate::exit;
use crate::failure::Failure;
use crate::output;

/// As the name of a run may have.
const MAX_NAME_BYTES: usize = 200;

/// Written beside the recipe, for editors.
const SCHEMA: &str = "recipe.schema.json";

pub(crate) fn run(arguments: &NewArguments) -> Result<(), Failure> {
    let (file, name) = file_and_name(&arguments.name)?;
    let template = match &arguments.from {
        None => return Err(choose("`--from` is missing")),
        Some(from) => shipped_recipe(from)
            .ok_or_else(|| choose(&format!("`--from {from}`: no such recipe")))?,
    };
    match (&arguments.model, needs_model(template)) {
        (None, true) => {
            let message = format!("`{}` starts from the weights of a model", template.path);
            return Err(Failure::new(exit::COMMAND_LINE, message)
                .with_hint("name the model's folder with `--model DIR`"));
        }
        (Some(_), false) => {
            let message = format!("`--model`: `{}` trains a model from nothing", template.path);
            return Err(Failure::new(exit::COMMAND_LINE, message).with_hint(
                "leave `--model` out; `recipes/extend` and `solar-depth-up` start from one",
            ));
        }
        _ => {}
    }
    if file.symlink_metadata().is_ok() {
        let message = format!("`{}` exists already", file.display());
        return Err(
            Failure::new(exit::RECIPE, message).with_hint("choose another name, or remove it")
        );
    }
    output::check_file("NAME", &file)?;
    let new = NewRecipe {
        name,
        data: arguments.data.clone(),
        model: arguments.model.clone(),
    };
    durable::write_file(&file, new_recipe(template, &new).as_bytes())?;
    write_schema(&file.with_file_name(SCHEMA))?;
    console::data(file.display().to_string());
    console::say(format!(
        "next: jikji recipe check {0}; jikji train {0} --dry-run",
        crate::shell::quoted(&file.to_string_lossy())
    ));
    Ok(())
}

/// `my-run`, `my-run.toml` and `folder/my-run` are names of a file; its stem names the run.
fn file_and_name(written: &str) -> Result<(PathBuf, String), Failure> {
    let stem = written.strip_suffix(".toml").unwrap_or(written);
    let name = Path::new(stem).file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let is_name = !name.is_empty()
        && !name.starts_with(['-', '.'])
        && !name.contains(|c: char| c == '\\' || c.is_control())
        && name.len() <= MAX_NAME_BYTES;
    if !is_name || stem.ends_with(['/', '.']) {
        let message = format!("`{written}` cannot be the name of a run");
        return Err(Failure::new(exit::COMMAND_LINE, message)
            .with_hint("choose a name such as my-run; the file is my-run.toml"));
    }
    Ok((PathBuf::from(format!("{stem}.toml")), name))
}

/// An existing schema is kept: it may be of another version on purpose.
fn write_schema(path: &Path) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&jikji_recipe::schema()).expect("a schema is JSON");
    let text = format!("{text}\n");
    match std::fs::read_to_string(path) {
        Ok(found) if found == text => {}
        Ok(_) => console::say(format!(
            "`{}` was kept; `jikji recipe schema` prints the schema of this version",
            path.display()
        )),
        Err(_) => durable::write_file(path, text.as_bytes())?,
    }
    Ok(())
}

fn choose(problem: &str) -> Failure {
    let mut message = format!("{problem}; built-in recipes:");
    let recipes: Vec<(String, String)> = shipped_recipes()
        .into_iter()
        .map(|recipe| {
            let path = recipe.path.display().to_string();
            let name = path.strip_prefix("recipes/").unwrap_or(&path);
            let name = name.strip_suffix(".toml").unwrap_or(name);
            (name.to_owned(), recipe.description.unwrap_or_default())
        })
        .collect();
    let width = recipes
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    for (name, description) in &recipes {
        // How to give the text is another matter here.
        let (what, _) = description
            .split_once(": give the ")
            .unwrap_or((description, ""));
        let _ = write!(message, "\n  {name:<width$}  {what}");
    }
    Failure::new(exit::COMMAND_LINE, message)
        .with_hint("for example: jikji new my-run --from small --data MY_TEXTS")
}
