//! A run whose learning rate is far too high: it warns once, with the step and the way out.

use crate::lab::Lab;

#[test]
fn a_run_that_diverges_warns_once_and_goes_on() {
    let lab = Lab::new();
    let run = |rate: &str| {
        let command = format!(
            "train small.toml --set train.steps=12 --set optimizer.learning_rate={rate} --set run.output=runs/{rate}"
        );
        lab.jikji(&command).succeeds().stderr
    };
    let warnings = |stderr: &str| stderr.matches("the run may be diverging").count();
    assert_eq!(warnings(&run("0.003")), 0);
    let stderr = run("30");
    assert_eq!(warnings(&stderr), 1, "{stderr}");
    let warning = stderr
        .lines()
        .find(|line| line.contains("diverging"))
        .unwrap();
    assert!(warning.starts_with("warning: step "), "{warning}");
    for way_out in [
        "`optimizer.learning_rate` (now 30)",
        "`optimizer.schedule.warmup_steps`",
        "`--fresh`",
    ] {
        assert!(stderr.contains(way_out), "{stderr}");
    }
    assert_eq!(warnings(&run("30.0")), 1, "equal runs warn alike");
}
