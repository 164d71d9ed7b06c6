//! Settings that are legal but surprising: a run does what they say, and that may not be what was
//! meant.

use jikji_optim::Schedule;

use crate::RunConfig;

impl RunConfig {
    /// One sentence for each setting that is legal but surprising. The length of the run must be
    /// settled.
    pub fn warnings(&self) -> Vec<String> {
        let steps = self.train.total_steps();
        if steps == 0 {
            return Vec::new();
        }
        let mut warnings = Vec::new();
        warnings.extend(self.schedule_warning(steps));
        let intervals = [
            (
                "train.validate_every_steps",
                self.train.validate_every_steps,
                "validation runs before the first and after the last step only",
            ),
            (
                "checkpoint.every_steps",
                Some(self.checkpoint.every_steps),
                "only the last step is saved, and a crash costs the whole run",
            ),
            (
                "log.every_steps",
                Some(self.log.every_steps),
                "only the last step is logged",
            ),
            (
                "log.sample_every_steps",
                self.log.sample_every_steps,
                "the model is sampled before the first and after the last step only",
            ),
        ];
        for (key, every, outcome) in intervals {
            if let Some(every) = every.filter(|every| every.get() > steps) {
                warnings.push(format!(
                    "`{key}` = {every} is longer than the run of {steps} steps: {outcome}"
                ));
            }
        }
        for (index, stage) in self.data.stages.iter().enumerate() {
            if stage.from_step >= steps {
                warnings.push(format!(
                    "`data.stages.{index}` begins at step {}, but the run ends after {steps} steps: its weights are \
                     never used",
                    stage.from_step
                ));
            }
        }
        warnings
    }

    /// The warm-up may take every step: nothing of the shape after it is left.
    fn schedule_warning(&self, steps: u64) -> Option<String> {
        let schedule = &self.optimizer.schedule;
        if steps == 1 || schedule.warmup_steps(steps) < steps {
            return None;
        }
        let decay = match schedule {
            Schedule::Linear { final_ratio, .. } | Schedule::Cosine { final_ratio, .. } => {
                format!(", and no step is left for the decay to `final_ratio` = {final_ratio}")
            }
            Schedule::Constant { .. } | Schedule::Wsd { .. } => String::new(),
        };
        Some(format!(
            "the warm-up takes all {steps} steps of the run: the learning rate reaches its peak at the \
             last step only{decay}"
        ))
    }
}
