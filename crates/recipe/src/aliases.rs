//! Keys of other programs (Axolotl, torchtitan, Hugging Face's Trainer, LLaMA-Factory, and the
//! common spellings of model configs) and what says the same here. They are never accepted, only
//! answered: a key that silently meant something slightly different would be worse than a message.

use toml::{Table, Value};

/// What to say about a key of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The key as it was written.
    pub written: String,
    /// What says the same here, as the end of a sentence that begins with the key.
    pub here: String,
}

/// How many are answered at once.
const MOST: usize = 8;

/// A key here, and its names elsewhere. A name with a dot is a key of torchtitan's table of that
/// name.
const KEYS: [(&str, &str); 61] = [
    ("run.name", "run_name wandb_name experiment_name job.name"),
    (
        "run.output",
        "output_dir out_dir save_dir checkpoint_dir dump_folder job.dump_folder logging_dir",
    ),
    (
        "run.seed",
        "seed data_seed random_seed manual_seed debug.seed training.seed",
    ),
    ("description", "job.description"),
    (
        "data.path",
        "datasets dataset dataset_path dataset_name dataset_dir data_path data_files train_file train_files \
         pretraining_dataset training.dataset training.dataset_path",
    ),
    (
        "data.sources",
        "interleave_probs mix_strategy dataset_weights data_weights",
    ),
    (
        "data.fields",
        "text_column text_field dataset_text_field content_column",
    ),
    (
        "data.prepared",
        "dataset_prepared_path tokenized_path preprocessing_cache",
    ),
    (
        "data.validation_fraction",
        "val_size validation_split eval_size test_size",
    ),
    ("data.cross_documents", "cross_document_attention"),
    (
        "tokenizer.from",
        "tokenizer_name tokenizer_path tokenizer_name_or_path tokenizer_config hf_assets_path model.hf_assets_path \
         model.tokenizer_path",
    ),
    ("tokenizer.chat_template", "chat_template"),
    (
        "model.from",
        "model_name_or_path base_model pretrained_model_name_or_path init_from hf_model load_path initial_load_path \
         checkpoint.initial_load_path",
    ),
    (
        "model.config",
        "config_name base_model_config model_config model_flavor model.flavor",
    ),
    ("model.model_type", "model.name"),
    ("model.num_hidden_layers", "n_layer n_layers num_layers"),
    ("model.num_attention_heads", "n_head n_heads num_heads"),
    (
        "model.num_key_value_heads",
        "n_kv_heads num_kv_heads num_query_groups",
    ),
    ("model.hidden_size", "n_embd d_model embed_dim"),
    (
        "model.intermediate_size",
        "n_inner d_ff ffn_dim ffn_hidden_size",
    ),
    (
        "model.max_position_embeddings",
        "n_positions n_ctx max_sequence_length",
    ),
    ("model.rms_norm_eps", "norm_eps norm_epsilon"),
    ("model.rope_theta", "rotary_base rope_base"),
    ("model.tie_word_embeddings", "tie_embeddings weight_tying"),
    ("model.initializer_range", "init_std init_method_std"),
    (
        "optimizer.learning_rate",
        "lr learning_rate max_lr peak_lr base_lr optimizer.lr",
    ),
    (
        "optimizer.betas",
        "adam_beta1 adam_beta2 adam_betas beta1 beta2 optim_beta1 optim_beta2 betas",
    ),
    ("optimizer.eps", "adam_epsilon adam_eps epsilon"),
    ("optimizer.weight_decay", "weight_decay wd"),
    (
        "optimizer.max_grad_norm",
        "max_grad_norm max_norm grad_clip clip_grad clip_grad_norm gradient_clip_val gradient_clipping \
         training.max_norm",
    ),
    (
        "optimizer.schedule.type",
        "lr_scheduler_type lr_schedule lr_decay_style scheduler scheduler_type decay_type lr_scheduler.decay_type",
    ),
    (
        "optimizer.schedule.warmup_steps",
        "warmup_steps num_warmup_steps lr_warmup_steps warmup_iters warmup lr_scheduler.warmup_steps",
    ),
    (
        "optimizer.schedule.warmup_ratio",
        "warmup_ratio warmup_fraction lr_warmup_fraction",
    ),
    (
        "optimizer.schedule.decay_steps",
        "decay_steps num_decay_steps lr_decay_steps lr_decay_iters",
    ),
    (
        "optimizer.schedule.decay_ratio",
        "decay_ratio lr_scheduler.decay_ratio",
    ),
    (
        "optimizer.schedule.final_ratio",
        "final_ratio min_lr_ratio min_lr_rate lr_min_ratio cosine_min_lr_ratio min_lr_factor lr_scheduler.min_lr_factor",
    ),
    (
        "train.steps",
        "max_steps num_steps total_steps train_steps max_train_steps num_training_steps max_iters train_iters steps \
         training.steps",
    ),
    (
        "train.epochs",
        "num_train_epochs num_epochs max_epochs n_epochs epochs",
    ),
    (
        "train.seq_len",
        "sequence_len seq_len seq_length sequence_length block_size cutoff_len max_seq_length max_seq_len max_length \
         model_max_length context_length training.seq_len",
    ),
    (
        "train.global_batch_size",
        "global_batch_size train_batch_size total_batch_size effective_batch_size training.global_batch_size",
    ),
    (
        "train.micro_batch_size",
        "micro_batch_size per_device_train_batch_size per_gpu_train_batch_size local_batch_size device_batch_size \
         train_micro_batch_size_per_gpu training.local_batch_size",
    ),
    ("train.z_loss", "z_loss z_loss_weight router_z_loss_coef"),
    (
        "train.trainable",
        "unfrozen_parameters trainable_layers freeze_trainable_layers freeze_layers frozen_parameters",
    ),
    (
        "train.activation_checkpointing",
        "gradient_checkpointing activation_checkpointing activation_checkpoint.mode recompute_granularity",
    ),
    (
        "train.validate_every_steps",
        "eval_steps eval_interval eval_every eval_freq val_interval validation.freq",
    ),
    (
        "train.validation_tokens",
        "eval_iters max_eval_samples eval_batches validation.steps",
    ),
    (
        "checkpoint.every_steps",
        "save_steps save_interval save_every checkpoint_interval checkpoint.interval",
    ),
    (
        "checkpoint.keep",
        "save_total_limit keep_latest_k max_checkpoints checkpoint.keep_latest_k",
    ),
    (
        "checkpoint.async_save",
        "async_mode async_save checkpoint.async_mode",
    ),
    (
        "log.every_steps",
        "logging_steps log_freq log_interval log_every logging_interval metrics.log_freq",
    ),
    ("log.prompts", "prompts sample_prompts eval_prompts"),
    ("log.private", "private"),
    ("data.min_chars", "min_chars min_length"),
    (
        "data.drop_exact_duplicates",
        "dedup deduplicate dataset_exact_deduplication",
    ),
    ("data.exclude", "exclude ignore_patterns"),
    ("data.stages", "curriculum data_stages"),
    ("tokenizer.vocab_size", "tokenizer_vocab_size"),
    ("model.vocab_size", "padded_vocab_size"),
    ("model.sliding_window", "window_size attention_window"),
    ("model.head_dim", "kv_channels head_size"),
    ("tokenizer.special_tokens", "special_tokens added_tokens"),
];

/// Names elsewhere, and the rest of a sentence about them.
const ANSWERS: [(&str, &str); 27] = [
    (
        "gradient_accumulation_steps accumulate_grad_batches grad_accumulation_steps ga_steps",
        "follows from two sizes here: `train.micro_batch_size` is the sequences of one pass, and \
         `train.global_batch_size` that number times the accumulation steps",
    ),
    (
        "batch_size",
        "can mean two things: `train.global_batch_size`, the sequences of an update, and `train.micro_batch_size`, those \
         of one pass",
    ),
    (
        "per_device_eval_batch_size per_gpu_eval_batch_size eval_batch_size validation.local_batch_size",
        "has no equivalent: validation takes `train.micro_batch_size` sequences at a time",
    ),
    (
        "val_set_size validation_split_percentage",
        "is `data.validation_fraction` here, as a share: 5 percent is 0.05",
    ),
    (
        "evals_per_epoch saves_per_epoch",
        "has no equivalent by epoch: `train.validate_every_steps` and `checkpoint.every_steps` count steps",
    ),
    (
        "bf16 bfloat16 mixed_precision mixed_precision_param training.mixed_precision_param precision torch_dtype \
         training.dtype",
        "is `train.precision` here, \"f32\" or \"bf16\"",
    ),
    (
        "fp16 half",
        "is not implemented: `train.precision` is \"f32\" or \"bf16\"",
    ),
    (
        "tf32",
        "is a number format of GPUs; this build computes on a CPU",
    ),
    (
        "lr_scheduler lr_scheduler_kwargs",
        "is the table `[optimizer.schedule]` here, with `type`, `warmup_steps` and what the type needs",
    ),
    (
        "min_lr lr_min",
        "is `optimizer.schedule.final_ratio` here, as a share of `optimizer.learning_rate`",
    ),
    (
        "optim optim_args optimizer_type optimizer.name optimizer.implementation",
        "has no equivalent: the optimizer is AdamW, with Muon for the hidden matrices where `[optimizer.muon]` is given",
    ),
    (
        "sample_packing packing neat_packing pad_to_sequence_len pack_sequences group_by_length",
        "has no equivalent: sequences are always packed, and attention stays within documents unless \
         `data.cross_documents` is true",
    ),
    (
        "resume resume_from_checkpoint auto_resume_from_checkpoints",
        "is an option of the command line here: `jikji train RECIPE --resume`",
    ),
    (
        "overwrite_output_dir",
        "is an option of the command line here: `jikji train RECIPE --fresh` moves the older run aside",
    ),
    (
        "save_strategy eval_strategy evaluation_strategy logging_strategy logging_first_step checkpoint.enable \
         checkpoint.enable_checkpoint enable_checkpoint validation.enable",
        "has no equivalent: saving, validation and logging are on and have their intervals in steps \
         (`checkpoint.every_steps`, `train.validate_every_steps`, `log.every_steps`)",
    ),
    (
        "report_to wandb_project wandb_entity use_wandb enable_wandb enable_tensorboard metrics.enable_tensorboard \
         metrics.enable_wandb plot_loss use_tensorboard tensorboard_dir",
        "has no equivalent: every run writes TensorBoard files and a report into `run.output`, and nothing leaves the \
         machine",
    ),
    (
        "do_train do_eval do_predict stage",
        "has no equivalent: `jikji train` trains on next-token loss and validates on the documents held back",
    ),
    (
        "adapter finetuning_type lora_r lora_rank lora_alpha lora_dropout lora_target lora_target_modules \
         lora_target_linear lora_modules_to_save qlora use_peft load_in_8bit load_in_4bit quantization \
         quantization_bit quantization_config",
        "is not implemented: LoRA and training on quantized weights do not exist here yet",
    ),
    (
        "deepspeed fsdp fsdp_config ddp ddp_backend nproc_per_node world_size local_rank tensor_parallel_degree \
         data_parallel_shard_degree data_parallel_replicate_degree parallelism.tensor_parallel_degree \
         parallelism.data_parallel_shard_degree parallelism.data_parallel_replicate_degree \
         parallelism.pipeline_parallel_degree parallelism.context_parallel_degree pipeline_parallel_degree",
        "is not implemented: a run is one process on a CPU",
    ),
    (
        "torch_compile compile training.compile compile.enable flash_attention flash_attn attn_implementation \
         sdp_attention xformers_attention use_liger_kernel liger_kernel",
        "has no equivalent: kernels are chosen by the processor",
    ),
    (
        "dataloader_num_workers preprocessing_num_workers dataset_processes num_workers num_proc num_threads",
        "has no equivalent: every processor that the process may use is used (`RAYON_NUM_THREADS` limits them)",
    ),
    (
        "dropout attention_dropout attn_dropout hidden_dropout resid_pdrop embd_pdrop attn_pdrop",
        "is not implemented: models are trained without dropout",
    ),
    (
        "label_smoothing label_smoothing_factor neftune_noise_alpha early_stopping_patience load_best_model_at_end \
         metric_for_best_model",
        "is not implemented",
    ),
    (
        "push_to_hub hub_model_id hub_strategy hub_token",
        "has no equivalent: nothing leaves the machine; the model lies in `export` below `run.output`",
    ),
    (
        "streaming overwrite_cache cache_dir preprocessing_batch_size remove_unused_columns",
        "has no equivalent: prepared text is kept in `data.prepared` and made again when its inputs change",
    ),
    (
        "template train_on_inputs train_on_prompt mask_history",
        "belongs to training on conversations, which does not exist here yet",
    ),
    (
        "trust_remote_code low_cpu_mem_usage",
        "has no equivalent: no code of a model folder is run, and weights are read a few at a time",
    ),
];

/// What to say about an unknown key, and about the other unknown keys of its table.
pub(crate) fn answers(
    path: &[String],
    value: Option<&Value>,
    table: Option<(&Table, &[String])>,
) -> Vec<Alias> {
    let mut found = answers_to(path, value);
    if let (Some((table, known)), Some((key, parents))) = (table, path.split_last()) {
        for (other, value) in table {
            if other != key && !known.contains(other) {
                let path: Vec<String> = parents.iter().chain([other]).cloned().collect();
                found.extend(answers_to(&path, Some(value)));
            }
        }
    }
    found.truncate(MOST);
    found
}

/// The answer to one key; of a table that is unknown as a whole, the answers to its keys.
fn answers_to(path: &[String], value: Option<&Value>) -> Vec<Alias> {
    if let Some(here) = answer(path) {
        let written = path.join(".");
        return vec![Alias { written, here }];
    }
    let Some(Value::Table(table)) = value else {
        return Vec::new();
    };
    let inner = table.iter().flat_map(|(key, value)| {
        let path: Vec<String> = path.iter().chain([key]).cloned().collect();
        answers_to(&path, Some(value))
    });
    inner.collect()
}

fn answer(path: &[String]) -> Option<String> {
    let plain = |word: &String| {
        word.trim_start_matches("--")
            .to_lowercase()
            .replace('-', "_")
    };
    let words: Vec<String> = path.iter().map(plain).collect();
    let last = words.last()?;
    let in_table = words.len().checked_sub(2).map(|at| words[at..].join("."));
    let names = |names: &str, name: &str| names.split_whitespace().any(|one| one == name);
    in_table.iter().chain([last]).find_map(|name| {
        let key = KEYS.iter().find(|(_, elsewhere)| names(elsewhere, name));
        // The place where it stands is no news: a slip of the pen is answered with the nearest key.
        let key = key.filter(|(key, _)| *key != words.join("."));
        let sentence = || ANSWERS.iter().find(|(elsewhere, _)| names(elsewhere, name));
        key.map(|(key, _)| format!("is `{key}` here"))
            .or_else(|| sentence().map(|(_, sentence)| (*sentence).to_owned()))
    })
}

/// The value here that means what another program's value means, for the key that it is given to.
pub(crate) fn value(key: &str, word: &str) -> Option<&'static str> {
    const VALUES: [(&str, &str, &str); 3] = [
        ("train.precision", "float32 fp32 torch.float32", "f32"),
        ("train.precision", "bfloat16 torch.bfloat16", "bf16"),
        (
            "optimizer.schedule.type",
            "warmup_stable_decay wsd_schedule",
            "wsd",
        ),
    ];
    let is_meant = |(of, words, _): &&(&str, &str, &str)| {
        key.ends_with(of) && words.split_whitespace().any(|one| one == word)
    };
    VALUES.iter().find(is_meant).map(|(.., here)| *here)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_answered_twice() {
        let mut seen = BTreeSet::new();
        let names = KEYS.iter().map(|(_, names)| names);
        for name in names
            .chain(ANSWERS.iter().map(|(names, _)| names))
            .flat_map(|names| names.split_whitespace())
        {
            assert!(seen.insert(name), "`{name}` has two answers");
        }
    }

    #[test]
    fn every_key_that_is_named_exists() {
        for (key, _) in KEYS {
            let path: Vec<String> = key.split('.').map(str::to_owned).collect();
            assert!(crate::schema::unknown_key(&path).is_none(), "{key}");
        }
    }

    #[test]
    fn keys_in_tables_of_other_programs_are_found() {
        let table: Table = toml::from_str("steps = 1\nseq_len = 2\nunheard_of = 3").unwrap();
        let found = answers(&["training".to_owned()], Some(&Value::Table(table)), None);
        let found: Vec<String> = found
            .into_iter()
            .map(|alias| format!("{} {}", alias.written, alias.here))
            .collect();
        assert_eq!(
            found,
            [
                "training.seq_len is `train.seq_len` here",
                "training.steps is `train.steps` here"
            ]
        );
    }
}
