//! A temporary folder with some text, a recipe for a very small model, and the binary that works in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::run_folder::RunDir;

/// The binary under test.
pub(crate) const JIKJI: &str = env!("CARGO_BIN_EXE_jikji");

/// A recipe of 107 thousand parameters and 40 steps, saved every 5.
const RECIPE: &str = r#"
[data]
path = "text"
license = "CC0-1.0"
validation_fraction = 0.2

[tokenizer]
vocab_size = 512

[model]
model_type = "exaone4"
vocab_size = 512
hidden_size = 64
intermediate_size = 128
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
head_dim = 16
max_position_embeddings = 128
rms_norm_eps = 1e-5
rope_theta = 1e4
sliding_window = 16
sliding_window_pattern = "LG"
tie_word_embeddings = true

[optimizer]
learning_rate = 3e-3
betas = [0.9, 0.95]
weight_decay = 0.1
max_grad_norm = 1.0

[optimizer.schedule]
type = "constant"
warmup_steps = 2

[train]
steps = 40
seq_len = 64
global_batch_size = 4
validate_every_steps = 10
validation_tokens = 1024

[checkpoint]
every_steps = 5

[log]
prompts = ["오늘"]
sample_tokens = 4
"#;

/// Files of the shipped text that a lab copies.
const TEXTS: [&str; 12] = [
    "general/dialogue-001.txt",
    "general/dialogue-002.txt",
    "general/dialogue-003.txt",
    "general/dialogue-004.txt",
    "general/dialogue-005.txt",
    "general/dialogue-006.txt",
    "domains/law-001.txt",
    "domains/law-002.txt",
    "domains/law-003.txt",
    "domains/law-004.txt",
    "domains/law-005.txt",
    "domains/law-006.txt",
];

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder to work in.
pub(crate) struct Lab {
    dir: TempDir,
}

impl Lab {
    /// With `text/` and the small recipe as `small.toml`, whose run is `runs/small`.
    pub(crate) fn new() -> Self {
        let lab = Self::empty();
        fs::create_dir(lab.path("text")).unwrap();
        for text in TEXTS {
            let name = text.replace('/', "-");
            fs::copy(
                repository().join("data/korean").join(text),
                lab.path("text").join(name),
            )
            .unwrap();
        }
        lab.write("small.toml", RECIPE);
        lab
    }

    /// With nothing.
    pub(crate) fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// With what the repository's recipes need, by links.
    pub(crate) fn repository() -> Self {
        let lab = Self::empty();
        for name in ["recipes", "configs", "data"] {
            let target = repository().canonicalize().unwrap().join(name);
            std::os::unix::fs::symlink(target, lab.path(name)).unwrap();
        }
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// The small recipe with a piece of it replaced.
    pub(crate) fn recipe_with(&self, from: &str, to: &str) {
        assert!(RECIPE.contains(from), "the recipe has no `{from}`");
        self.write("small.toml", RECIPE.replace(from, to));
    }

    /// The small recipe without its tables `[model]` and `[tokenizer]`, for runs that start from a folder.
    pub(crate) fn write_recipe_without_model(&self) {
        let cut = |recipe: String, table: &str, next: &str| {
            let (front, rest) = recipe.split_once(table).unwrap();
            let (_, back) = rest.split_once(next).unwrap();
            format!("{front}{next}{back}")
        };
        let recipe = cut(RECIPE.to_owned(), "[tokenizer]", "[model]");
        self.write("small.toml", cut(recipe, "[model]", "[optimizer]"));
    }

    /// The run of the small recipe.
    pub(crate) fn run(&self) -> RunDir {
        RunDir::new(self.path("runs/small"))
    }

    /// The binary in this folder. Arguments are separated by blanks.
    pub(crate) fn jikji(&self, arguments: &str) -> Jikji {
        self.jikji_args(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn jikji_args(&self, arguments: &[&str]) -> Jikji {
        let mut command = Command::new(JIKJI);
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .env_remove("JIKJI_FAULT")
            .env_remove("JIKJI_FAULT_UNDER")
            .env_remove("JIKJI_FAULT_FILE")
            .env("NO_COLOR", "1");
        Jikji { command }
    }

    /// The temporary folder's name taken out of a text.
    pub(crate) fn redact(&self, text: &str) -> String {
        let real = self.dir.path().canonicalize().unwrap();
        let text = text.replace(&real.display().to_string(), "[lab]");
        text.replace(&self.dir.path().display().to_string(), "[lab]")
    }
}

/// One call of the binary, not yet made.
pub(crate) struct Jikji {
    command: Command,
}

impl Jikji {
    /// With faults, see the table in `jikji_checkpoint::durable::fault`.
    pub(crate) fn fault(mut self, fault: &str) -> Self {
        self.command.env("JIKJI_FAULT", fault);
        // A run writes other files too; only its checkpoints are to fail.
        self.command.env("JIKJI_FAULT_UNDER", "checkpoints");
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// With the content of a file of the lab as its input.
    pub(crate) fn reads(mut self, path: &Path) -> Self {
        self.command.stdin(fs::File::open(path).unwrap());
        self
    }

    /// To its end.
    pub(crate) fn ends(mut self) -> Ended {
        Ended::of(self.command.output().unwrap())
    }

    /// To its good end.
    pub(crate) fn succeeds(self) -> Ended {
        let ended = self.ends();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }

    /// To an end with this exit code and a message.
    pub(crate) fn fails(self, code: i32) -> Ended {
        let ended = self.ends();
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("error: "),
            "no message:\n{}",
            ended.stderr
        );
        ended
    }

    /// In the background.
    pub(crate) fn starts(mut self) -> Running {
        let child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running { child }
    }
}

/// What a call came to. No call may panic, whatever its exit code.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    fn of(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        let ended = Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        ended
    }

    /// The error message with its hint: all from `error: ` on.
    pub(crate) fn error(&self) -> &str {
        let start = self.stderr.find("error: ").expect("there is a message");
        self.stderr[start..].trim_end()
    }

    /// Whether a line of the talk has all these words.
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        let mut lines = self.stderr.lines();
        lines.any(|line| words.iter().all(|word| line.contains(word)))
    }
}

/// A call in the background; killed when dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status();
        assert!(status.unwrap().success(), "kill -{name}");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) fn ends(mut self) -> Ended {
        use std::io::Read;
        let (mut out, mut err) = (
            self.child.stdout.take().unwrap(),
            self.child.stderr.take().unwrap(),
        );
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            out.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let mut stderr = Vec::new();
        err.read_to_end(&mut stderr).unwrap();
        let stdout = reader.join().unwrap();
        let status = self.child.wait().unwrap();
        Ended::of(std::process::Output {
            status,
            stdout,
            stderr,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
