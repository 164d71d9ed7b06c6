//! What a user can get wrong ends in one message that names the file and the field, with a hint and a documented exit code.

use std::fs;
use std::path::PathBuf;

use crate::lab::Lab;
use crate::run_folder::names;

/// The message of a call that must fail with this exit code.
fn message(lab: &Lab, arguments: &str, code: i32) -> String {
    let ended = lab.jikji(arguments).fails(code);
    assert_eq!(
        ended.stderr.matches("error: ").count(),
        1,
        "{}",
        ended.stderr
    );
    lab.redact(ended.error())
}

#[test]
fn a_recipe_that_is_not_there() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train nowhere.toml", 3), @r"
    error: failed to read `nowhere.toml`: No such file or directory (os error 2)
    hint: check that the path is right and the file can be read
    ");
}

#[test]
fn a_recipe_that_is_not_toml() {
    let lab = Lab::new();
    lab.write("bad.toml", "[train]\nsteps = ten\n");
    insta::assert_snapshot!(message(&lab, "train bad.toml", 3), @r"
    error: `bad.toml` is not TOML, line 2: invalid boolean, expected `true`
    hint: text stands in quotes, lists in `[ ]`, a table begins with `[name]`
    ");
}

#[test]
fn text_that_is_not_there() {
    let lab = Lab::new();
    lab.recipe_with(r#"path = "text""#, r#"path = "texts""#);
    insta::assert_snapshot!(message(&lab, "train small.toml", 3), @r"
    error: `data.path` in `small.toml`: `texts` does not exist
    hint: looked for it in `.`, `[lab]`
    ");
}

#[test]
fn a_misspelt_key() {
    let lab = Lab::new();
    lab.recipe_with("global_batch_size", "globl_batch_size");
    insta::assert_snapshot!(message(&lab, "train small.toml", 3), @r"
    error: unknown key `train.globl_batch_size` in `small.toml`
    hint: did you mean `train.global_batch_size`?
    ");
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set optimiser.learning_rate=1", 3), @r"
    error: unknown key `optimiser` in `--set optimiser.learning_rate=1`
    hint: did you mean `optimizer`?
    ");
}

#[test]
fn a_value_of_another_type() {
    let lab = Lab::new();
    lab.recipe_with("steps = 40", r#"steps = "many""#);
    insta::assert_snapshot!(message(&lab, "train small.toml", 3), @"
    error: `train.steps` in `small.toml`: expected a whole number, 0 or above, got the string `many`
    hint: change `train.steps`; docs/reference/recipe.md says what it takes
    ");
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set train.seq_len=0", 3), @"
    error: `train.seq_len` in `--set train.seq_len=0`: expected a whole number, 1 or above, got `0`
    hint: change `train.seq_len`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(message(&lab, "train small.toml --set optimizer.learning_rate=-1", 3), @"
    error: `optimizer.learning_rate` in `--set optimizer.learning_rate=-1`: expected a number above 0, got `-1`
    hint: change `optimizer.learning_rate`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(message(&lab, "train small.toml --set run.name=7", 3), @r#"
    error: `run.name` in `--set run.name=7`: expected a string, got `7`
    hint: quote it twice so that it stays text: `--set 'run.name="7"'`
    "#);
    insta::assert_snapshot!(message(&lab, "train small.toml --set train.steps", 3), @r"
    error: `--set train.steps` is not of the form `key=value`
    hint: write for example `--set train.steps=100`; a name with a dot stands in quotes
    ");
}

#[test]
fn heads_that_the_key_value_heads_do_not_divide() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set model.num_key_value_heads=3", 3), @"
    error: the model that `--set model.num_key_value_heads=3` describes is not possible: model config: `num_key_value_heads` is `3`, expected a divisor of `num_attention_heads` = 4
    hint: change `num_key_value_heads`; `configs/models/` shows complete files
    ");
}

#[test]
fn an_unknown_architecture() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set model.model_type=gpt5", 3), @"
    error: `model.model_type` in `--set model.model_type=gpt5`: expected one of `llama`, `mistral`, `qwen2`, `qwen3`, `exaone`, `exaone4`, `hyperclovax`, got `gpt5`
    hint: change `model.model_type`; docs/reference/recipe.md says what it takes
    ");
}

#[test]
fn a_corpus_of_which_nothing_is_left() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set data.min_chars=1000000", 4), @r"
    error: the corpus is empty after filtering: source `text`: 12 rows read, 0 empty, 12 too short, 0 duplicates, files 0 skipped
    hint: lower `min_chars`, or map the fields that hold the text
    ");
    assert!(!lab.path("runs/small/checkpoints").exists());
}

#[test]
fn a_folder_without_text() {
    let lab = Lab::new();
    fs::create_dir(lab.path("empty")).unwrap();
    insta::assert_snapshot!(message(&lab, "train small.toml --set data.path=empty", 3), @r"
    error: `data.path` in `--set data.path=empty` gives no sources: `empty`, the `path` of source `empty`, holds no file that can be read (0 skipped)
    hint: files that end in .txt, .md, .jsonl, .jsonl.zst, .jsonl.gz and .parquet are read; look at `exclude` too
    ");
}

#[test]
fn text_that_is_not_utf8() {
    let lab = Lab::new();
    // 한국 in EUC-KR.
    lab.write("text/old.txt", b"\xc7\xd1\xb1\xb9\n");
    insta::assert_snapshot!(message(&lab, "train small.toml", 4), @r"
    error: `text/old.txt` is not UTF-8 at byte 0
    hint: convert it to UTF-8, from CP949/EUC-KR for example with `iconv -f CP949 -t UTF-8 text/old.txt > converted`
    ");
}

#[test]
fn json_lines_that_are_none() {
    let lab = Lab::new();
    lab.write(
        "text/rows.jsonl",
        "{\"text\": \"하나\"}\n{\"text\": \"둘\"\n",
    );
    insta::assert_snapshot!(message(&lab, "train small.toml", 4), @r"
    error: `text/rows.jsonl:2` is not a JSON object (at column 14 of the line): EOF while parsing an object at line 1 column 14
    hint: each line must be one whole JSON object; mend or remove this line
    ");
}

#[test]
fn sequences_longer_than_the_shards() {
    let lab = Lab::new();
    let arguments = "train small.toml --set model.max_position_embeddings=1000000 \
                     --set train.seq_len=500000 --set train.global_batch_size=1";
    insta::assert_snapshot!(message(&lab, arguments, 4), @"
    error: source `text` has 3623 train tokens, one sequence of `seq_len = 500000` needs 500001
    hint: set `seq_len` to 3622 or less, add text to `text`, or leave the source out
    ");
}

#[test]
fn sequences_longer_than_the_context() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set train.seq_len=256", 3), @r"
    error: `train.seq_len` = 256 in `--set train.seq_len=256` exceeds `model.max_position_embeddings` = 128
    hint: change `train.seq_len` or `model.max_position_embeddings`
    ");
}

/// The token column of a lab's training text.
fn token_column(lab: &Lab) -> PathBuf {
    let shards = lab.path("shards/small");
    let dir = names(&shards)
        .into_iter()
        .find(|name| name.starts_with("tokens-"));
    let dir = shards.join(dir.unwrap());
    let columns = names(&dir)
        .into_iter()
        .filter(|name| name.contains(".tokens"));
    columns
        .map(|name| dir.join(name))
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap()
}

/// Hashes and fingerprints made short.
fn without_hashes(text: &str) -> String {
    let is_hex = |word: &str| word.len() >= 12 && word.chars().all(|c| c.is_ascii_hexdigit());
    let pieces = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    pieces
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_hex(word) {
                piece.replace(word, "[hash]")
            } else {
                piece.to_owned()
            }
        })
        .collect()
}

#[test]
fn a_shard_that_was_cut_off() {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=2").succeeds();
    let column = token_column(&lab);
    let bytes = fs::read(&column).unwrap();
    fs::write(&column, &bytes[..bytes.len() / 2]).unwrap();
    let error = message(&lab, "train small.toml --fresh", 4);
    insta::assert_snapshot!(without_hashes(&error), @"
    error: shard file `shards/small/tokens-[hash]/00000.train.tokens` has 3623 bytes, the manifest expects 7246
    hint: copy the file again from where it was complete, or delete the folder and build the shards again
    ");
    fs::remove_file(&column).unwrap();
    let error = message(&lab, "train small.toml --fresh", 4);
    insta::assert_snapshot!(without_hashes(&error), @"
    error: shard file `shards/small/tokens-[hash]/00000.train.tokens` is missing, the manifest expects 7246 bytes
    hint: copy the file again from where it was complete, or delete the folder and build the shards again
    ");
}

#[test]
fn a_shard_that_was_altered() {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=2").succeeds();
    let column = token_column(&lab);
    let mut bytes = fs::read(&column).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&column, bytes).unwrap();
    let error = message(&lab, "train small.toml --fresh", 4);
    insta::assert_snapshot!(without_hashes(&error), @r"
    error: shard file `shards/small/tokens-[hash]/00000.train.tokens` was altered: BLAKE3 of its ends is `[hash]`, the manifest expects `[hash]`
    hint: copy the file again from where it was complete, or delete the folder and build the shards again
    ");
}

#[test]
fn a_model_far_too_large_for_any_machine() {
    let lab = Lab::new();
    // Two million million parameters: nothing may be allocated before the plan is checked.
    let arguments = "train small.toml --set model.hidden_size=262144 --set model.intermediate_size=1048576 \
                     --set model.num_hidden_layers=2000 --set model.sliding_window_pattern=LLLG";
    let ended = lab.jikji(arguments).fails(8);
    let (before, after) = ended.error().split_once(" are available").unwrap();
    let more = before.rsplit_once(", ").unwrap().0;
    insta::assert_snapshot!(format!("{more}, [free] are available{after}"), @r"
    error: the run needs 46.2 PB more memory, [free] are available; checkpoint copy takes 19.8 PB
    hint: choose a smaller model (`model.config`), or train fewer parameters (`train.trainable`)
    ");
    assert!(!lab.path("runs/small/checkpoints").exists());
}

#[test]
fn sizes_that_no_number_holds() {
    let lab = Lab::new();
    for (set, code) in [
        ("model.hidden_size=9223372036854775807", 3),
        ("model.hidden_size=4611686018427387904", 3),
        ("model.num_hidden_layers=4000000000", 3),
        ("model.vocab_size=9223372036854775807", 3),
        ("model.num_attention_heads=4000000", 3),
        ("train.global_batch_size=9223372036854775807", 8),
    ] {
        let error = message(&lab, &format!("train small.toml --set {set}"), code);
        assert!(
            error.contains(set.split(['.', '=']).nth(1).unwrap()) || code == 8,
            "{error}"
        );
        assert!(!lab.path("runs/small/checkpoints").exists());
    }
}

#[test]
fn a_batch_that_no_memory_holds() {
    let lab = Lab::new();
    let error = message(
        &lab,
        "train small.toml --set train.global_batch_size=1000000000000 --set train.micro_batch_size=1",
        8,
    );
    assert!(error.contains("batches takes"), "{error}");
    assert!(
        error.contains("hint: lower `train.global_batch_size`"),
        "{error}"
    );
    assert!(!lab.path("shards").exists(), "found before the preparation");
}

#[test]
fn an_update_that_breaks_the_weights() {
    let lab = Lab::new();
    let error = message(
        &lab,
        "train small.toml --set optimizer.learning_rate=1e37 --set optimizer.schedule.warmup_steps=0 --set checkpoint.every_steps=1",
        6,
    );
    insta::assert_snapshot!(error, @"
    error: after step 1 the weights are so large that their norm is not finite; nothing of it was saved
    hint: lower `optimizer.learning_rate` or `optimizer.weight_decay`; `--resume` continues from the last checkpoint
    ");
    assert!(lab.run().newest_step().is_none(), "nothing of it is saved");
}

#[test]
fn a_path_that_a_shell_left_empty() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set data.path=", 3), @"
    error: `data.path` in `--set data.path=`: `` does not exist
    hint: looked for it in `.`, `[lab]`
    ");
    insta::assert_snapshot!(message(&lab, "train small.toml --set run.output=", 3), @"
    error: `run.output` in `--set run.output=`: expected a path, got ``
    hint: change `run.output`; docs/reference/recipe.md says what it takes
    ");
}

#[test]
fn an_output_that_is_the_input() {
    let lab = Lab::empty();
    lab.write("in.jsonl", "{}");
    insta::assert_snapshot!(message(&lab, "score --model m --input in.jsonl --output ./in.jsonl", 4), @"
    error: `--output` names the input, `in.jsonl`: it would be replaced
    hint: name another file with `--output`
    ");
}

#[test]
fn a_bench_that_no_memory_holds() {
    let lab = Lab::repository();
    let error = message(
        &lab,
        "bench train-step --model configs/models/exaone-4.0-32b.toml --batch 1000000 --seq 1024",
        8,
    );
    assert!(error.contains("hint: lower `--batch`"), "{error}");
    let error = message(
        &lab,
        "bench ops --model configs/models/exaone-4.0-32b.toml --batch 1000000 --seq 1024",
        8,
    );
    assert!(error.contains("hint: lower `--batch`"), "{error}");
}

#[test]
fn a_fresh_run_that_cannot_start_moves_nothing() {
    let lab = Lab::new();
    lab.jikji("train small.toml").succeeds();
    let newest = lab.run().newest_step();
    message(
        &lab,
        "train small.toml --fresh --set data.min_chars=1000000",
        4,
    );
    message(
        &lab,
        "train small.toml --fresh --set data.validation_fraction=0.9999",
        4,
    );
    message(
        &lab,
        "train small.toml --fresh --set train.trainable=[\"nope*\"]",
        3,
    );
    assert_eq!(lab.run().newest_step(), newest);
}

#[test]
fn a_model_that_could_not_be_exported() {
    let lab = Lab::new();
    let messages = ["train", "train --dry-run", "recipe check"].map(|command| {
        let line = format!("{command} small.toml --set model.logits_scaling=0.5");
        message(&lab, &line, 3)
    });
    insta::assert_snapshot!(messages[0], @r"
    error: `logits_scaling` cannot be exported: published `exaone4` models have no such setting
    hint: remove the setting, or choose a `model_type` that has it
    ");
    assert_eq!([&messages[1], &messages[2]], [&messages[0]; 2]);
}

#[test]
fn a_key_of_another_family() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set model.use_post_norm=true", 3), @r#"
    error: the model that `--set model.use_post_norm=true` describes is not possible: model config: `use_post_norm = true` is not supported for `model_type = "exaone4"`
    hint: remove `use_post_norm` or choose a family that has it; docs list what each family reads
    "#);
}

#[test]
fn a_device_that_is_not_in_this_build() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --device cuda:0", 9), @r"
    error: `--device cuda:0`: this binary was built for the cpu only, expected `cpu`
    hint: leave `--device` out; `jikji doctor` says what this build has
    ");
    insta::assert_snapshot!(message(&lab, "train small.toml --device tpu", 9), @r"
    error: `--device tpu`: unknown device, expected `cpu`
    hint: leave `--device` out; `jikji doctor` says what this build has
    ");
}

#[test]
fn an_unknown_scale() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --scale tiny", 3), @r"
    error: `small.toml` has no scale `tiny`
    hint: the recipe has no `[scale.NAME]` tables; leave `--scale` out
    ");
    let lab = Lab::repository();
    insta::assert_snapshot!(message(&lab, "train recipes/quickstart.toml --scale huge", 3), @r"
    error: `recipes/quickstart.toml` has no scale `huge`
    hint: its scales are `tiny`
    ");
}

#[test]
fn a_model_folder_that_is_none() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "generate --model nowhere --prompt 가", 10), @"
    error: `nowhere` is no model folder: it has no `config.json`
    hint: name the folder that holds config.json, model*.safetensors and tokenizer.json; a run has it in `export`
    ");
    fs::create_dir(lab.path("folder")).unwrap();
    insta::assert_snapshot!(message(&lab, "generate --model folder --prompt 가", 10), @"
    error: `folder` is no model folder: it has no `config.json`
    hint: name the folder that holds config.json, model*.safetensors and tokenizer.json; a run has it in `export`
    ");
    insta::assert_snapshot!(message(&lab, "report folder", 5), @r"
    error: `folder` is not the folder of a run: it has no metrics.jsonl
    hint: name the folder that `train` wrote, such as runs/quickstart
    ");
    insta::assert_snapshot!(message(&lab, "model info nowhere.toml", 3), @r"
    error: failed to read `nowhere.toml`: No such file or directory (os error 2)
    hint: check that the path is right and the file can be read
    ");
}

#[test]
fn a_tokenizer_that_the_model_has_no_rows_for() {
    let lab = Lab::new();
    insta::assert_snapshot!(message(&lab, "train small.toml --set model.vocab_size=300", 3), @r"
    error: `tokenizer.vocab_size` = 512 in `small.toml` exceeds `model.vocab_size` = 300
    hint: change `tokenizer.vocab_size` or `model.vocab_size`
    ");
}

#[test]
fn a_run_folder_that_cannot_be_made() {
    let lab = Lab::new();
    lab.write("file", "no folder");
    insta::assert_snapshot!(message(&lab, "train small.toml --set run.output=file/run", 5), @r"
    error: failed to create the folder `file`: File exists (os error 17)
    hint: a file stands where a folder should be: choose another path
    ");
}

/// The command line itself: clap's words and its exit code, 2.
#[test]
fn a_command_line_that_means_nothing() {
    let lab = Lab::empty();
    insta::assert_snapshot!(message(&lab, "trian", 2), @r"
    error: unrecognized subcommand 'trian'

      tip: a similar subcommand exists: 'train'

    Usage: jikji <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(message(&lab, "train", 2), @r"
    error: the following required arguments were not provided:
      <RECIPE>

    Usage: jikji train <RECIPE>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(message(&lab, "train small.toml --resume --fresh", 2), @r"
    error: the argument '--resume' cannot be used with '--fresh'

    Usage: jikji train --resume <RECIPE>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(message(&lab, "train small.toml --alow-change run.seed", 2), @r"
    error: unexpected argument '--alow-change' found

      tip: a similar argument exists: '--allow-change'

    Usage: jikji train --allow-change <KEY> <RECIPE>

    For more information, try '--help'.
    ");
}
