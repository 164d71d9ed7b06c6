//! A compiled template, and its rendering within limits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::conversation::{Conversation, Message, RenderOptions, normalized, text_bytes};
use super::error::ChatError;
use super::jinja::{self, Fault, FaultKind, Limits};
use super::stack::with_stack;
use crate::config_file::{ConversationFiles, Templates};

/// How a model's conversations become text; see the [module](super) for what is promised.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    /// For conversations without tools; nothing if a folder has none for them.
    default: Option<Compiled>,
    /// Used instead where a conversation has tools.
    tool_use: Option<Compiled>,
    /// Where the templates are named, and their names, if there are several.
    named: Option<(PathBuf, Vec<String>)>,
    /// `bos_token` and its kind, for the template to read.
    special_tokens: Map<String, Value>,
}

#[derive(Debug, Clone)]
struct Compiled {
    source: Arc<str>,
    template: Arc<jinja::Template>,
}

/// The longest template that is read, in bytes. Published ones stay below 100 KB.
const MAX_BYTES: usize = 1 << 20;

/// The steps, looks and bytes that a rendering may take.
///
/// One unit of fuel is one step or 64 bytes of what is made. Rendering a message takes 50 to 200
/// steps with the published templates that are known to us; a template that looks at every message
/// for every message still fits. A hostile one ends after about 0.1 s and 6 MB made for a short
/// conversation, and cannot make the conversation longer. A look takes some 50 ns.
fn limits(messages: usize, text_bytes: u64) -> Limits {
    let fuel = 100_000_u64
        .saturating_add((messages as u64).saturating_mul(4_000))
        .saturating_add(text_bytes);
    let output = text_bytes.saturating_mul(16).saturating_add(16 << 20);
    Limits {
        fuel,
        looks: fuel.saturating_mul(16),
        output: usize::try_from(output).unwrap_or(usize::MAX),
    }
}

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
    /// As transformers does: `chat_template.jinja` and the files of `additional_chat_templates/` go
    /// before `chat_template` of
    /// `tokenizer_config.json`, which is one template or a list of named ones. Of several, `default` is for conversations
    /// without tools and `tool_use` for those with.
    ///
    /// # Errors
    /// A file that cannot be read, several templates without a `default`, a template that is not
    /// Jinja or does something that is not supported.
    pub fn load(dir: &Path) -> Result<Option<Self>, ChatError> {
        let ConversationFiles {
            templates,
            special_tokens,
        } = ConversationFiles::read(dir)?;
        let (path, mut by_name) = match templates {
            None => return Ok(None),
            Some(Templates::One(source)) => {
                let mut template = Self::parse(&source)?;
                template.special_tokens = special_tokens;
                return Ok(Some(template));
            }
            Some(Templates::Named { path, by_name }) => (path, by_name),
        };
        let names: Vec<String> = by_name.keys().cloned().collect();
        let mut used = |name: &str| {
            let source = by_name.remove(name);
            source.as_deref().map(compile).transpose()
        };
        let template = Self {
            default: used("default")?,
            tool_use: used("tool_use")?,
            named: Some((path, names)),
            special_tokens,
        };
        if template.default.is_none() && template.tool_use.is_none() {
            return Err(template.no_default());
        }
        Ok(Some(template))
    }

    /// Compiles one template. Its variables of special tokens are undefined until
    /// [`with_special_token`](Self::with_special_token) gives them.
    ///
    /// # Errors
    /// A template that is not Jinja or does something that is not supported.
    pub fn parse(source: &str) -> Result<Self, ChatError> {
        Ok(Self {
            default: Some(compile(source)?),
            tool_use: None,
            named: None,
            special_tokens: Map::new(),
        })
    }

    fn no_default(&self) -> ChatError {
        let (path, names) = self.named.clone().unwrap_or_default();
        ChatError::NoDefault { path, names }
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
    /// Messages reach the template as transformers hands them over: fields that are null are left
    /// out, and `reasoning` and
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

    /// The source of the template which renders a conversation.
    pub(super) fn source(&self, has_tools: bool) -> &str {
        let compiled = self.compiled(has_tools);
        compiled.map_or("", |compiled| &*compiled.source)
    }

    pub(super) fn render_inputs(
        &self,
        inputs: &Inputs,
        options: &RenderOptions,
    ) -> Result<String, ChatError> {
        if inputs.messages.is_empty() {
            return Err(ChatError::NoMessage);
        }
        let limits = limits(inputs.messages.len(), inputs.text_bytes());
        let variables = self.variables(inputs, options);
        let compiled = self.compiled(inputs.tools.is_some());
        let template = &compiled.ok_or_else(|| self.no_default())?.template;
        // What the template made is freed on that thread too: freeing goes down by recursion.
        with_stack(|| jinja::run(template, &variables, limits, options.now))
            .map_err(|reason| ChatError::Engine { reason })?
            .map_err(|fault| chat_error(*fault))
    }

    fn compiled(&self, has_tools: bool) -> Option<&Compiled> {
        match &self.tool_use {
            Some(compiled) if has_tools => Some(compiled),
            _ => self.default.as_ref(),
        }
    }

    fn variables(&self, inputs: &Inputs, options: &RenderOptions) -> Map<String, Value> {
        let mut variables = self.special_tokens.clone();
        variables.insert("documents".to_owned(), Value::Null);
        let messages = inputs.messages.iter().cloned().map(Value::Object);
        variables.insert("messages".to_owned(), messages.collect());
        let tools = inputs.tools.clone().map_or(Value::Null, Value::Array);
        variables.insert("tools".to_owned(), tools);
        variables.insert(
            "add_generation_prompt".to_owned(),
            Value::Bool(options.add_generation_prompt),
        );
        variables.extend(inputs.extra.clone());
        variables
    }
}

fn compile(source: &str) -> Result<Compiled, ChatError> {
    if source.len() > MAX_BYTES {
        return Err(ChatError::TooLong {
            bytes: source.len(),
            limit: MAX_BYTES,
        });
    }
    let template = with_stack(|| jinja::parse(source))
        .map_err(|reason| ChatError::Engine { reason })?
        .map_err(|fault| chat_error(*fault))?;
    Ok(Compiled {
        source: source.into(),
        template: Arc::new(template),
    })
}

fn chat_error(fault: Fault) -> ChatError {
    let line = fault.line as usize;
    match fault.kind {
        FaultKind::Syntax(reason) => ChatError::Syntax { line, reason },
        FaultKind::Failed(reason) => ChatError::Render { line, reason },
        FaultKind::Unsupported(what) => ChatError::Unsupported { line, what },
        FaultKind::Raised(message) => ChatError::Raised { message },
        FaultKind::Limit(what) => ChatError::Limit { what },
    }
}
