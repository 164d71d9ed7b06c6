//! How far training is: a live line in a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use crate::console::{Console, ProgressMode};
use crate::display_width::display_width;
use crate::human_units::{human_duration, with_separators};

/// How often a plain line appears at most, apart from the first and the last.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

const BAR_COLUMNS: u64 = 16;

/// How much a line says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wording {
    Full,
    /// Fits 80 columns, of a run of up to 100,000 steps.
    Short,
}

/// What is shown of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProgressUpdate {
    /// Updates done.
    pub step: u64,
    /// Training loss, in nats per target.
    pub loss: f64,
    /// Tokens per second of the last step.
    pub tokens_per_second: f64,
    /// Share (0 to 1) of the machine's measured matrix rate, when that is known.
    pub matrix_share: Option<f64>,
}

/// Shows the progress of a run. The live line goes away when this is finished or dropped.
#[derive(Debug)]
pub struct Progress {
    console: Console,
    total_steps: u64,
    /// The first step that was shown, and when.
    first: Option<(u64, Instant)>,
    last_line: Option<Instant>,
}

impl Progress {
    /// Progress to `total_steps`, on a console that others share; its mode decides.
    pub fn on(console: &Console, total_steps: u64) -> Self {
        Self {
            console: console.clone(),
            total_steps,
            first: None,
            last_line: None,
        }
    }

    /// The console that shares stderr with this display.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Shows a finished step.
    pub fn update(&mut self, update: &ProgressUpdate) {
        let (first_step, since) = *self.first.get_or_insert((update.step, Instant::now()));
        let elapsed = since.elapsed().as_secs_f64();
        let left = seconds_left(update.step, first_step, self.total_steps, elapsed);
        let full = || line(update, self.total_steps, left, Wording::Full);
        match self.console.mode() {
            ProgressMode::Terminal => {
                let forms = [
                    format!("{} {}", bar(update.step, self.total_steps), full()),
                    full(),
                    line(update, self.total_steps, left, Wording::Short),
                ];
                self.console
                    .set_live(Some(widest_that_fits(&forms, Console::live_columns())));
            }
            ProgressMode::Plain => {
                let due = self
                    .last_line
                    .is_none_or(|last| last.elapsed() >= PLAIN_EVERY);
                if due || update.step >= self.total_steps {
                    self.console.say(full());
                    self.last_line = Some(Instant::now());
                }
            }
        }
    }

    /// Removes the live line.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.console.set_live(None);
    }
}

/// The last form, which the console cuts, when none fits.
fn widest_that_fits(forms: &[String; 3], columns: usize) -> &str {
    let [_, _, shortest] = forms;
    forms
        .iter()
        .find(|form| display_width(form) <= columns)
        .unwrap_or(shortest)
}

fn line(
    update: &ProgressUpdate,
    total_steps: u64,
    seconds_left: Option<f64>,
    wording: Wording,
) -> String {
    let ProgressUpdate {
        step,
        loss,
        tokens_per_second,
        matrix_share,
    } = *update;
    let width = total_steps.to_string().len();
    // Rounded down, so that 100 % means done.
    let tenths = (u128::from(step) * 1000)
        .checked_div(u128::from(total_steps))
        .unwrap_or(1000);
    let mut parts = vec![format!("step {step:>width$}/{total_steps}")];
    if wording == Wording::Full {
        parts.push(format!("{:>3}.{} %", tenths / 10, tenths % 10));
    }
    parts.push(format!("loss {loss:.3}"));
    parts.push(format!(
        "{} tokens/s",
        with_separators(tokens_per_second.round() as u64)
    ));
    if let Some(share) = matrix_share {
        let of = match wording {
            Wording::Full => "of the machine's matrix rate",
            Wording::Short => "matrix",
        };
        parts.push(format!("{:.0} % {of}", share * 100.0));
    }
    if let Some(seconds) = seconds_left.filter(|_| step < total_steps) {
        parts.push(format!("ETA {}", human_duration(seconds.round())));
    }
    parts.join("  ")
}

/// From the mean over everything since the first step was done, so that validation and saves are in it, and what comes before
/// any step (loading, the first validation) is not.
fn seconds_left(step: u64, first_step: u64, total_steps: u64, elapsed: f64) -> Option<f64> {
    let done = step.checked_sub(first_step).filter(|&done| done > 0)?;
    Some(elapsed / done as f64 * total_steps.saturating_sub(step) as f64)
}

fn bar(step: u64, total_steps: u64) -> String {
    let scaled = u128::from(step.min(total_steps)) * u128::from(BAR_COLUMNS);
    let filled = scaled
        .checked_div(u128::from(total_steps))
        .map_or(BAR_COLUMNS, |filled| filled as u64);
    (0..BAR_COLUMNS)
        .map(|column| if column < filled { '█' } else { '░' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64) -> ProgressUpdate {
        ProgressUpdate {
            step,
            loss: 3.214_15,
            tokens_per_second: 1203.4,
            matrix_share: Some(0.634),
        }
    }

    #[test]
    fn plain_line() {
        insta::assert_snapshot!(
            line(&at(120), 1000, Some(131.2), Wording::Full),
            @"step  120/1000   12.0 %  loss 3.214  1,203 tokens/s  63 % of the machine's matrix rate  ETA 2 min 11 s"
        );
        let unknown = ProgressUpdate {
            matrix_share: None,
            ..at(999)
        };
        insta::assert_snapshot!(line(&unknown, 1000, None, Wording::Full), @"step  999/1000   99.9 %  loss 3.214  1,203 tokens/s");
        insta::assert_snapshot!(
            line(&ProgressUpdate { loss: f64::NAN, tokens_per_second: f64::NAN, ..unknown }, 0, Some(1.0), Wording::Full),
            @"step 999/0  100.0 %  loss NaN  0 tokens/s"
        );
    }

    #[test]
    fn plain_mode_says_the_first_and_the_last_step() {
        let console = Console::in_memory();
        let mut progress = Progress::on(&console, 50);
        for step in 1..=50 {
            progress.update(&at(step));
        }
        progress.finish();
        let lines = console.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].starts_with("step  1/50") && lines[1].starts_with("step 50/50  100.0 %"),
            "{lines:?}"
        );
    }

    #[test]
    fn time_left_stays_on_a_line_of_eighty_columns() {
        let short = line(&at(12_000), 100_000, Some(131.2), Wording::Short);
        let forms = [format!("bar {}", "x".repeat(120)), "x".repeat(100), short];
        for (columns, form) in [(200, 0), (110, 1), (79, 2), (20, 2)] {
            assert_eq!(widest_that_fits(&forms, columns), forms[form], "{columns}");
        }
        assert!(
            display_width(&forms[2]) <= 79 && forms[2].ends_with("ETA 2 min 11 s"),
            "{}",
            forms[2]
        );
    }

    #[test]
    fn time_left_counts_only_this_process() {
        assert_eq!(seconds_left(110, 100, 200, 20.0), Some(180.0));
        assert_eq!(seconds_left(100, 100, 200, 20.0), None);
        assert_eq!(seconds_left(250, 100, 200, 20.0), Some(0.0));
    }

    #[test]
    fn bar_is_full_only_at_the_end() {
        assert_eq!(bar(0, 1000), "░".repeat(16));
        assert!(bar(999, 1000).ends_with('░'));
        assert_eq!(bar(1000, 1000), "█".repeat(16));
        assert_eq!(bar(u64::MAX, 1000), "█".repeat(16));
    }
}
