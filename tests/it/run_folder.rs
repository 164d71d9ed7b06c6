//! The folder of a run as a test looks at it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jikji_checkpoint::{Discovery, discover};

/// Every file below a folder with its content.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The folder of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunDir {
    path: PathBuf,
}

impl RunDir {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn checkpoint(&self, step: u64) -> PathBuf {
        self.path.join(format!("checkpoints/step-{step:08}"))
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    pub(crate) fn discover(&self) -> Discovery {
        discover(&self.checkpoints())
    }

    /// The step of the newest checkpoint that verifies.
    pub(crate) fn newest_step(&self) -> Option<u64> {
        self.discover().newest.map(|newest| newest.step())
    }

    /// Steps in the metrics, also of a run that is still writing.
    pub(crate) fn steps_logged(&self) -> u64 {
        let text = fs::read_to_string(self.path("metrics.jsonl")).unwrap_or_default();
        text.lines()
            .filter(|line| line.contains(r#""kind":"step""#))
            .count() as u64
    }

    /// Whether a half checkpoint lies there, whoever wrote it.
    pub(crate) fn has_half_checkpoint(&self) -> bool {
        names(&self.checkpoints())
            .iter()
            .any(|name| name.contains(".tmp."))
    }

    /// Whether the process is writing a checkpoint now; a killed one's remains do not count.
    pub(crate) fn is_saving(&self, pid: u32) -> bool {
        let mark = format!(".tmp.{pid}.");
        names(&self.checkpoints())
            .iter()
            .any(|name| name.contains(&mark))
    }

    /// What must not depend on how often a run was interrupted.
    pub(crate) fn result(&self, step: u64) -> RunResult {
        let read = |path: PathBuf| {
            fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let checkpoint = self.checkpoint(step);
        RunResult {
            model: read(checkpoint.join("model.safetensors")),
            optimizer: read(checkpoint.join("optimizer.safetensors")),
            exported: read(self.path("export/model.safetensors")),
            metrics: String::from_utf8(read(self.path("metrics.jsonl"))).unwrap(),
            samples: files(&self.path("samples")),
        }
    }
}

/// What a run leaves that its recipe alone determines.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RunResult {
    model: Vec<u8>,
    optimizer: Vec<u8>,
    exported: Vec<u8>,
    metrics: String,
    samples: Files,
}

impl RunResult {
    /// Byte for byte; says which part differs.
    pub(crate) fn assert_same(&self, expected: &Self, case: &str) {
        similar_lines(&self.metrics, &expected.metrics, case);
        assert!(self.model == expected.model, "{case}: weights differ");
        assert!(
            self.optimizer == expected.optimizer,
            "{case}: moments differ"
        );
        assert!(self.exported == expected.exported, "{case}: exports differ");
        assert!(self.samples == expected.samples, "{case}: samples differ");
    }
}

fn similar_lines(got: &str, expected: &str, case: &str) {
    for (number, (got, expected)) in got.lines().zip(expected.lines()).enumerate() {
        assert_eq!(got, expected, "{case}: line {} of the metrics", number + 1);
    }
    assert_eq!(
        got.lines().count(),
        expected.lines().count(),
        "{case}: lines of the metrics"
    );
    assert!(got == expected, "{case}: the metrics end otherwise");
}

/// Names in a folder, sorted; none if it is not there.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// Every file below a folder, by its path from there.
pub(crate) fn files(dir: &Path) -> Files {
    let mut found = Files::new();
    for name in names(dir) {
        let path = dir.join(&name);
        if path.is_dir() {
            let below = files(&path).into_iter();
            found.extend(below.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

/// Copies a folder with all that is below it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}
