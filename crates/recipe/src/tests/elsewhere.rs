//! Recipes of other programs, and who is to blame for an error.

use super::*;

#[test]
fn keys_of_other_programs_are_answered_wherever_they_stand() {
    let workplace = Workplace::new();
    let set = |set: &str| workplace.refusal(LEAST, &[set]);
    insta::assert_snapshot!(set("lr=1e-3"), @"
    unknown key `lr` in `--set lr=1e-3`
    hint: `lr` is `optimizer.learning_rate` here
    ");
    insta::assert_snapshot!(set("optimizer.lr=1e-3"), @"
    unknown key `optimizer.lr` in `--set optimizer.lr=1e-3`
    hint: `optimizer.lr` is `optimizer.learning_rate` here
    ");
    insta::assert_snapshot!(set("train.max_steps=3"), @"
    unknown key `train.max_steps` in `--set train.max_steps=3`
    hint: `train.max_steps` is `train.steps` here
    ");
    insta::assert_snapshot!(set("train.num_train_epochs=3"), @"
    unknown key `train.num_train_epochs` in `--set train.num_train_epochs=3`
    hint: `train.num_train_epochs` is `train.epochs` here
    ");
    insta::assert_snapshot!(set("gradient_accumulation_steps=4"), @"
    unknown key `gradient_accumulation_steps` in `--set gradient_accumulation_steps=4`
    hint: `gradient_accumulation_steps` follows from two sizes here: `train.micro_batch_size` is the sequences of one pass, and `train.global_batch_size` that number times the accumulation steps
    ");
    insta::assert_snapshot!(set("per_device_train_batch_size=4"), @"
    unknown key `per_device_train_batch_size` in `--set per_device_train_batch_size=4`
    hint: `per_device_train_batch_size` is `train.micro_batch_size` here
    ");
    insta::assert_snapshot!(set("train.warmup_ratio=0.1"), @"
    unknown key `train.warmup_ratio` in `--set train.warmup_ratio=0.1`
    hint: `train.warmup_ratio` is `optimizer.schedule.warmup_ratio` here
    ");
    insta::assert_snapshot!(set("train.bf16=true"), @r#"
    unknown key `train.bf16` in `--set train.bf16=true`
    hint: `train.bf16` is `train.precision` here, "f32" or "bf16"
    "#);
    insta::assert_snapshot!(set("fp16=true"), @r#"
    unknown key `fp16` in `--set fp16=true`
    hint: `fp16` is not implemented: `train.precision` is "f32" or "bf16"
    "#);
    insta::assert_snapshot!(set("save_steps=10"), @"
    unknown key `save_steps` in `--set save_steps=10`
    hint: `save_steps` is `checkpoint.every_steps` here
    ");
    insta::assert_snapshot!(set("output_dir=out"), @"
    unknown key `output_dir` in `--set output_dir=out`
    hint: `output_dir` is `run.output` here
    ");
    insta::assert_snapshot!(set("seed=42"), @"
    unknown key `seed` in `--set seed=42`
    hint: `seed` is `run.seed` here
    ");
    insta::assert_snapshot!(set("model_name_or_path=x"), @"
    unknown key `model_name_or_path` in `--set model_name_or_path=x`
    hint: `model_name_or_path` is `model.from` here
    ");
    insta::assert_snapshot!(set("checkpoint.interval=10"), @"
    unknown key `checkpoint.interval` in `--set checkpoint.interval=10`
    hint: `checkpoint.interval` is `checkpoint.every_steps` here
    ");
    insta::assert_snapshot!(set("model.flavor=8B"), @"
    unknown key `model.flavor` in `--set model.flavor=8B`
    hint: `model.flavor` is `model.config` here
    ");
    insta::assert_snapshot!(set("optimizer.schedule.min_lr=1e-5"), @"
    unknown key `optimizer.schedule.min_lr` in `--set optimizer.schedule.min_lr=1e-5`
    hint: `optimizer.schedule.min_lr` is `optimizer.schedule.final_ratio` here, as a share of `optimizer.learning_rate`
    ");
    insta::assert_snapshot!(set("data.val_set_size=0.05"), @"
    unknown key `data.val_set_size` in `--set data.val_set_size=0.05`
    hint: `data.val_set_size` is `data.validation_fraction` here, as a share: 5 percent is 0.05
    ");
    insta::assert_snapshot!(set("lora_r=8"), @"
    unknown key `lora_r` in `--set lora_r=8`
    hint: `lora_r` is not implemented: LoRA and training on quantized weights do not exist here yet
    ");
    insta::assert_snapshot!(set("optimizer=adamw_torch"), @"
    `optimizer` in `--set optimizer=adamw_torch`: expected a table, got the string `adamw_torch`
    hint: the optimizer is AdamW; `[optimizer]` is a table with `learning_rate` and `schedule`
    ");
    insta::assert_snapshot!(set("train.label_smoothing=0.1"), @"
    unknown key `train.label_smoothing` in `--set train.label_smoothing=0.1`
    hint: `train.label_smoothing` is not implemented
    ");
    insta::assert_snapshot!(set("train.unheard_of=0.1"), @"
    unknown key `train.unheard_of` in `--set train.unheard_of=0.1`
    hint: known here are `objective`, `steps`, `epochs`, `seq_len`, `global_batch_size`, `micro_batch_size`, `precision`, `z_loss`, `trainable`, `activation_checkpointing`, `validate_every_steps` and `validation_tokens`
    ");
}

#[test]
fn a_whole_recipe_of_another_program_is_answered_at_once() {
    let workplace = Workplace::new();
    let axolotl = "base_model = 'x'\nsequence_len = 2048\nmicro_batch_size = 2\nnum_epochs = 3\nlearning_rate = 2e-4\n";
    insta::assert_snapshot!(workplace.refusal(axolotl, &[]), @"
    unknown key `base_model` in `DIR/recipe.toml`
    hint: `base_model` is `model.from` here; `learning_rate` is `optimizer.learning_rate` here; `micro_batch_size` is `train.micro_batch_size` here; `num_epochs` is `train.epochs` here; `sequence_len` is `train.seq_len` here
    ");
    let torchtitan = "[training]\nlocal_batch_size = 8\nseq_len = 2048\nsteps = 1000\n[metrics]\nlog_freq = 10\n";
    insta::assert_snapshot!(workplace.refusal(torchtitan, &[]), @"
    unknown key `metrics` in `DIR/recipe.toml`
    hint: `metrics.log_freq` is `log.every_steps` here; `training.local_batch_size` is `train.micro_batch_size` here; `training.seq_len` is `train.seq_len` here; `training.steps` is `train.steps` here
    ");
}

#[test]
fn other_formats_are_recognised() {
    let workplace = Workplace::new();
    let refusal = |name: &str, text: &str| {
        workplace.write(name, text);
        let refused = workplace.load_file(name, &Overrides::default());
        workplace.message(&refused.unwrap_err())
    };
    insta::assert_snapshot!(refusal("r.yaml", "base_model: x\n"), @"
    `DIR/r.yaml` is YAML; a recipe is TOML
    hint: begin with one of `jikji recipe list` and write the settings into it; keys of other programs are answered with the name they have here
    ");
    insta::assert_snapshot!(refusal("r.YML", "base_model: x\n"), @"
    `DIR/r.YML` is YAML; a recipe is TOML
    hint: begin with one of `jikji recipe list` and write the settings into it; keys of other programs are answered with the name they have here
    ");
    insta::assert_snapshot!(refusal("r.json", "{}"), @"
    `DIR/r.json` is JSON; a recipe is TOML
    hint: begin with one of `jikji recipe list` and write the settings into it; keys of other programs are answered with the name they have here
    ");
    insta::assert_snapshot!(refusal("r.toml", "# mine\nbase_model: x\nmax_steps: 3\n"), @"
    `DIR/r.toml` is not TOML, line 2: this looks like YAML (key with no value, expected `=`)
    hint: in TOML it is `key = value` below a line `[table]`; text stands in quotes
    ");
    insta::assert_snapshot!(refusal("s.toml", "---\na: 3\n"), @"
    `DIR/s.toml` is not TOML, line 1: this looks like YAML (key with no value, expected `=`)
    hint: in TOML it is `key = value` below a line `[table]`; text stands in quotes
    ");
}

#[test]
fn a_value_that_is_another_thing_suggests_nothing() {
    let workplace = Workplace::new();
    let set = |set: &str| workplace.refusal(LEAST, &[set]);
    insta::assert_snapshot!(set("train.precision=fp16"), @"
    `train.precision` in `--set train.precision=fp16`: expected one of `f32`, `bf16`, got `fp16`
    hint: change `train.precision`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(set("train.precision=bfloat16"), @"
    `train.precision` in `--set train.precision=bfloat16`: expected one of `f32`, `bf16`, got `bfloat16`
    hint: did you mean `bf16`?
    ");
    insta::assert_snapshot!(set("model.model_type=llama4"), @"
    `model.model_type` in `--set model.model_type=llama4`: expected one of `llama`, `mistral`, `qwen2`, `qwen3`, `exaone`, `exaone4`, `hyperclovax`, got `llama4`
    hint: change `model.model_type`; docs/reference/recipe.md says what it takes
    ");
    insta::assert_snapshot!(set("optimizer.schedule.type=warmup_stable_decay"), @"
    `optimizer.schedule.type` in `--set optimizer.schedule.type=warmup_stable_decay`: expected one of `constant`, `linear`, `cosine`, `wsd`, got `warmup_stable_decay`
    hint: did you mean `wsd`?
    ");
}

#[test]
fn an_error_that_the_command_line_brought_about_blames_it() {
    let workplace = Workplace::new();
    workplace.write(
        "optim.toml",
        "[optimizer]\nlearning_rate = 1e-3\nschedule = { type = 'cosine', warmup_steps = 8, final_ratio = 0.1 }",
    );
    let (front, back) = LEAST.split_once("[optimizer]").unwrap();
    let back = back.split_once("[train]").unwrap().1;
    let recipe = format!("include = ['optim.toml']\n{front}[train]{back}");
    workplace.load(&recipe, &[]).unwrap();
    let refusal = |set: &[&str]| workplace.refusal(&recipe, set);
    insta::assert_snapshot!(refusal(&["train.steps=5"]), @"
    `--set train.steps=5` does not work with the rest of the recipe
    caused by: the learning rate's schedule in `DIR/optim.toml` does not fit into `train.steps` = 5
    caused by: the warm-up of 8 steps is longer than the run of 5: the learning rate would never reach its peak
    hint: shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` or `train.epochs`)
    ");
    insta::assert_snapshot!(refusal(&["optimizer.schedule.type=wsd"]), @"
    `--set optimizer.schedule.type=wsd` does not work with the rest of the recipe
    caused by: `optimizer.schedule.final_ratio` is missing in `DIR/recipe.toml`
    hint: another `type` begins with an empty table: give `--set optimizer.schedule.final_ratio=VALUE` after it
    ");
    insta::assert_snapshot!(refusal(&["model.max_position_embeddings=32"]), @"
    `--set model.max_position_embeddings=32` does not work with the rest of the recipe
    caused by: `train.seq_len` = 64 in `DIR/recipe.toml` exceeds `model.max_position_embeddings` = 32
    hint: change `train.seq_len` or `model.max_position_embeddings`
    ");
    insta::assert_snapshot!(refusal(&["train.global_batch_size=2", "train.micro_batch_size=3"]), @"
    `train.micro_batch_size` = 3 in `--set train.micro_batch_size=3` exceeds `train.global_batch_size` = 2
    hint: change `train.micro_batch_size` or `train.global_batch_size`
    ");
    insta::assert_snapshot!(refusal(&["model.vocab_size=400"]), @"
    `--set model.vocab_size=400` does not work with the rest of the recipe
    caused by: `tokenizer.vocab_size` = 512 in `DIR/recipe.toml` exceeds `model.vocab_size` = 400
    hint: change `tokenizer.vocab_size` or `model.vocab_size`
    ");
    insta::assert_snapshot!(refusal(&["model.num_attention_heads=3"]), @"
    `--set model.num_attention_heads=3` does not work with the rest of the recipe
    caused by: the model that `DIR/recipe.toml` describes is not possible
    caused by: model config: `num_key_value_heads` is `2`, expected a divisor of `num_attention_heads` = 3
    hint: correct `num_key_value_heads`: a published model's own file has the right value, and `configs/models/` shows complete files
    ");
    insta::assert_snapshot!(refusal(&["tokenizer.reserved_tokens=300"]), @"
    `--set tokenizer.reserved_tokens=300` does not work with the rest of the recipe
    caused by: the tokenizer that `DIR/recipe.toml` describes is not possible
    caused by: `vocab_size` is `512`, but the special tokens and the 256 bytes alone need `564`
    hint: set `vocab_size` to more than 564, or lower `reserved_tokens`
    ");
    // Others beside it are not blamed, whatever their order.
    insta::assert_snapshot!(refusal(&["run.seed=3", "train.steps=5", "run.name=x"]), @"
    `--set train.steps=5` does not work with the rest of the recipe
    caused by: the learning rate's schedule in `DIR/optim.toml` does not fit into `train.steps` = 5
    caused by: the warm-up of 8 steps is longer than the run of 5: the learning rate would never reach its peak
    hint: shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` or `train.epochs`)
    ");
    let without_path = recipe.replace("path = \"text\"", "");
    insta::assert_snapshot!(workplace.refusal(&without_path, &["train.steps=5", "data.path=text"]), @"
    `--set train.steps=5` does not work with the rest of the recipe
    caused by: the learning rate's schedule in `DIR/optim.toml` does not fit into `train.steps` = 5
    caused by: the warm-up of 8 steps is longer than the run of 5: the learning rate would never reach its peak
    hint: shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` or `train.epochs`)
    ");
    // A fault of the recipe itself is the recipe's.
    let broken = recipe.replace("steps = 10", "steps = 5");
    insta::assert_snapshot!(workplace.refusal(&broken, &["run.seed=3"]), @"
    the learning rate's schedule in `DIR/optim.toml` does not fit into `train.steps` = 5
    caused by: the warm-up of 8 steps is longer than the run of 5: the learning rate would never reach its peak
    hint: shorten the warm-up (`optimizer.schedule.warmup_steps` or `warmup_ratio`), or lengthen the run (`train.steps` or `train.epochs`)
    ");
}
