//! A resolved recipe is a recipe, and resolves to itself.

use jikji_optim::Schedule;
use proptest::prelude::*;

use super::*;
use crate::{StageConfig, SynthConfig};

fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-z가-힣][a-z0-9가-힣._-]{0,8}").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_resolved_recipe_resolves_to_itself(
        (description, seed, fraction, weights, stage_at) in (
            proptest::option::of(any::<String>()), 0..=i64::MAX as u64, 0.0..1.0_f64,
            proptest::option::of((1e-9..1e9_f64, 1e-9..1e9_f64)), 1..u64::from(u32::MAX),
        ),
        (name, other) in (name(), name()),
        (rate, ratio, prompt, license, topics) in (
            1e-12..1.0_f64, 0.0..=1.0_f64, any::<String>(), proptest::option::of(any::<String>()),
            proptest::collection::vec(any::<String>(), 0..3),
        ),
    ) {
        prop_assume!(name != other);
        let workplace = Workplace::new();
        let mut run = workplace.load(LEAST, &["data.path=text/law/a.txt"]).unwrap();
        run.description = description;
        run.run.seed = seed;
        run.data.validation_fraction = fraction;
        run.data.validation_sources = vec![name.clone()];
        let mut made = run.data.sources[0].clone();
        run.data.sources[0].name.clone_from(&name);
        run.data.sources[0].weight = weights.map(|both| both.0);
        made.name.clone_from(&other);
        made.path = None;
        made.synth = Some(SynthConfig { documents: 3, seed, topics });
        made.weight = weights.map(|both| both.1);
        made.license = license;
        run.data.sources.push(made);
        run.data.stages = vec![StageConfig { from_step: stage_at, weights: [(other, fraction + 0.1)].into() }];
        run.optimizer.learning_rate = rate;
        run.optimizer.schedule = Schedule::Wsd { warmup_steps: 1, decay_steps: 2, final_ratio: ratio };
        run.log.prompts = vec![prompt];

        let text = run.to_toml();
        workplace.write("runs/r/recipe.resolved.toml", &text);
        let again = workplace.load_file("runs/r/recipe.resolved.toml", &Overrides::default()).unwrap();
        prop_assert_eq!(&again, &run, "{}", text);
        prop_assert_eq!(&toml::from_str::<RunConfig>(&text).unwrap(), &run);
        let json = serde_json::to_string(&run).unwrap();
        prop_assert_eq!(&serde_json::from_str::<RunConfig>(&json).unwrap(), &run);
        prop_assert_eq!(again.identity(), run.identity());
    }
}

#[test]
fn every_form_of_model_and_tokenizer_survives() {
    let workplace = Workplace::new();
    workplace.write("tok/tokenizer.json", "{}");
    let json = serde_json::to_string(&workplace.load(LEAST, &[]).unwrap().model.config).unwrap();
    workplace.write("published/config.json", &json);
    let scaled =
        "model.rope_scaling={rope_type=\"yarn\", factor=4.0, original_max_position_embeddings=32}";
    let special = "tokenizer.special_tokens={bos=\"<s>\", extra=[]}";
    for set in [
        &["model.from=published", "model.num_layers=1"][..],
        &["tokenizer.from=tok"],
        &[scaled, special, "tokenizer.chat_template=\"x\\n\""],
    ] {
        let run = workplace.load(LEAST, set).unwrap();
        let text = run.to_toml();
        let again = workplace.load(&text, &[]).unwrap();
        assert_eq!(again, run, "{text}");
        let json = serde_json::to_string(&run).unwrap();
        assert_eq!(serde_json::from_str::<RunConfig>(&json).unwrap(), run);
    }
}
