//! Chat templates give the text that transformers gives (`scripts/parity/chat_templates.py` made the fixtures).

use std::fs;
use std::path::{Path, PathBuf};

use jikji_tokenizer::chat::{ChatError, ChatTemplate, Conversation, LocalTime, RenderOptions};
use serde_json::{Map, Value, json};

/// The templates of a fixture that do not do here what they do in transformers.
#[derive(Debug, Default, PartialEq)]
struct Differences {
    different: Vec<String>,
    lenient: Vec<String>,
    refused: Vec<String>,
}

/// Renders every case of a fixture of small templates.
fn differences(fixture: &Value) -> Differences {
    let conversation = conversation(&fixture["messages"]);
    let options = RenderOptions {
        add_generation_prompt: true,
        extra: fixture["variables"].as_object().unwrap().clone(),
        now: now(fixture),
    };
    let mut found = Differences::default();
    for case in fixture["cases"].as_array().unwrap() {
        let source = case["template"].as_str().unwrap();
        let result = ChatTemplate::parse(source)
            .and_then(|template| with_special(template, fixture).render(&conversation, &options));
        if let Err(ChatError::Unsupported { line, what }) = &result {
            assert!(
                *line > 0 && what.ends_with("not supported"),
                "{source}: {what}"
            );
        }
        match (case["text"].as_str(), &result) {
            (Some(expected), Ok(text)) if text == expected => {}
            // What shows an address in memory must be refused by name.
            (None, Err(ChatError::Unsupported { .. })) if case["unstable"] == true => {}
            (None, Err(_)) if case["unstable"] != true => {}
            (Some(_), Err(error)) => found.refused.push(format!("{source} => {error}")),
            (None, Ok(text)) => found.lenient.push(format!("{source} => {text}")),
            (expected, result) => {
                found
                    .different
                    .push(format!("{source} => {result:?}, expected {expected:?}"));
            }
        }
    }
    found
}

/// Compares by the template alone.
fn check(found: &[String], known: &Value, what: &str) {
    let sources: Vec<Value> = found
        .iter()
        .map(|line| line.split(" => ").next().unwrap_or_default().into())
        .collect();
    assert_eq!(
        Value::from(sources),
        *known,
        "{what}:\n{}",
        found.join("\n")
    );
}

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/chat")
        .join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/chat")
}

pub(super) fn conversation(messages: &Value) -> Conversation {
    let message = |message: &Value| message.as_object().unwrap().clone();
    Conversation {
        messages: messages.as_array().unwrap().iter().map(message).collect(),
        tools: None,
    }
}

fn with_special(template: ChatTemplate, fixture: &Value) -> ChatTemplate {
    let special = fixture["special"].as_object().unwrap();
    special.iter().fold(template, |template, (name, token)| {
        template.with_special_token(name, token.as_str().unwrap())
    })
}

fn now(fixture: &Value) -> Option<LocalTime> {
    let at = |index: usize| fixture["now"][index].as_u64().unwrap() as u32;
    LocalTime::new(i64::from(at(0)), at(1), at(2), at(3), at(4), at(5))
}

#[test]
fn shipped_templates_render_as_in_transformers() {
    let fixture = fixture("formats.json");
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() > 100, "only {} cases", cases.len());
    for case in cases {
        let name = case["template"].as_str().unwrap();
        let title = case["conversation"].as_str().unwrap();
        let source = fs::read_to_string(shipped().join(format!("{name}.jinja"))).unwrap();
        let template = with_special(ChatTemplate::parse(&source).unwrap(), &fixture);
        let mut conversation = conversation(&fixture["conversations"][title]);
        if title == "tools" {
            conversation.tools = fixture["tools"].as_array().cloned();
        }
        let options = RenderOptions {
            add_generation_prompt: case["prompt"].as_bool().unwrap(),
            extra: case["extra"].as_object().unwrap().clone(),
            now: now(&fixture),
        };
        let result = template.render(&conversation, &options);
        match (case["text"].as_str(), result) {
            (Some(expected), Ok(text)) => assert_eq!(text, expected, "{name}: {title}"),
            (None, Err(ChatError::Raised { .. })) => {}
            (expected, result) => panic!("{name}: {title}: {result:?}, transformers: {expected:?}"),
        }
    }
}

#[test]
fn features_of_templates_behave_as_in_transformers() {
    let mut all = Differences::default();
    for (name, least) in [("features.json", 600), ("builtins.json", 1000)] {
        let fixture = fixture(name);
        let num_cases = fixture["cases"].as_array().unwrap().len();
        assert!(num_cases >= least, "only {num_cases} cases");
        let found = differences(&fixture);
        all.different.extend(found.different);
        all.lenient.extend(found.lenient);
        all.refused.extend(found.refused);
    }
    // A change of behaviour changes these lists. Nothing may ever stand in the first.
    let known = fixture("differences.json");
    let nothing = json!([]);
    for (found, known, what) in [
        (&all.different, &nothing, "templates that give another text"),
        (
            &all.lenient,
            &known["lenient"],
            "templates that only transformers refuses",
        ),
        (
            &all.refused,
            &known["refused"],
            "templates that only we refuse",
        ),
    ] {
        check(found, known, what);
    }
}

/// Templates that are not in the repository, such as published ones: `scripts/parity/chat_templates.py --of` makes the file.
#[test]
fn templates_of_a_folder() {
    let Ok(path) = std::env::var("CHAT_CASES") else {
        return;
    };
    let fixture: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let cases = fixture["cases"].as_array().unwrap();
    for case in cases {
        let source = case["template"].as_str().unwrap();
        let title = case["conversation"].as_str().unwrap();
        let mut conversation = conversation(&fixture["conversations"][title]);
        if case["tools"] == true {
            conversation.tools = fixture["tools"].as_array().cloned();
        }
        let options = RenderOptions {
            add_generation_prompt: case["prompt"].as_bool().unwrap(),
            extra: case["extra"].as_object().unwrap().clone(),
            now: now(&fixture),
        };
        let result = ChatTemplate::parse(source)
            .and_then(|template| with_special(template, &fixture).render(&conversation, &options));
        match (case["text"].as_str(), result) {
            (Some(expected), Ok(text)) if text == expected => {}
            (None, Err(_)) => {}
            (expected, result) => wrong.push(format!(
                "{}: {title}, {}: {result:?}, transformers: {expected:?}",
                case["name"], case["extra"]
            )),
        }
    }
    println!("{} cases, {} wrong", cases.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn one_message() -> Conversation {
    conversation(&json!([{"role": "user", "content": "q"}]))
}

#[test]
fn a_folder_names_its_template_in_the_places_that_transformers_reads() {
    let render = |files: &[(&str, &str)], tools: bool| {
        let template = ChatTemplate::load(folder(files).path()).unwrap()?;
        let mut conversation = one_message();
        conversation.tools = tools.then(|| vec![json!({})]);
        Some(
            template
                .render(&conversation, &RenderOptions::default())
                .unwrap(),
        )
    };
    let config = |template: Value| {
        json!({"chat_template": template, "eos_token": {"content": "</s>"}, "bos_token": "<s>"})
            .to_string()
    };
    let one = config(json!("{{ bos_token }}config{{ eos_token }}{{ pad_token }}"));
    let named = config(json!([
        {"name": "rag", "template": "rag"}, {"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"},
    ]));
    let own = ("chat_template.jinja", "own{{ eos_token }}\n");
    let extra = ("additional_chat_templates/tool_use.jinja", "extra");
    let configured = |text: &'static str| text;

    assert_eq!(render(&[], false), None);
    assert_eq!(render(&[("tokenizer_config.json", "{}")], false), None);
    assert_eq!(
        render(&[("tokenizer_config.json", &one)], false).as_deref(),
        Some(configured("<s>config</s>"))
    );
    assert_eq!(
        render(&[("tokenizer_config.json", &one), own], false).as_deref(),
        Some("own</s>")
    );
    for (tools, expected) in [(false, "plain"), (true, "tools")] {
        let files = [("tokenizer_config.json", named.as_str())];
        assert_eq!(render(&files, tools).as_deref(), Some(expected));
    }
    for (tools, expected) in [(false, "own</s>"), (true, "extra")] {
        let files = [("tokenizer_config.json", named.as_str()), own, extra];
        assert_eq!(render(&files, tools).as_deref(), Some(expected));
    }
}

/// `scripts/parity/chat_folders.py` made the fixture.
#[test]
fn folders_mean_what_they_mean_to_transformers() {
    let fixture = fixture("folders.json");
    for case in fixture["cases"].as_array().unwrap() {
        let files = case["files"].as_object().unwrap();
        let texts: Vec<(String, String)> = files
            .iter()
            .map(|(name, content)| match content.as_str() {
                Some(text) => (name.clone(), text.to_owned()),
                None => (name.clone(), content.to_string()),
            })
            .collect();
        let borrowed: Vec<(&str, &str)> = texts
            .iter()
            .map(|(name, text)| (&**name, &**text))
            .collect();
        let folder = folder(&borrowed);
        let map = &case["files"]["special_tokens_map.json"];
        let has_objects = map["additional_special_tokens"][1].is_object();
        for (kind, tools) in [
            ("plain", None),
            ("tools", Some(vec![json!({"type": "function"})])),
        ] {
            let mut conversation = one_message();
            conversation.tools = tools;
            let result = ChatTemplate::load(folder.path()).and_then(|template| {
                template
                    .unwrap()
                    .render(&conversation, &RenderOptions::default())
            });
            match (case[kind]["text"].as_str(), result) {
                (Some(expected), Ok(text)) => assert_eq!(text, expected, "{files:?}"),
                (None, Err(_)) => {}
                // Older maps list tokens as objects, which transformers 5 no longer takes.
                (None, Ok(_)) if has_objects => {}
                (expected, result) => panic!("{files:?}: {result:?}, transformers: {expected:?}"),
            }
        }
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let load = |config: &str| {
        ChatTemplate::load(folder(&[("tokenizer_config.json", config)]).path()).unwrap_err()
    };
    let named = json!({"chat_template": [{"name": "rag", "template": ""}]}).to_string();
    assert!(matches!(load(&named), ChatError::NoDefault { names, .. } if names == ["rag"]));
    let nameless = json!({"chat_template": [{"template": ""}]}).to_string();
    assert!(load(&nameless).to_string().contains("chat_template[0]"));
    assert!(
        load(r#"{"chat_template": 3}"#)
            .to_string()
            .contains("`chat_template`")
    );
    assert!(
        load(r#"{"chat_template": "{% if %}"}"#)
            .to_string()
            .contains("line `1`")
    );
    assert!(load("{").to_string().contains("JSON"));
    assert!(matches!(
        load(r#"{"chat_template": "{% include 'x' %}"}"#),
        ChatError::Unsupported { line: 1, .. }
    ));
}

#[test]
fn errors_say_where_and_why() {
    let error = |template: &str| {
        ChatTemplate::parse(template)
            .and_then(|template| template.render(&one_message(), &RenderOptions::default()))
            .unwrap_err()
    };
    let check = |template: &str, expected: &str| {
        assert_eq!(error(template).to_string(), expected, "{template}");
    };
    check(
        "\n{{ raise_exception('no \"system\" here') }}",
        "the chat template refuses this conversation: no \"system\" here",
    );
    check(
        "\n\n{{ messages[0].zz.y }}",
        "the chat template failed in line `3`: 'dict object' has no attribute 'zz'",
    );
    check(
        "{{ messages | nofilter }}",
        "chat template, line `1`: syntax error: no filter named `nofilter`",
    );
    check(
        "{{ 'a'.encode() }}",
        "chat template, line `1`: the method `encode` of a text is not supported",
    );
    check(
        "a\n{% for x in %}",
        "chat template, line `2`: syntax error: expected an expression, got `end of statement block`",
    );
    check(
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "the chat template exceeds the limit of `104021` steps for this conversation",
    );
    for template in [
        "{{ raise_exception('x') }}",
        "{{ messages[0].zz.y }}",
        "{% for %}",
        "{{ d.items }}",
    ] {
        assert!(error(template).hint().is_some());
    }
    let nothing = ChatTemplate::parse("x")
        .unwrap()
        .render(&Conversation::default(), &RenderOptions::default());
    assert!(matches!(nothing, Err(ChatError::NoMessage)));
}

#[test]
fn variables_of_the_caller_go_before_the_folders() {
    let template =
        ChatTemplate::parse("{{ bos_token }}|{{ documents[0].text }}|{{ enable_thinking }}")
            .unwrap();
    let mut extra = Map::new();
    extra.insert("bos_token".to_owned(), json!("[B]"));
    extra.insert("documents".to_owned(), json!([{"text": "t"}]));
    extra.insert("enable_thinking".to_owned(), json!(false));
    let options = RenderOptions {
        extra,
        ..RenderOptions::default()
    };
    let text = template
        .with_special_token("bos_token", "<s>")
        .render(&one_message(), &options);
    assert_eq!(text.unwrap(), "[B]|t|False");
}
