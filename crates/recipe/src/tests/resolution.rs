//! What recipes resolve to.

use jikji_optim::Schedule;

use super::*;
use crate::{SourceConfig, TokenizerSource, load_model_config};

#[test]
fn the_least_recipe_gets_every_value() {
    let workplace = Workplace::new();
    let run = workplace.load(LEAST, &[]).unwrap();
    insta::assert_snapshot!(workplace.redact(&run.to_toml()), @r#"
    [run]
    name = "recipe"
    output = "runs/recipe"
    seed = 1377

    [data]
    prepared = "shards/recipe"
    validation_fraction = 0.01
    validation_sources = ["eval", "law", "news", "text"]
    min_chars = 1
    drop_exact_duplicates = true
    cross_documents = false

    [[data.sources]]
    name = "eval"
    path = "DIR/text/eval"

    [[data.sources]]
    name = "law"
    path = "DIR/text/law"

    [[data.sources]]
    name = "news"
    path = "DIR/text/news"

    [[data.sources]]
    name = "text"
    path = "DIR/text"
    exclude = ["*/**"]

    [tokenizer]
    vocab_size = 512
    algorithm = "bpe"
    pre_tokenizer = "korean"
    digits = "up_to_three"
    min_frequency = 2
    superword_share = 0.0
    memory_bytes = 1073741824
    reserved_tokens = 16

    [tokenizer.special_tokens]
    bos = "<|bos|>"
    eos = "<|eos|>"
    pad = "<|pad|>"
    extra = ["<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|endofturn|>"]

    [model]
    model_type = "llama"
    vocab_size = 512
    hidden_size = 64
    intermediate_size = 96
    num_hidden_layers = 2
    num_attention_heads = 4
    num_key_value_heads = 2
    max_position_embeddings = 128
    rms_norm_eps = 0.00001

    [optimizer]
    learning_rate = 0.001
    betas = [0.9, 0.95]
    eps = 0.00000001
    weight_decay = 0.1
    decay_embeddings = true

    [optimizer.schedule]
    type = "cosine"
    warmup_steps = 2
    final_ratio = 0.1

    [train]
    objective = "next_token"
    steps = 10
    seq_len = 64
    global_batch_size = 4
    micro_batch_size = 4
    precision = "f32"
    trainable = ["*"]
    activation_checkpointing = "none"
    validation_tokens = 1000000

    [checkpoint]
    every_steps = 5
    keep = 2
    max_failed_saves = 3
    async_save = false

    [log]
    every_steps = 1
    prompts = []
    sample_tokens = 64
    "#);
}

fn sources(run: &RunConfig) -> Vec<(&str, &[String])> {
    let named = |source: &SourceConfig| source.path.is_some();
    assert!(run.data.sources.iter().all(named));
    let sources = run.data.sources.iter();
    sources
        .map(|source| (source.name.as_str(), source.exclude.as_slice()))
        .collect()
}

#[test]
fn folders_become_sources_and_excluded_ones_none() {
    let workplace = Workplace::new();
    let run = workplace
        .load(
            LEAST,
            &["data.exclude=[\"eval/**\", \"news/*/x.jsonl\", \"README.md\"]"],
        )
        .unwrap();
    let none: &[String] = &[];
    let expected = [
        ("law", none),
        ("news", &["*/x.jsonl".to_owned()]),
        (
            "text",
            &["eval/**", "news/*/x.jsonl", "README.md", "*/**"].map(str::to_owned),
        ),
    ];
    assert_eq!(sources(&run), expected);
    // Every one of them can be read.
    for source in &run.data.sources {
        assert!(Path::new(source.path.as_ref().unwrap()).exists());
    }
    let file = workplace.load(LEAST, &["data.path=text/c.txt"]).unwrap();
    assert_eq!(sources(&file), [("data", none)]);
    let glob = workplace.load(LEAST, &["data.path=text/**/*.txt"]).unwrap();
    assert_eq!(sources(&glob), [("data", none)]);
    let no_files_beside = workplace
        .load(LEAST, &["data.exclude=[\"c.txt\", \"eval\"]"])
        .unwrap();
    assert_eq!(no_files_beside.data.sources.len(), 2);
}

#[test]
fn sources_take_paths_below_the_data_folder_and_settings_of_their_own() {
    let workplace = Workplace::new();
    let recipe = LEAST.replace(
        "[data]",
        r#"
        [[data.sources]]
        name = "judgments"
        path = "law"
        weight = 3
        exclude = ["b/**"]
        [[data.sources]]
        name = "made"
        synth = { documents = 7 }
        weight = 1
        license = "CC0-1.0"
        [data]
        license = "public domain"
        exclude = ["law/raw.txt"]
        "#,
    );
    let run = workplace
        .load(
            &recipe,
            &[
                "data.sources.made.weight=2",
                "data.sources.0.license=MIT",
                "run.seed=9",
            ],
        )
        .unwrap();
    let [judgments, made] = run.data.sources.as_slice() else {
        panic!("{:?}", run.data.sources)
    };
    assert_eq!(
        judgments.path.as_deref(),
        workplace.path().join("text/law").to_str()
    );
    assert_eq!(judgments.exclude, ["b/**", "raw.txt"]);
    assert_eq!((judgments.weight, made.weight), (Some(3.0), Some(2.0)));
    assert_eq!(
        (judgments.license.as_deref(), made.license.as_deref()),
        (Some("MIT"), Some("CC0-1.0"))
    );
    let synth = made.synth.as_ref().unwrap();
    assert_eq!(
        (synth.documents, synth.seed),
        (7, 9),
        "the generator takes the run's seed"
    );
    assert_eq!(run.data.validation_sources, ["judgments"]);
}

#[test]
fn later_layers_win() {
    let workplace = Workplace::new();
    workplace.write(
        "parts/a.toml",
        "[train]\nsteps = 1\nseq_len = 32\nvalidation_tokens = 5\nmicro_batch_size = 1",
    );
    workplace.write(
        "parts/b.toml",
        "[train]\nvalidation_tokens = 6\n[scale.tiny.log]\nsample_tokens = 3",
    );
    let recipe = format!(
        "include = ['parts/a.toml', 'parts/b.toml']\n{LEAST}\n[scale.tiny.train]\nsteps = 7\nmicro_batch_size = 2"
    );
    workplace.write("recipe.toml", &recipe);
    let load = |scale, set: &[&str]| {
        workplace
            .load_file("recipe.toml", &overrides(scale, set))
            .unwrap()
    };
    let full = load(None, &[]).train;
    assert_eq!(
        (
            full.steps,
            full.seq_len.get(),
            full.validation_tokens,
            full.micro_batch_size()
        ),
        (10, 64, 6, 1)
    );
    let tiny = load(Some("tiny"), &["train.micro_batch_size=3"]);
    assert_eq!(
        (
            tiny.train.steps,
            tiny.train.micro_batch_size(),
            tiny.log.sample_tokens
        ),
        (7, 3, 3)
    );
}

#[test]
fn another_model_need_not_fit_a_scale_that_was_not_asked_for() {
    let workplace = Workplace::new();
    let sliding = "model_type = \"exaone4\"\nsliding_window = 64\nsliding_window_pattern = 'LG'\nhead_dim = 16\nrope_theta = 1e4\ntie_word_embeddings = true";
    let other = crate::tests::MODEL.replace("model_type = \"llama\"", sliding);
    workplace.write("sliding.toml", &other);
    let recipe = LEAST.replace("model.toml", "sliding.toml");
    let recipe = format!("{recipe}\n[scale.tiny.model]\nsliding_window = 32");
    workplace.load(&recipe, &[]).unwrap();
    let run = workplace
        .load(&recipe, &["model.config=model.toml"])
        .unwrap();
    assert_eq!(run.model.config.sliding_window, None);
    let asked = overrides(Some("tiny"), &["model.config=model.toml"]);
    let refused = workplace.load_file("recipe.toml", &asked).unwrap_err();
    assert!(workplace.message(&refused).contains("sliding_window"));
}

#[test]
fn a_choice_is_replaced_as_a_whole() {
    let workplace = Workplace::new();
    let run = workplace
        .load(
            LEAST,
            &["optimizer.schedule={type=\"constant\", warmup_steps=1}"],
        )
        .unwrap();
    assert_eq!(
        run.optimizer.schedule,
        Schedule::Constant { warmup_steps: 1 }
    );
    workplace.write("tok/tokenizer.json", "{}");
    let run = workplace.load(LEAST, &["tokenizer.from=tok"]).unwrap();
    assert_eq!(
        run.tokenizer,
        TokenizerSource::From(workplace.path().join("tok"))
    );
}

#[test]
fn a_model_is_a_file_a_folder_or_keys() {
    let workplace = Workplace::new();
    workplace.write(
        "published/config.json",
        r#"{"model_type": "qwen2", "vocab_size": 600, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "rope_scaling": null,
            "sliding_window": null, "torch_dtype": "bfloat16"}"#,
    );
    let folder = workplace.path().join("published");
    let from = workplace
        .load(LEAST, &["model.from=published"])
        .unwrap()
        .model;
    assert_eq!(from.from.as_ref(), Some(&folder));
    assert_eq!(
        (from.config.rms_norm_eps, from.config.sliding_window),
        (1e-6, None)
    );
    assert_eq!(from.config, load_model_config(&folder).unwrap());
    assert_eq!(
        from.config,
        load_model_config(&folder.join("config.json")).unwrap()
    );

    let config = workplace.load(LEAST, &[]).unwrap().model;
    let inline = LEAST.replace("config = \"model.toml\"", MODEL);
    assert_eq!(workplace.load(&inline, &[]).unwrap().model, config);

    // Keys beside a file override it, whichever of a key's spellings either uses.
    let deeper = workplace
        .load(LEAST, &["model.num_hidden_layers=3"])
        .unwrap()
        .model;
    let other = workplace
        .load(LEAST, &["model.num_layers=3"])
        .unwrap()
        .model;
    assert_eq!(deeper, other);
    assert_eq!(
        (
            deeper.config.num_hidden_layers,
            config.config.num_hidden_layers
        ),
        (3, 2)
    );
}

#[test]
fn paths_begin_in_the_current_folder_or_above_the_recipe() {
    let workplace = Workplace::new();
    workplace.write("recipes/deep/r.toml", LEAST);
    workplace.write("elsewhere/keep", "");
    let elsewhere = workplace.path().join("elsewhere");
    let load = || {
        load_from(
            &elsewhere,
            Path::new("../recipes/deep/r.toml"),
            &Overrides::default(),
        )
        .unwrap()
    };
    assert_eq!(
        load().data.sources[0].path.as_deref(),
        workplace.path().join("text/eval").to_str()
    );
    assert_eq!(
        load().run.output,
        Path::new("runs/r"),
        "what is written lies below the current folder"
    );
    workplace.write("elsewhere/text/nearer.txt", "글");
    assert_eq!(
        load().data.sources[0].path.as_deref(),
        elsewhere.join("text").to_str()
    );
}

#[test]
fn identity_is_what_must_not_change() {
    let workplace = Workplace::new();
    let identity = |set: &[&str]| workplace.load(LEAST, set).unwrap().identity();
    let before = identity(&[]);
    let may_change = [
        "train.steps=99",
        "train.validate_every_steps=3",
        "train.validation_tokens=4",
        "checkpoint.every_steps=9",
        "checkpoint.keep=7",
        "log.prompts=[\"가\"]",
        "run.name=other",
        "run.output=there",
        "description=words",
        "data.prepared=elsewhere",
    ];
    assert_eq!(identity(&may_change), before);
    for same in [
        "data.path=./text",
        "data.path=text/",
        "data.path=text/../text",
    ] {
        assert_eq!(identity(&[same]), before, "{same}");
    }
    let must_not = [
        ("run.seed=1", "run.seed"),
        ("train.seq_len=32", "train.seq_len"),
        ("train.precision=bf16", "train.precision"),
        ("optimizer.learning_rate=2e-3", "optimizer.learning_rate"),
        ("tokenizer.digits=single", "tokenizer.digits"),
        ("model.num_layers=3", "model.num_hidden_layers"),
        ("data.min_chars=5", "data.min_chars"),
        ("data.license=MIT", "data.sources.law.license"),
    ];
    for (set, key) in must_not {
        let after = identity(&[set]);
        assert!(after.contains_key(key), "{key} is not part of the identity");
        assert_ne!(before.get(key), after.get(key), "{set}");
    }
}
