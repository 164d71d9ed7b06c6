//! The engine as transformers sets Jinja up, and the limits within which a template runs.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior};

use super::{builtins, methods, python_text};
use crate::guard::guarded;

/// The name under which an environment holds its one template.
pub(super) const NAME: &str = "chat_template";

/// Filters of the engine that Jinja does not have; a template that relied on one would render here and nowhere else.
const FOREIGN_FILTERS: [&str; 5] = ["bool", "chain", "lines", "split", "zip"];

/// Filters that Jinja has and that mean something else in the engine.
const DIFFERENT_FILTERS: [&str; 2] = ["attr", "pprint"];

/// Tests that only the engine has.
const FOREIGN_TESTS: [&str; 2] = ["endingwith", "startingwith"];

/// Calls within calls, in the engine's measure: about 40 macros deep.
const RECURSION: usize = 160;

/// Stack of the thread that compiles and renders: ten times what the deepest template and value have been seen to take.
const STACK_BYTES: usize = 16 << 20;

/// Bytes of text that one unit of the engine's fuel pays for.
const BYTES_PER_FUEL: usize = 64;

/// The steps, and with them the memory, that a rendering may take.
///
/// One unit is one step of the engine or 64 bytes of text made. Rendering a message takes 50 to 200 steps with the published
/// templates that are known to us; a template that looks at every message for every message still fits. A hostile one ends
/// after about 0.1 s and 6 MB of text made for a short conversation, and cannot make the conversation longer.
pub(super) fn fuel(messages: usize, text_bytes: u64) -> u64 {
    100_000_u64
        .saturating_add((messages as u64).saturating_mul(4_000))
        .saturating_add(text_bytes)
}

/// The looks into lists and mappings that a rendering may take; see [`counted`](super::counted). A look takes some 50 ns.
pub(super) fn looks(fuel: u64) -> u64 {
    fuel.saturating_mul(16)
}

/// The longest text that a rendering may give, in bytes.
pub(super) fn output_limit(text_bytes: u64) -> usize {
    usize::try_from(text_bytes.saturating_mul(16).saturating_add(16 << 20)).unwrap_or(usize::MAX)
}

/// Runs `work` with a stack of a known size, whatever the caller's is. The error is the words of a panic of the engine.
pub(super) fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("chat-template".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || guarded(|| Ok::<T, String>(work())));
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("the engine's thread died".to_owned()),
            Err(error) => Err(format!("no thread for the engine: {error}")),
        }
    })
}

/// Takes the fuel for `bytes` of text that a function of ours is about to make.
pub(super) fn charge(state: &State, bytes: usize) -> Result<(), Error> {
    state.consume_fuel(bytes.div_ceil(BYTES_PER_FUEL) as u64)
}

/// An engine that holds the compiled `source` under [`NAME`].
pub(super) fn environment(source: String) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_recursion_limit(RECURSION);
    environment.set_debug(false);
    environment.set_unknown_method_callback(methods::call);
    environment.set_formatter(|out, _, value| {
        out.write_str(&python_text::str_of(value)?)
            .map_err(|_| Error::from(ErrorKind::WriteFailure))
    });
    for name in FOREIGN_FILTERS.into_iter().chain(DIFFERENT_FILTERS) {
        environment.remove_filter(name);
    }
    for name in FOREIGN_TESTS {
        environment.remove_test(name);
    }
    builtins::register(&mut environment);
    environment.add_template_owned(NAME, source)?;
    Ok(environment)
}
