//! Talking with an exported model.

use std::fs;

use super::TRAINED;
use crate::lab::Lab;

/// A model folder of our own training beside a template for the tokenizer's control tokens.
fn folder(template: Option<&str>) -> Lab {
    let lab = Lab::empty();
    fs::create_dir(lab.path("model")).unwrap();
    for entry in fs::read_dir(TRAINED.path("runs/small/export")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), lab.path("model").join(entry.file_name())).unwrap();
    }
    if let Some(template) = template {
        lab.write("model/chat_template.jinja", template);
    }
    lab
}

const TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}<|user|>{% elif message.role == \
                        'system' %}<|system|>{% else %}<|assistant|>{% endif %}{{ message.content }}<|endofturn|>{% endfor %}\
                        {% if add_generation_prompt %}<|assistant|>{% endif %}";

const GREEDY: &str = "--model model --temperature 0 --max-new-tokens 6";

#[test]
fn an_answer_continues_what_the_template_writes() {
    let lab = folder(Some(TEMPLATE));
    lab.write("one.txt", "오늘 아침\n\n");
    let answered = lab
        .jikji(&format!("chat {GREEDY}"))
        .reads(&lab.path("one.txt"))
        .succeeds()
        .stdout;
    assert!(answered.trim_end().chars().count() > 0);
    let generated = lab.jikji_args(&[
        "generate",
        "--chat",
        "--model",
        "model",
        "--temperature",
        "0",
        "--max-new-tokens",
        "6",
        "--prompt",
        "오늘 아침",
    ]);
    assert_eq!(generated.succeeds().stdout, answered);

    // The second answer has heard the first, and a system's message changes both.
    lab.write("two.txt", "오늘 아침\n오늘 아침\n");
    let twice = lab
        .jikji(&format!("chat {GREEDY}"))
        .reads(&lab.path("two.txt"))
        .succeeds()
        .stdout;
    let second = twice
        .strip_prefix(&answered)
        .expect("the first answer again");
    assert_ne!(second, answered);
    let with_system = lab
        .jikji(&format!("chat {GREEDY} --system 법률"))
        .reads(&lab.path("one.txt"))
        .succeeds()
        .stdout;
    assert_ne!(with_system, answered);
}

#[test]
fn a_folder_without_a_template_and_one_that_refuses() {
    let lab = folder(None);
    lab.write("one.txt", "가\n");
    let chat = |lab: &Lab| {
        let call = lab
            .jikji(&format!("chat {GREEDY}"))
            .reads(&lab.path("one.txt"));
        call.fails(10).error().to_owned()
    };
    insta::assert_snapshot!(chat(&lab), @"
    error: `model` has no chat template
    hint: add chat_template.jinja (`configs/chat` has some), or use `jikji generate --prompt` without `--chat`
    ");
    lab.write(
        "model/chat_template.jinja",
        "{{ raise_exception('no system, no talk') }}",
    );
    insta::assert_snapshot!(chat(&lab), @"
    error: the chat template refuses this conversation: no system, no talk
    hint: change the messages as the template asks, or use another template
    ");
}

/// A template's clock is the one on the wall, as in other programs, and not that of Greenwich.
#[test]
fn a_template_knows_the_local_time() {
    let lab = folder(Some("{{ raise_exception('hour ' ~ strftime_now('%H')) }}"));
    let hour = |zone: &str| -> u32 {
        let ended = lab
            .jikji("generate --chat --model model --prompt 가")
            .env("TZ", zone)
            .fails(10);
        let (_, after) = ended.error().split_once("hour ").unwrap();
        after[..2].parse().unwrap()
    };
    let (greenwich, kiritimati) = (hour("UTC0"), hour("XYZ-14"));
    // Or an hour later, if the first ended an hour.
    let later = (kiritimati + 24 - greenwich) % 24;
    assert!(later == 14 || later == 15, "{greenwich} and {kiritimati}");
}

#[test]
fn what_a_folder_asks_for_and_does_not_get_is_said() {
    let lab = folder(Some(TEMPLATE));
    lab.write(
        "model/generation_config.json",
        "{\"repetition_penalty\": 1.2, \"top_k\": 5}",
    );
    let written = lab
        .jikji("generate --model model --prompt 가 --max-new-tokens 1")
        .succeeds();
    let asked = "`generation_config.json` asks for it: repetition_penalty = 1.2\n";
    assert!(written.stderr.contains(asked), "{}", written.stderr);
}
