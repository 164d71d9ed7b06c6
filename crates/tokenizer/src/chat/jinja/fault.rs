//! Why a template could not be parsed or did not render.

/// What went wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::chat) struct Fault {
    /// From 1; 0 as long as it is not known.
    pub(in crate::chat) line: u32,
    pub(in crate::chat) kind: FaultKind,
}

/// What kind of thing went wrong.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::chat) enum FaultKind {
    /// Not Jinja.
    Syntax(String),
    /// Python raises too; these are its words, or close to them.
    Failed(String),
    /// Python would give a text that is not reproduced here.
    Unsupported(String),
    /// `raise_exception` was called.
    Raised(String),
    /// The rendering takes more than the conversation justifies.
    Limit(String),
}

/// The result of a step. Boxed, as faults are rare and values are everywhere.
pub(super) type Res<T> = Result<T, Box<Fault>>;

impl Fault {
    fn new(line: u32, kind: FaultKind) -> Box<Self> {
        Box::new(Self { line, kind })
    }

    pub(super) fn syntax(line: u32, reason: impl Into<String>) -> Box<Self> {
        Self::new(line, FaultKind::Syntax(reason.into()))
    }

    pub(super) fn limit(what: impl Into<String>) -> Box<Self> {
        Self::new(0, FaultKind::Limit(what.into()))
    }

    pub(super) fn raised(message: String) -> Box<Self> {
        Self::new(0, FaultKind::Raised(message))
    }

    /// The same fault with a line, unless it has one: the innermost place is the right one.
    pub(super) fn at(mut self: Box<Self>, line: u32) -> Box<Self> {
        if self.line == 0 {
            self.line = line;
        }
        self
    }
}

/// A failure that Python has too.
pub(super) fn failed<T>(reason: impl Into<String>) -> Res<T> {
    Err(Fault::new(0, FaultKind::Failed(reason.into())))
}

/// Something that works in Python and is not reproduced here; `what` is its name.
pub(super) fn unsupported<T>(what: impl AsRef<str>) -> Res<T> {
    Err(unsupported_fault(what))
}

/// The same without a result around it.
pub(super) fn unsupported_fault(what: impl AsRef<str>) -> Box<Fault> {
    let what = format!("{} is not supported", what.as_ref());
    Fault::new(0, FaultKind::Unsupported(what))
}
