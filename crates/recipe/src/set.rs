//! `--set key=value`: a dotted key and a TOML value, or text where it is none.

use toml::{Table, Value};

use crate::RecipeError;

/// The override as a table that holds nothing else.
pub(crate) fn parse(argument: &str) -> Result<Table, RecipeError> {
    let malformed = || RecipeError::SetForm {
        argument: argument.to_owned(),
    };
    let (key, text) = cut(argument).ok_or_else(malformed)?;
    let keys = split_key(key).ok_or_else(malformed)?;
    let (last, parents) = keys.split_last().ok_or_else(malformed)?;
    let innermost = Table::from_iter([(last.clone(), value(text))]);
    Ok(parents.iter().rev().fold(innermost, |inner, key| {
        Table::from_iter([(key.clone(), Value::Table(inner))])
    }))
}

/// Cuts at the first `=` outside quotes.
fn cut(argument: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = argument.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '=' && !quoted).then_some(at)
    })?;
    Some((&argument[..at], &argument[at + 1..]))
}

/// Parts of a dotted key; a part in quotes may hold dots.
fn split_key(key: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in key.trim().chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => parts.last_mut()?.push(c),
        }
    }
    (!quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

fn value(text: &str) -> Value {
    let parsed: Option<Table> = toml::from_str(&format!("value = {text}")).ok();
    match parsed {
        // One key only: a line break in the text must not smuggle in a second.
        Some(mut table) if table.len() == 1 => table
            .remove("value")
            .unwrap_or_else(|| Value::String(text.to_owned())),
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(argument: &str) -> String {
        match parse(argument) {
            Ok(table) => Value::Table(table).to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_are_toml_or_text() {
        insta::assert_snapshot!(written("train.steps=20"), @"{ train = { steps = 20 } }");
        insta::assert_snapshot!(written("optimizer.learning_rate = 1e-3"), @"{ optimizer = { learning_rate = 0.001 } }");
        insta::assert_snapshot!(written("data.path=/a/b c"), @r#"{ data = { path = "/a/b c" } }"#);
        insta::assert_snapshot!(written("log.prompts=[\"가\", \"나=다\"]"), @r#"{ log = { prompts = ["가", "나=다"] } }"#);
        insta::assert_snapshot!(written("run.name="), @r#"{ run = { name = "" } }"#);
        insta::assert_snapshot!(written("data.sources.\"v1.0\".weight=2"), @r#"{ data = { sources = { "v1.0" = { weight = 2 } } } }"#);
        insta::assert_snapshot!(written("run.name=\"2024\""), @r#"{ run = { name = "2024" } }"#);
        insta::assert_snapshot!(written("a=1\nb=2").escape_debug().to_string(), @r#"{ a = \"\"\"\n1\nb=2\"\"\" }"#);
    }

    #[test]
    fn malformed_overrides_are_refused() {
        insta::assert_snapshot!(written("train.steps"), @"`--set train.steps` is not of the form `key=value`");
        insta::assert_snapshot!(written("train..steps=1"), @"`--set train..steps=1` is not of the form `key=value`");
        insta::assert_snapshot!(written("=1"), @"`--set =1` is not of the form `key=value`");
        insta::assert_snapshot!(written("\"a=1"), @"`--set \"a=1` is not of the form `key=value`");
    }
}
