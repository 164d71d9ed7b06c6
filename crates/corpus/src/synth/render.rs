//! Writes one document from a scene: draws its values, walks its beats, resolves particles and endings.

use super::conjugate::{Ending, Level, conjugate_into};
use super::hangul::{FinalSound, final_sound, josa};
use super::lexicon::{Field, Lexicon};
use super::rng::Rng;
use super::scene::{Beat, Occurrence, Scene, Setup};
use super::template::Part;

/// How often a class slot is drawn again to avoid an entry that the document has used.
const REDRAWS: usize = 12;

#[derive(Debug, Clone, Copy)]
enum Value {
    Number(i64),
    Entry(u32),
}

struct Renderer<'a> {
    lexicon: &'a Lexicon,
    rng: Rng,
    values: Vec<Value>,
    used: Vec<u32>,
    levels: [Level; 2],
    level: Level,
    articles: Vec<usize>,
    out: String,
}

/// The text of one document of `scene`.
pub(super) fn render(scene: &Scene, lexicon: &Lexicon, rng: Rng) -> String {
    let mut renderer = Renderer {
        lexicon,
        rng,
        values: Vec::with_capacity(scene.setup.len()),
        used: Vec::with_capacity(32),
        levels: [Level::Haera; 2],
        level: Level::Haera,
        articles: Vec::new(),
        out: String::with_capacity(2048),
    };
    renderer.levels = scene.levels[renderer.rng.below(scene.levels.len())];
    renderer.level = renderer.levels[0];
    for setup in &scene.setup {
        let value = renderer.value(setup);
        renderer.values.push(value);
    }
    let mut separator = None;
    for beat in &scene.beats {
        renderer.beat(beat, scene.separator, &mut separator);
    }
    renderer.finish_articles();
    renderer.out
}

impl Renderer<'_> {
    fn value(&mut self, setup: &Setup) -> Value {
        match setup {
            Setup::Pick { class } => Value::Entry(self.draw(*class)),
            Setup::Let(expression) => {
                let values = &self.values;
                let number = |slot: usize| match values.get(slot) {
                    Some(Value::Number(n)) => *n,
                    _ => 0,
                };
                Value::Number(expression.evaluate(&mut self.rng, &number))
            }
        }
    }

    /// An entry of `class` that differs from all that the document has used, as far as the class allows.
    fn draw(&mut self, class: usize) -> u32 {
        let entries = &self.lexicon.classes[class];
        let mut entry = entries[self.rng.below(entries.len())];
        for _ in 0..REDRAWS {
            if !self.used.contains(&entry) {
                break;
            }
            entry = entries[self.rng.below(entries.len())];
        }
        self.used.push(entry);
        entry
    }

    fn beat(&mut self, beat: &Beat, join: char, separator: &mut Option<char>) {
        match beat.occurrence {
            Occurrence::ParagraphBreak => {
                if separator.is_some() {
                    *separator = Some('\n');
                }
                return;
            }
            Occurrence::Sometimes if self.rng.below(4) == 0 => return,
            _ => {}
        }
        let wanted = match beat.occurrence {
            Occurrence::Several(count) => count.min(beat.alternatives.len()),
            _ => 1,
        };
        let mut order: Vec<usize> = (0..beat.alternatives.len()).collect();
        for at in 0..wanted {
            let other = at + self.rng.below(order.len() - at);
            order.swap(at, other);
            self.out.extend(*separator);
            *separator = Some(join);
            self.parts(&beat.alternatives[order[at]]);
        }
    }

    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            self.part(part);
        }
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text(text) => self.out.push_str(text),
            Part::Leveled(forms) => self.out.push_str(&forms[self.level as usize]),
            Part::Josa(particle) => {
                let form = josa(&self.out, *particle);
                self.out.push_str(form);
            }
            Part::Copula { closed, open } => {
                let forms =
                    if final_sound(&self.out).unwrap_or(FinalSound::Vowel) == FinalSound::Vowel {
                        open
                    } else {
                        closed
                    };
                self.out.push_str(&forms[self.level as usize]);
            }
            Part::Class {
                class,
                field,
                ending,
            } => {
                let entry = self.draw(*class);
                self.field(entry, *field, ending.as_deref());
            }
            Part::Entry {
                slot,
                field,
                ending,
            } => {
                if let Some(Value::Entry(entry)) = self.values.get(*slot).copied() {
                    self.field(entry, *field, ending.as_deref());
                }
            }
            Part::Number { slot, format } => {
                let n = self.number(*slot);
                format.write(&mut self.out, n);
            }
            Part::Choice(options) => {
                let chosen = self.rng.below(options.len());
                self.parts(&options[chosen]);
            }
            Part::Compare {
                left,
                op,
                right,
                branches,
            } => {
                let (left, right) = (self.number(*left), self.number(*right));
                let holds = match op {
                    b'>' => left > right,
                    b'<' => left < right,
                    _ => left == right,
                };
                self.parts(&branches[usize::from(!holds)]);
            }
            Part::Article { capital } => {
                self.out.push(if *capital { 'A' } else { 'a' });
                self.articles.push(self.out.len());
            }
            Part::Speaker(at) => self.level = self.levels[*at],
        }
    }

    fn number(&self, slot: usize) -> i64 {
        match self.values.get(slot) {
            Some(Value::Number(n)) => *n,
            _ => 0,
        }
    }

    fn field(&mut self, entry: u32, field: usize, ending: Option<&[Ending; 4]>) {
        let lexicon = self.lexicon;
        let Some(Field { text, predicate }) = lexicon.entries[entry as usize].get(field) else {
            return;
        };
        match (ending, predicate) {
            (Some(endings), Some(phrase)) => {
                self.out.push_str(&phrase.head);
                conjugate_into(
                    &mut self.out,
                    phrase.stem.predicate(),
                    &endings[self.level as usize],
                );
            }
            _ => self.out.push_str(text),
        }
    }

    /// `a` becomes `an` before a vowel letter; the lexicon has no word whose first letter misleads.
    fn finish_articles(&mut self) {
        while let Some(at) = self.articles.pop() {
            if self.out[at..]
                .trim_start()
                .starts_with(['a', 'e', 'i', 'o', 'u'])
            {
                self.out.insert(at, 'n');
            }
        }
    }
}
