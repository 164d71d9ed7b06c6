//! `jikji chat`, and the conversation that `generate --chat` shares with it.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::path::Path;

use jikji_eval::{EvalError, GenerateConfig, Generated, Generator, StopReason};
use jikji_interop::LoadedModel;
use jikji_ops::Precision;
use jikji_tokenizer::Tokenizer;
use jikji_tokenizer::chat::{ChatTemplate, Conversation, LocalTime, Message, RenderOptions};

use crate::arguments::{ChatArguments, SamplingArguments};
use crate::console;
use crate::exit;
use crate::failure::Failure;

pub(crate) fn run(arguments: &ChatArguments) -> Result<(), Failure> {
    let model = LoadedModel::load(&arguments.model, Precision::F32)?;
    let mut conversing = Conversing::with(&model, arguments.sampling.config(&model))?;
    arguments.sampling.warn_beyond_context(&model, 0);
    if let Some(system) = &arguments.system {
        conversing.hear("system", system);
    }
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|error| {
            Failure::new(exit::DATA, format!("failed to read a message: {error}"))
        })? == 0
        {
            return Ok(());
        }
        let line = match String::from_utf8(line) {
            Ok(line) => line,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                console::say(format!(
                    "the message is not UTF-8 at byte {at} and was not read: write it again"
                ));
                continue;
            }
        };
        let message = line.trim_end_matches(['\n', '\r']);
        if message.trim().is_empty() {
            continue;
        }
        if let Some(TooLong { len, limit }) = conversing.answer(message)? {
            console::say(format!(
                "the message was not read: with what the template writes it has {len} tokens, and the context has {limit}; \
                 write a shorter one"
            ));
        }
    }
}

impl SamplingArguments {
    /// Tells, too, what the model's folder asks for beside these.
    pub(super) fn config(&self, model: &LoadedModel) -> GenerateConfig {
        if !model.unapplied_settings.is_empty() {
            console::say(format!(
                "warning: not applied, though `generation_config.json` asks for it: {}",
                model.unapplied_settings.join(", ")
            ));
        }
        GenerateConfig {
            max_new_tokens: self.max_new_tokens.unwrap_or(MAX_NEW_TOKENS),
            temperature: self.temperature,
            top_p: self.top_p,
            seed: self.seed,
            stop_ids: model.stop_ids.clone(),
        }
    }

    /// More tokens were asked for than fit behind the prompt.
    pub(super) fn warn_beyond_context(&self, model: &LoadedModel, prompt_tokens: usize) {
        let context = model.decoder.config().max_position_embeddings;
        let room = context.saturating_sub(prompt_tokens);
        // A prompt that leaves no room is refused.
        if let Some(asked) = self
            .max_new_tokens
            .filter(|asked| *asked > room && room > 0)
        {
            console::say(format!(
                "warning: `--max-new-tokens {asked}` reaches beyond the model's context of {context} tokens: \
                 the text ends after {room} at the latest"
            ));
        }
    }
}

/// Of one text, where `--max-new-tokens` is not given.
const MAX_NEW_TOKENS: usize = 128;

/// Why a text ends in the middle.
pub(super) fn say_if_full(model: &LoadedModel, generated: &Generated) {
    if generated.stop == StopReason::ContextEnd {
        let context = model.decoder.config().max_position_embeddings;
        console::say(format!(
            "the text ends here: the model's context of {context} tokens is full"
        ));
    }
}

/// The template of a folder, where it has one; an error names the folder.
pub(super) fn load_template(dir: &Path) -> Result<Option<ChatTemplate>, Failure> {
    ChatTemplate::load(dir).map_err(|error| {
        let failure = Failure::from(error);
        Failure {
            message: format!("`{}`: {}", dir.display(), failure.message),
            ..failure
        }
    })
}

/// A model and what was said so far.
pub(super) struct Conversing<'a> {
    model: &'a LoadedModel,
    tokenizer: &'a Tokenizer,
    template: ChatTemplate,
    config: GenerateConfig,
    conversation: Conversation,
}

impl<'a> Conversing<'a> {
    pub(super) fn with(model: &'a LoadedModel, config: GenerateConfig) -> Result<Self, Failure> {
        let template = load_template(&model.dir)?.ok_or_else(|| {
            Failure::new(
                exit::MODEL,
                format!("`{}` has no chat template", model.dir.display()),
            )
            .with_hint(
                "add the chat_template.jinja that the model was trained with (`configs/chat` has those of published families), or use `jikji generate --prompt` without `--chat`",
            )
        })?;
        Ok(Self {
            model,
            tokenizer: model.require_tokenizer()?,
            template,
            config,
            conversation: Conversation::default(),
        })
    }

    fn hear(&mut self, role: &str, content: &str) {
        let fields = [("role", role), ("content", content)];
        let message: Message = fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        self.conversation.messages.push(message);
    }

    /// Adds a user's message, prints the model's answer as it comes, and adds that too. A message that does not fit into the
    /// context by itself is dropped and returned as such.
    pub(super) fn answer(&mut self, message: &str) -> Result<Option<TooLong>, Failure> {
        self.hear("user", message);
        let prompt = match self.prompt()? {
            Ok(prompt) => prompt,
            Err(too_long) => {
                self.conversation.messages.pop();
                return Ok(Some(too_long));
            }
        };
        let written = Generator::of(self.model).continue_text(
            self.tokenizer,
            &prompt,
            &self.config,
            |piece| {
                console::piece(piece);
                ControlFlow::Continue(())
            },
        )?;
        console::data("");
        say_if_full(self.model, &written.generated);
        self.hear("assistant", &written.text);
        Ok(None)
    }

    /// The ids of the conversation, without its oldest turns where those leave too little room for an answer. Messages of the
    /// system stay.
    fn prompt(&mut self) -> Result<Result<Vec<u32>, TooLong>, Failure> {
        let limit = self.model.decoder.config().max_position_embeddings;
        let room = self.config.max_new_tokens.clamp(1, (limit / 4).max(1));
        let options = RenderOptions {
            add_generation_prompt: true,
            now: local_time(),
            ..RenderOptions::default()
        };
        loop {
            let ids =
                self.tokenizer
                    .encode_conversation(&self.template, &self.conversation, &options)?;
            let len = ids.len();
            if len + room <= limit || !self.drop_oldest_turn(limit) {
                let fits = len < limit;
                return Ok(if fits {
                    Ok(ids)
                } else {
                    Err(TooLong { len, limit })
                });
            }
        }
    }

    /// Forgets the oldest message that is not the system's, and its answer; says so. The last message stays.
    fn drop_oldest_turn(&mut self, limit: usize) -> bool {
        let messages = &mut self.conversation.messages;
        let role = |message: &Message| {
            message
                .get("role")
                .and_then(|role| role.as_str().map(str::to_owned))
        };
        let is = |message: &Message, name: &str| role(message).as_deref() == Some(name);
        let Some(first) = messages.iter().position(|message| !is(message, "system")) else {
            return false;
        };
        let next = messages[first + 1..]
            .iter()
            .position(|message| is(message, "user"));
        let Some(next) = next.map(|at| first + 1 + at) else {
            return false;
        };
        let dropped: Vec<Message> = messages.drain(first..next).collect();
        let text = dropped.first().and_then(|message| message.get("content"));
        let start: String = text
            .and_then(|text| text.as_str())
            .unwrap_or_default()
            .chars()
            .take(SHOWN_CHARS)
            .collect();
        console::say(format!(
            "the context of {limit} tokens is full: the oldest {} messages are dropped, from `{start}` on",
            dropped.len()
        ));
        true
    }
}

/// Of a message that is dropped.
const SHOWN_CHARS: usize = 30;

/// A message that does not fit into the context.
pub(super) struct TooLong {
    len: usize,
    limit: usize,
}

impl From<TooLong> for EvalError {
    fn from(TooLong { len, limit }: TooLong) -> Self {
        Self::PromptTooLong { len, limit }
    }
}

/// The clock on the wall, as Python's `datetime.now` gives it to a template.
fn local_time() -> Option<LocalTime> {
    let wall = chrono::Local::now().naive_local();
    LocalTime::from_unix_seconds(wall.and_utc().timestamp())
}
