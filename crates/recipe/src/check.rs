//! What single tables cannot see: settings out of range and settings that contradict each other.

use std::collections::BTreeSet;
use std::fmt::Display;

use jikji_optim::Schedule;

use crate::RecipeError;
use crate::layers::Layers;
use crate::run_config::{DataSection, RunConfig, TokenizerSource};

/// Checks a resolved run; `layers` knows where each setting was said.
pub(crate) fn check(run: &RunConfig, layers: &Layers) -> Result<(), RecipeError> {
    let check = Check { layers };
    check.paths(run)?;
    check.ranges(run)?;
    check.schedule(run)?;
    check.sizes(run)?;
    check.sources(&run.data)?;
    check.stages(&run.data)
}

/// A run's name is one component of the paths that are made of it.
pub(crate) fn run_name(name: &str, layers: &Layers) -> Result<(), RecipeError> {
    let fits = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '\0'])
        && name.len() <= 200;
    let expected = "1 to 200 bytes without `/` or `\\` that do not begin with `.`";
    Check { layers }.holds("run.name", fits, expected, &name)
}

struct Check<'a> {
    layers: &'a Layers,
}

impl Check<'_> {
    fn holds(
        &self,
        key: &str,
        holds: bool,
        expected: &str,
        got: &dyn Display,
    ) -> Result<(), RecipeError> {
        if holds {
            return Ok(());
        }
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        let origin = self.layers.origin(&path);
        Err(RecipeError::Value {
            key: origin.key(&path),
            origin,
            expected: expected.to_owned(),
            got: format!("`{got}`"),
            nearest: None,
        })
    }

    /// `first` may not be above `second`.
    fn at_most(
        &self,
        (first, first_value): (&str, u64),
        (second, second_value): (&str, u64),
    ) -> Result<(), RecipeError> {
        if first_value <= second_value {
            return Ok(());
        }
        Err(RecipeError::Conflict {
            first: first.to_owned(),
            first_value,
            relation: "exceeds",
            second: second.to_owned(),
            second_value,
            origin: self.layers.origin_of(first),
        })
    }

    /// What is written to; what is read must be there, so it cannot be empty.
    fn paths(&self, run: &RunConfig) -> Result<(), RecipeError> {
        let filled = |key: &str, path: &str| self.holds(key, !path.is_empty(), "a path", &"");
        filled("run.output", &run.run.output.to_string_lossy())?;
        filled("data.prepared", &run.data.prepared.to_string_lossy())
    }

    fn ranges(&self, run: &RunConfig) -> Result<(), RecipeError> {
        let optimizer = &run.optimizer;
        let number = |key: &str, holds: fn(f64) -> bool, expected: &str, got: f64| {
            self.holds(key, got.is_finite() && holds(got), expected, &got)
        };
        number(
            "optimizer.learning_rate",
            |rate| rate > 0.0,
            "a number above 0",
            optimizer.learning_rate,
        )?;
        for beta in optimizer.betas {
            number(
                "optimizer.betas",
                |beta| (0.0..1.0).contains(&beta),
                "two numbers from 0 up to but not 1",
                beta,
            )?;
        }
        number(
            "optimizer.eps",
            |eps| eps > 0.0,
            "a number above 0",
            optimizer.eps,
        )?;
        number(
            "optimizer.weight_decay",
            |decay| decay >= 0.0,
            "a number, 0 or above",
            optimizer.weight_decay,
        )?;
        if let Some(muon) = &optimizer.muon {
            number(
                "optimizer.muon.momentum",
                |momentum| (0.0..1.0).contains(&momentum),
                "a number from 0 up to but not 1",
                muon.momentum,
            )?;
        }
        if let Some(z_loss) = run.train.z_loss {
            number(
                "train.z_loss",
                |weight| weight >= 0.0,
                "a number, 0 or above",
                z_loss,
            )?;
        }
        if let Some(norm) = optimizer.max_grad_norm {
            number(
                "optimizer.max_grad_norm",
                |norm| norm > 0.0,
                "a number above 0",
                norm,
            )?;
        }
        number(
            "data.validation_fraction",
            |share| (0.0..1.0).contains(&share),
            "a number from 0 up to but not 1",
            run.data.validation_fraction,
        )
    }

    fn schedule(&self, run: &RunConfig) -> Result<(), RecipeError> {
        let schedule = &run.optimizer.schedule;
        if run.train.steps == 0 {
            // No step asks for its learning rate.
            return Ok(());
        }
        let steps = ("train.steps", run.train.steps);
        let warmup = "optimizer.schedule.warmup_steps";
        self.at_most((warmup, schedule.warmup_steps()), steps)?;
        if let Schedule::Wsd { decay_steps, .. } = schedule {
            self.at_most(("optimizer.schedule.decay_steps", *decay_steps), steps)?;
        }
        match schedule {
            Schedule::Constant { .. } => Ok(()),
            Schedule::Linear { final_ratio, .. }
            | Schedule::Cosine { final_ratio, .. }
            | Schedule::Wsd { final_ratio, .. } => self.holds(
                "optimizer.schedule.final_ratio",
                (0.0..=1.0).contains(final_ratio),
                "a number from 0 to 1",
                final_ratio,
            ),
        }
    }

    fn sizes(&self, run: &RunConfig) -> Result<(), RecipeError> {
        let (train, model) = (&run.train, &run.model.config);
        self.at_most(
            ("train.seq_len", train.seq_len.get() as u64),
            (
                "model.max_position_embeddings",
                model.max_position_embeddings as u64,
            ),
        )?;
        self.at_most(
            ("train.micro_batch_size", train.micro_batch_size() as u64),
            (
                "train.global_batch_size",
                train.global_batch_size.get() as u64,
            ),
        )?;
        match &run.tokenizer {
            TokenizerSource::From(_) => Ok(()),
            TokenizerSource::Train(config) => self.at_most(
                ("tokenizer.vocab_size", config.vocab_size as u64),
                ("model.vocab_size", model.vocab_size as u64),
            ),
        }
    }

    fn sources(&self, data: &DataSection) -> Result<(), RecipeError> {
        let origin = self.layers.origin_of("data.sources");
        let mut names = BTreeSet::new();
        for (index, source) in data.sources.iter().enumerate() {
            if !names.insert(source.name.as_str()) {
                return Err(RecipeError::DuplicateSource {
                    name: source.name.clone(),
                    origin,
                });
            }
            if let Some(weight) = source.weight {
                self.weight(&format!("data.sources.{index}.weight"), weight)?;
            }
        }
        let with = data.sources.iter().find(|source| source.weight.is_some());
        let without = data.sources.iter().find(|source| source.weight.is_none());
        if let (Some(with), Some(without)) = (with, without) {
            return Err(RecipeError::SomeWeights {
                with: with.name.clone(),
                without: without.name.clone(),
                origin,
            });
        }
        for name in &data.validation_sources {
            self.known(data, "data.validation_sources", name)?;
        }
        Ok(())
    }

    fn stages(&self, data: &DataSection) -> Result<(), RecipeError> {
        let mut before = 0;
        for (index, stage) in data.stages.iter().enumerate() {
            let key = format!("data.stages.{index}.from_step");
            let expected = match index {
                0 => "a step above 0: the sources' own weights count from the start".to_owned(),
                _ => format!("a step above {before}, where the stage before begins"),
            };
            self.holds(&key, stage.from_step > before, &expected, &stage.from_step)?;
            before = stage.from_step;
            let key = format!("data.stages.{index}.weights");
            self.holds(
                &key,
                !stage.weights.is_empty(),
                "at least one source",
                &"{}",
            )?;
            for (name, weight) in &stage.weights {
                self.known(data, &key, name)?;
                self.weight(&format!("{key}.{name}"), *weight)?;
            }
        }
        Ok(())
    }

    fn weight(&self, key: &str, weight: f64) -> Result<(), RecipeError> {
        let holds = weight.is_finite() && weight > 0.0;
        self.holds(key, holds, "a number above 0", &weight)
    }

    fn known(&self, data: &DataSection, key: &str, name: &str) -> Result<(), RecipeError> {
        let known = data.sources.iter().map(|source| source.name.clone());
        let known: Vec<String> = known.collect();
        if known.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(RecipeError::UnknownSource {
            key: key.to_owned(),
            origin: self.layers.origin_of(key),
            name: name.to_owned(),
            known,
        })
    }
}
