//! A compiled template, and its rendering within limits.

use std::error::Error as _;
use std::io;
use std::path::Path;

use minijinja::{Environment, Error, ErrorKind, Value as JinjaValue};
use serde_json::{Map, Value};

use super::builtins::Raised;
use super::clock::LocalTime;
use super::conversation::{
    Conversation, Message, RenderOptions, map_to_jinja, normalized, text_bytes, to_jinja,
};
use super::counted::{Exhausted, counted_input, within};
use super::environment::{NAME, environment, fuel, looks, output_limit, with_stack};
use super::error::ChatError;
use super::python_text::unsupported;
use super::source;
use crate::config_file::{ConversationFiles, Templates};

/// How a model's conversations become text; see the [module](super) for what is promised.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    default: Environment<'static>,
    /// Used instead where a conversation has tools.
    tool_use: Option<Environment<'static>>,
    /// `bos_token` and its kind, for the template to read.
    special_tokens: Map<String, Value>,
}

/// The longest pattern of `strftime_now`: a directive may make ten bytes of one.
const MAX_TIME_PATTERN_BYTES: usize = 1024;

/// What a rendering reads, prepared once.
#[derive(Clone)]
pub(super) struct Inputs {
    pub(super) messages: Vec<Message>,
    pub(super) tools: Option<Vec<Value>>,
    pub(super) extra: Map<String, Value>,
}

impl Inputs {
    pub(super) fn new(conversation: &Conversation, options: &RenderOptions) -> Self {
        Self {
            messages: conversation.messages.iter().map(normalized).collect(),
            tools: conversation.tools.clone(),
            extra: options.extra.clone(),
        }
    }

    fn text_bytes(&self) -> u64 {
        let tools = self.tools.iter().flatten().map(text_bytes);
        let extra = self.extra.values().map(text_bytes);
        let messages = self.messages.iter().flat_map(|message| message.values());
        tools.chain(extra).chain(messages.map(text_bytes)).sum()
    }
}

impl ChatTemplate {
    /// Reads the template of a model folder; `None` if it has none.
    ///
    /// As transformers does: `chat_template.jinja` and the files of `additional_chat_templates/` go before `chat_template` of
    /// `tokenizer_config.json`, which is one template or a list of named ones. Of several, `default` is for conversations
    /// without tools and `tool_use` for those with.
    ///
    /// # Errors
    /// A file that cannot be read, several templates without a `default`, a template that is not Jinja or does something
    /// that is not supported.
    pub fn load(dir: &Path) -> Result<Option<Self>, ChatError> {
        let ConversationFiles {
            templates,
            special_tokens,
        } = ConversationFiles::read(dir)?;
        let (default, tool_use) = match templates {
            None => return Ok(None),
            Some(Templates::One(source)) => (source, None),
            Some(Templates::Named { path, mut by_name }) => {
                let names = by_name.keys().cloned().collect();
                let default = by_name.remove("default");
                let default = default.ok_or(ChatError::NoDefault { path, names })?;
                (default, by_name.remove("tool_use"))
            }
        };
        let mut template = Self::parse(&default)?;
        template.tool_use = tool_use.as_deref().map(compile).transpose()?;
        template.special_tokens = special_tokens;
        Ok(Some(template))
    }

    /// Compiles one template. Its variables of special tokens are undefined until
    /// [`with_special_token`](Self::with_special_token) gives them.
    ///
    /// # Errors
    /// A template that is not Jinja or does something that is not supported.
    pub fn parse(source: &str) -> Result<Self, ChatError> {
        Ok(Self {
            default: compile(source)?,
            tool_use: None,
            special_tokens: Map::new(),
        })
    }

    /// The same template with a variable such as `bos_token`.
    #[must_use]
    pub fn with_special_token(mut self, name: &str, token: &str) -> Self {
        self.special_tokens
            .insert(name.to_owned(), Value::from(token));
        self
    }

    /// The text of a conversation.
    ///
    /// Messages reach the template as transformers hands them over: fields that are null are left out, and `reasoning` and
    /// `thinking` are also found under `reasoning_content`.
    ///
    /// # Errors
    /// A template that refuses the conversation, fails on it, or does not end within the limits.
    pub fn render(
        &self,
        conversation: &Conversation,
        options: &RenderOptions,
    ) -> Result<String, ChatError> {
        self.render_inputs(&Inputs::new(conversation, options), options)
    }

    /// The template which renders a conversation, as it was compiled.
    pub(super) fn source(&self, has_tools: bool) -> String {
        let template = self.environment(has_tools).get_template(NAME);
        template.map_or_else(|_| String::new(), |template| template.source().to_owned())
    }

    pub(super) fn render_inputs(
        &self,
        inputs: &Inputs,
        options: &RenderOptions,
    ) -> Result<String, ChatError> {
        if inputs.messages.is_empty() {
            return Err(ChatError::NoMessage);
        }
        let text_bytes = inputs.text_bytes();
        let fuel = fuel(inputs.messages.len(), text_bytes);
        let mut environment = self.environment(inputs.tools.is_some()).clone();
        environment.set_fuel(Some(fuel));
        let now = options.now;
        environment.add_function("strftime_now", move |pattern: &str| {
            if pattern.len() > MAX_TIME_PATTERN_BYTES {
                return Err(unsupported(
                    "a pattern of `strftime_now` of more than 1024 bytes",
                ));
            }
            let time = now
                .or_else(LocalTime::now)
                .ok_or_else(|| unsupported("a clock outside of the years 1970 to 9999"))?;
            time.format(pattern)
                .map_err(|directive| unsupported(&format!("`strftime_now` with `{directive}`")))
        });

        let mut writer = BoundedWriter {
            bytes: Vec::new(),
            limit: output_limit(text_bytes),
            exceeded: false,
        };
        let variables = self.variables(inputs, options);
        // Everything that the template made is dropped on that thread too: freeing goes down by recursion.
        let result = with_stack(|| {
            let result = within(looks(fuel), || {
                let template = environment.get_template(NAME)?;
                let captured = template.render_captured_to(variables, &mut writer);
                captured.map(drop)
            });
            drop(environment);
            match result {
                Ok(result) => result.map_err(|error| run_error(error, fuel)),
                Err(Exhausted) => Err(ChatError::Limit {
                    what: format!("`{}` looks into lists and mappings", looks(fuel)),
                }),
            }
        });
        let result = result.map_err(|reason| ChatError::Engine { reason })?;
        if writer.exceeded {
            return Err(ChatError::Limit {
                what: format!("`{}` bytes of text", writer.limit),
            });
        }
        result?;
        String::from_utf8(writer.bytes).map_err(|_| ChatError::Limit {
            what: "text that is UTF-8".to_owned(),
        })
    }

    fn environment(&self, has_tools: bool) -> &Environment<'static> {
        match &self.tool_use {
            Some(environment) if has_tools => environment,
            _ => &self.default,
        }
    }

    fn variables(&self, inputs: &Inputs, options: &RenderOptions) -> JinjaValue {
        let mut variables = self.special_tokens.clone();
        variables.insert("documents".to_owned(), Value::Null);
        for (name, value) in &inputs.extra {
            variables.insert(name.clone(), value.clone());
        }
        let mut pairs: Vec<(String, JinjaValue)> = Vec::new();
        let messages = inputs.messages.iter().map(map_to_jinja).collect::<Vec<_>>();
        pairs.push(("messages".to_owned(), JinjaValue::from(messages)));
        let tools = inputs.tools.as_ref();
        let tools = tools.map(|tools| tools.iter().map(to_jinja).collect::<Vec<_>>());
        pairs.push((
            "tools".to_owned(),
            tools.map_or_else(|| JinjaValue::from(()), JinjaValue::from),
        ));
        pairs.push((
            "add_generation_prompt".to_owned(),
            JinjaValue::from(options.add_generation_prompt),
        ));
        pairs.extend(
            variables
                .iter()
                .map(|(name, value)| (name.clone(), to_jinja(value))),
        );
        JinjaValue::from_pairs(
            pairs
                .into_iter()
                .map(|(name, value)| (name, counted_input(value))),
        )
    }
}

fn compile(source: &str) -> Result<Environment<'static>, ChatError> {
    let prepared = source::prepare(source)?;
    with_stack(|| environment(prepared))
        .map_err(|reason| ChatError::Engine { reason })?
        .map_err(|error| ChatError::Syntax {
            line: error.line().unwrap_or(1),
            reason: words(&error),
        })
}

/// The engine's error in our words: an exception of the template, a limit, or a failure.
fn run_error(error: Error, fuel: u64) -> ChatError {
    let mut source = error.source();
    let mut innermost = &error;
    while let Some(inner) = source {
        if let Some(Raised(message)) = inner.downcast_ref::<Raised>() {
            return ChatError::Raised {
                message: message.clone(),
            };
        }
        if let Some(inner) = inner.downcast_ref::<Error>() {
            innermost = inner;
        }
        source = inner.source();
    }
    if innermost.kind() == ErrorKind::OutOfFuel {
        return ChatError::Limit {
            what: format!("`{fuel}` steps"),
        };
    }
    ChatError::Render {
        line: innermost.line().or(error.line()).unwrap_or(0),
        reason: words(innermost),
        source: error,
    }
}

/// What went wrong, without the place.
fn words(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

struct BoundedWriter {
    bytes: Vec<u8>,
    limit: usize,
    exceeded: bool,
}

impl io::Write for BoundedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            self.exceeded = true;
            return Err(io::Error::other("the text is too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
