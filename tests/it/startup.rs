//! What a second run does not do again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::lab::Lab;
use crate::run_folder::files;

fn changed_at(dir: &Path) -> BTreeMap<String, SystemTime> {
    let of = |name: &String| fs::metadata(dir.join(name)).unwrap().modified().unwrap();
    files(dir)
        .keys()
        .map(|name| (name.clone(), of(name)))
        .collect()
}

#[test]
fn a_second_run_finds_the_shards_and_writes_none() {
    let lab = Lab::new();
    lab.jikji("train small.toml --set train.steps=2").succeeds();
    let shards = lab.path("shards/small");
    let before = changed_at(&shards);
    let kinds: Vec<&str> = before
        .keys()
        .filter_map(|name| name.split_once('-').map(|(kind, _)| kind))
        .collect();
    for kind in ["corpus", "tokenizer", "tokens"] {
        assert!(kinds.contains(&kind), "{before:?}");
    }
    let again = lab
        .jikji("train small.toml --fresh --set train.steps=3")
        .succeeds();
    assert!(!again.says(&["training the tokenizer"]), "{}", again.stderr);
    assert_eq!(changed_at(&shards), before);
}
