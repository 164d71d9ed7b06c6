//! One trainer a folder.

use super::wait_until;
use crate::lab::Lab;

#[test]
fn a_second_trainer_is_refused_by_name_and_a_dead_one_s_lock_is_replaced() {
    let lab = Lab::new();
    let run = lab.run();
    let mut first = lab.jikji("train small.toml").fault("sleep=20").starts();
    assert!(wait_until(&mut first, || run.steps_logged() > 0));
    let pid = first.pid().to_string();
    for arguments in ["train small.toml --resume", "train small.toml --fresh"] {
        let ended = lab.jikji(arguments).fails(5);
        assert!(
            ended
                .error()
                .contains(&format!("in use by process {pid} on host `")),
            "{}",
            ended.error()
        );
        assert!(ended.error().contains("\nhint: "), "{}", ended.error());
    }
    first.signal("KILL");
    first.ends();
    let ended = lab
        .jikji("train small.toml --resume --set train.steps=6")
        .succeeds();
    let words = [
        "warning: replaced the lock of process",
        &pid,
        "which is gone",
    ];
    assert!(ended.says(&words), "{}", ended.stderr);
    assert!(!run.path("lock").exists(), "it is given back");
}
