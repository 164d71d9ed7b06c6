//! Jinja as transformers runs it: the language of Jinja 3.1.6 over values of Python.
//!
//! transformers renders templates in Jinja's `ImmutableSandboxedEnvironment` with `trim_blocks`,
//! `lstrip_blocks`, the extension `loopcontrols`, a tag `generation` and functions of its own. This
//! module gives the same text byte for byte. Whatever it cannot reproduce is an error with a name
//! and a line, never another text.
//!
//! [`parse`] turns a source into an [`ast`], [`resolve`] binds each name to a slot by Jinja's own
//! rules of scope, and [`run`] walks the tree. Every step, every byte that is made and every look
//! into a value is paid for at the [`meter`].

#![expect(
    clippy::format_push_string,
    clippy::iter_not_returning_iterator,
    clippy::needless_for_each,
    clippy::option_option,
    clippy::single_match_else,
    clippy::struct_field_names,
    clippy::unnecessary_box_returns,
    clippy::unused_self,
    reason = "the names and the forms are those of Python and of Jinja's compiler"
)]

mod ast;
mod expression_parser;
mod lexer;
mod literal;
mod parser;
mod resolve;
mod symbols;
mod target_parser;

mod dict;
mod fault;
mod iterate;
mod meter;
mod value;

mod attributes;
mod call;
mod compare;
mod evaluate;
mod execute;
mod globals;
mod interpreter;
mod loops;
mod macros;
mod operators;
mod slice;

mod float_text;
mod format_spec;
mod json;
mod percent;
mod python_text;
mod str_format;
mod unicode;

mod container_methods;
mod filters;
mod predicates;
mod str_case;
mod str_methods;
mod str_split;

pub(super) use ast::Template;
pub(super) use fault::{Fault, FaultKind};
pub(super) use interpreter::{Limits, run};
pub(super) use parser::parse;
