//! `jikji new`, and what works where the repository is not at hand.

use std::fs;

use crate::lab::Lab;

#[test]
fn a_new_recipe_trains_in_an_empty_folder() {
    let lab = Lab::empty();
    let made = lab.jikji("new mine --from quickstart").succeeds();
    assert_eq!(made.stdout, "mine.toml\n");
    let text = fs::read_to_string(lab.path("mine.toml")).unwrap();
    assert!(
        text.starts_with("#:schema ./recipe.schema.json\n"),
        "{text}"
    );
    assert!(lab.path("recipe.schema.json").is_file());
    lab.jikji("recipe check mine.toml").succeeds();
    lab.jikji("train mine.toml --scale tiny").succeeds();
    assert!(lab.path("runs/mine-tiny/export/config.json").is_file());
    let again = lab.jikji("new mine --from small").fails(3);
    assert!(
        again.error().contains("`mine.toml` exists already"),
        "{}",
        again.stderr
    );
    assert_eq!(fs::read_to_string(lab.path("mine.toml")).unwrap(), text);
}

#[test]
fn recipes_to_begin_with_are_listed() {
    let lab = Lab::empty();
    for call in ["new mine", "new mine --from nothing"] {
        let error = lab.jikji(call).fails(2);
        for name in ["quickstart", "pretrain/small", "extend/whole"] {
            assert!(
                error.error().contains(&format!("\n  {name} ")),
                "{}",
                error.stderr
            );
        }
    }
    let error = lab.jikji("new mine --from extend/whole").fails(2);
    assert!(error.error().contains("--model DIR"), "{}", error.stderr);
    for name in ["../x/", "", ".toml", "-x", ".x", "a/.."] {
        lab.jikji_args(&["new", "--from", "small", "--", name])
            .fails(2);
    }
    assert_eq!(fs::read_dir(lab.path("")).unwrap().count(), 0);
}

#[test]
fn shipped_files_are_found_without_the_repository() {
    let lab = Lab::empty();
    let list = lab.jikji("recipe list").succeeds().stdout;
    assert!(list.contains("recipes/pretrain/small.toml"), "{list}");
    lab.jikji("model info configs/models/exaone-4.0-1.2b.toml")
        .succeeds();
    let error = lab.jikji("train recipes/quickstart.toml").fails(3);
    assert!(error.error().contains("jikji new NAME"), "{}", error.stderr);
    let shown = lab.jikji("recipe show small").succeeds().stdout;
    assert!(shown.contains("configs/data/text-folder.toml"), "{shown}");
    fs::create_dir(lab.path("text")).unwrap();
    lab.write("text/a.txt", "글");
    let check = "recipe check recipes/pretrain/small.toml --set data.path=text";
    let built_in = lab.jikji(check).succeeds().stdout;
    // A file on disk wins.
    fs::create_dir_all(lab.path("configs/models")).unwrap();
    let model = lab
        .jikji("recipe show configs/models/jikji-20m.toml")
        .succeeds()
        .stdout;
    lab.write(
        "configs/models/jikji-20m.toml",
        model.replace("num_hidden_layers", "# same\nnum_hidden_layers"),
    );
    assert_eq!(lab.jikji(check).succeeds().stdout, built_in);
    lab.write("configs/models/jikji-20m.toml", "hidden_size = 1");
    lab.jikji(check).fails(3);
}

#[test]
fn shells_complete_commands_and_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Lab::empty()
            .jikji(&format!("completions {shell}"))
            .succeeds()
            .stdout;
        assert!(
            script.contains("tokenizer") && script.contains("allow-change"),
            "{shell}"
        );
    }
}

#[test]
fn values_may_begin_with_a_dash() {
    let lab = Lab::empty();
    for prompt in ["-안녕", "- 안녕", "-5도", "--model"] {
        let script = format!("$J generate --model $M --prompt '{prompt}' --max-new-tokens 2");
        let ended = lab.sh(&script);
        assert_eq!(ended.code, Some(0), "{script}: {}", ended.stderr);
        assert!(ended.stdout.starts_with(prompt), "{}", ended.stdout);
    }
    fs::create_dir(lab.path("-text")).unwrap();
    lab.write("-text/a.txt", "글자가 모여 글이 된다");
    lab.jikji("corpus build --input -text --output -corpus")
        .succeeds();
    assert!(lab.path("-corpus/manifest.json").is_file());
    let ended = lab.sh("$J generate --model $M --prompt 가 --temperature -1");
    assert!(ended.error().contains("temperature"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(10));
}
