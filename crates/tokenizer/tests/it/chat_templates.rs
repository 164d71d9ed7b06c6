//! Chat templates give the text that transformers gives (`scripts/parity/chat_templates.py` made the fixtures).

use std::fs;
use std::path::{Path, PathBuf};

use jikji_tokenizer::chat::{ChatError, ChatTemplate, Conversation, LocalTime, RenderOptions};
use serde_json::{Map, Value, json};

use super::chat_differences::{DIFFERENT, LENIENT, REFUSED};

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
    let fixture = fixture("features.json");
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() > 600, "only {} cases", cases.len());
    let conversation = conversation(&fixture["messages"]);
    let options = RenderOptions {
        add_generation_prompt: true,
        extra: fixture["variables"].as_object().unwrap().clone(),
        now: now(&fixture),
    };
    let (mut refused, mut lenient, mut different) = (Vec::new(), Vec::new(), Vec::new());
    for case in cases {
        let source = case["template"].as_str().unwrap();
        let result = ChatTemplate::parse(source)
            .and_then(|template| with_special(template, &fixture).render(&conversation, &options));
        match (case["text"].as_str(), result) {
            (Some(expected), Ok(text)) if text == expected => {}
            (None, Err(_)) => {}
            (Some(_), Err(_)) => refused.push(source),
            (None, Ok(_)) => lenient.push(source),
            (Some(_), Ok(_)) => different.push(source),
        }
    }
    assert_eq!(different, DIFFERENT, "templates that give another text");
    assert_eq!(lenient, LENIENT, "templates that only transformers refuses");
    assert_eq!(refused, REFUSED, "templates that only we refuse");
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
        ChatError::Syntax { .. }
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
        "the chat template failed in line `3`: undefined value",
    );
    check(
        "{{ messages | nofilter }}",
        "the chat template failed in line `1`: unknown filter: filter nofilter is unknown",
    );
    check(
        "{{ 'a'.encode() }}",
        "the chat template failed in line `1`: unknown method: the method `encode` of a string is not supported",
    );
    check(
        "a\n{% for x in %}",
        "chat template, line `2`: syntax error: unexpected end of block",
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
