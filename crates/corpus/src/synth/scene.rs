//! Scenes: the document grammars, read from `grammar/*.txt`.
//!
//! A scene begins with `@topic name`. Then come `levels 해라 해요` or `speakers 해/해요` (one is drawn), `pick x = class`
//! (entries that stay for the document, distinct among themselves), `let n = expression`, `lines` (each beat on its own
//! line), and the beats: `- sentence`, `? sentence` (left out one time in four), `| alternative`, `* 3` followed by `|` lines
//! (three of them in random order), `/` (a new paragraph). In a scene with speakers a beat starts with `A:` or `B:`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::conjugate::Level;
use super::expression::Expression;
use super::lexicon::Lexicon;
use super::template::{Binding, Part, compile};
use super::topic::Topic;

const SOURCES: [&str; 7] = [
    include_str!("grammar/daily.txt"),
    include_str!("grammar/dialogue.txt"),
    include_str!("grammar/world.txt"),
    include_str!("grammar/trades.txt"),
    include_str!("grammar/reasoning.txt"),
    include_str!("grammar/reference.txt"),
    include_str!("grammar/english.txt"),
];

/// A value made when a document starts.
#[derive(Debug)]
pub(super) enum Setup {
    Pick { class: usize },
    Let(Expression),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurrence {
    Always,
    Sometimes,
    /// So many of the alternatives, in random order.
    Several(usize),
    ParagraphBreak,
}

#[derive(Debug)]
pub(super) struct Beat {
    pub(super) occurrence: Occurrence,
    pub(super) alternatives: Vec<Box<[Part]>>,
}

#[derive(Debug)]
pub(super) struct Scene {
    pub(super) levels: Vec<[Level; 2]>,
    /// Each value fills the slot of its position.
    pub(super) setup: Vec<Setup>,
    pub(super) beats: Vec<Beat>,
    pub(super) separator: char,
}

#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) lexicon: Lexicon,
    pub(super) scenes: BTreeMap<Topic, Vec<Scene>>,
}

impl Grammar {
    pub(super) fn get() -> &'static Self {
        static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
        GRAMMAR.get_or_init(|| {
            Self::built_in().expect("the built-in grammar compiles: a test reads all of it")
        })
    }

    /// Reads the built-in scenes; the error lists every line that does not compile.
    pub(super) fn built_in() -> Result<Self, String> {
        let lexicon = Lexicon::built_in()?;
        let mut scenes: BTreeMap<Topic, Vec<Scene>> = BTreeMap::new();
        let mut errors = Vec::new();
        let mut titles = BTreeSet::new();
        for source in SOURCES {
            let source = format!("\n{source}");
            for block in source.split("\n@").skip(1) {
                if !titles.insert(block.lines().next().unwrap_or_default().to_owned()) {
                    errors.push(format!("a second scene with the title of `@{block}`"));
                }
                let (topic, scene) = read_scene(block, &lexicon, &mut errors)?;
                scenes.entry(topic).or_default().push(scene);
            }
        }
        if errors.is_empty() {
            Ok(Self { lexicon, scenes })
        } else {
            Err(errors.join("\n"))
        }
    }
}

fn read_scene(
    block: &str,
    lexicon: &Lexicon,
    errors: &mut Vec<String>,
) -> Result<(Topic, Scene), String> {
    let mut lines = block
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let title = lines.next().unwrap_or_default();
    let (topic, name) = title
        .split_once(' ')
        .ok_or_else(|| format!("`@{title}` needs a topic and a name"))?;
    let topic = Topic::parse(topic).ok_or_else(|| format!("no topic `{topic}`"))?;
    let mut scene = Scene {
        levels: Vec::new(),
        setup: Vec::new(),
        beats: Vec::new(),
        separator: ' ',
    };
    let mut names: BTreeMap<String, Binding> = BTreeMap::new();
    for line in lines {
        if let Err(error) = read_line(line, &mut scene, &mut names, lexicon) {
            errors.push(format!("scene `{name}`: {error}"));
        }
    }
    if scene.levels.is_empty() {
        scene.levels.push([Level::Haera; 2]);
    }
    Ok((topic, scene))
}

fn read_line(
    line: &str,
    scene: &mut Scene,
    names: &mut BTreeMap<String, Binding>,
    lexicon: &Lexicon,
) -> Result<(), String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let level = |name: &str| Level::parse(name).ok_or_else(|| format!("no level `{name}`"));
    match word {
        "levels" => {
            for name in rest.split_whitespace() {
                scene.levels.push([level(name)?; 2]);
            }
        }
        "speakers" => {
            scene.separator = '\n';
            for pair in rest.split_whitespace() {
                let (a, b) = pair
                    .split_once('/')
                    .ok_or_else(|| format!("`{pair}` is no pair of levels"))?;
                scene.levels.push([level(a)?, level(b)?]);
            }
        }
        "lines" => scene.separator = '\n',
        "pick" => {
            for one in rest.split(',') {
                let (name, class) = one
                    .split_once('=')
                    .ok_or_else(|| format!("`{one}` picks nothing"))?;
                let class = lexicon
                    .class(class.trim())
                    .ok_or_else(|| format!("no class in `{one}`"))?;
                names.insert(name.trim().to_owned(), Binding::Entry(scene.setup.len()));
                scene.setup.push(Setup::Pick { class });
            }
        }
        "let" => {
            let (name, text) = rest
                .split_once('=')
                .ok_or_else(|| format!("`{line}` has no value"))?;
            let number = |name: &str| match names.get(name) {
                Some(Binding::Number(slot)) => Some(*slot),
                _ => None,
            };
            let expression = Expression::parse(text, &number)?;
            names.insert(name.trim().to_owned(), Binding::Number(scene.setup.len()));
            scene.setup.push(Setup::Let(expression));
        }
        "/" => scene.beats.push(Beat {
            occurrence: Occurrence::ParagraphBreak,
            alternatives: Vec::new(),
        }),
        "*" => {
            let count = rest
                .trim()
                .parse()
                .map_err(|_| format!("`{rest}` is no count"))?;
            scene.beats.push(Beat {
                occurrence: Occurrence::Several(count),
                alternatives: Vec::new(),
            });
        }
        "-" | "?" | "|" => {
            let sentence = read_sentence(rest, scene, names, lexicon)?;
            if word != "|" {
                let occurrence = if word == "-" {
                    Occurrence::Always
                } else {
                    Occurrence::Sometimes
                };
                scene.beats.push(Beat {
                    occurrence,
                    alternatives: Vec::new(),
                });
            }
            let beat = scene
                .beats
                .last_mut()
                .ok_or("an alternative before any beat")?;
            beat.alternatives.push(sentence);
        }
        other => return Err(format!("unknown line `{other}`")),
    }
    Ok(())
}

fn read_sentence(
    text: &str,
    scene: &Scene,
    names: &BTreeMap<String, Binding>,
    lexicon: &Lexicon,
) -> Result<Box<[Part]>, String> {
    let binding = |name: &str| names.get(name).copied();
    for (at, mark, who) in [(0, "A: ", "a"), (1, "B: ", "b")] {
        let Some(speech) = text.strip_prefix(mark) else {
            continue;
        };
        let Some(Binding::Entry(slot)) = binding(who) else {
            return Err(format!("no speaker `{who}`"));
        };
        let mut parts = vec![
            Part::Speaker(at),
            Part::Entry {
                slot,
                field: 0,
                ending: None,
            },
            Part::Text(": ".into()),
        ];
        parts.extend(compile(speech, lexicon, &binding)?);
        return Ok(parts.into());
    }
    debug_assert!(
        scene.separator == '\n' || !text.starts_with("A:"),
        "a speaker in a scene without speakers"
    );
    let parts = compile(text, lexicon, &binding)?;
    check_entries(&parts, scene, lexicon).map_err(|error| format!("{error} in `{text}`"))?;
    Ok(parts)
}

/// Fields and predicates of picked entries exist in every entry of their class.
fn check_entries(parts: &[Part], scene: &Scene, lexicon: &Lexicon) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Entry {
                slot,
                field,
                ending,
            } => {
                let Some(Setup::Pick { class }) = scene.setup.get(*slot) else {
                    continue;
                };
                for &entry in &lexicon.classes[*class] {
                    let fields = &lexicon.entries[entry as usize];
                    let found = fields
                        .get(*field)
                        .ok_or_else(|| format!("`{}` has no field {field}", fields[0].text))?;
                    if ending.is_some() && found.predicate.is_none() {
                        return Err(format!("`{}` has no known predicate", found.text));
                    }
                }
            }
            Part::Choice(options) => {
                for option in options {
                    check_entries(option, scene, lexicon)?;
                }
            }
            Part::Compare { branches, .. } => {
                for branch in branches.iter() {
                    check_entries(branch, scene, lexicon)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
