//! `jikji chat`, and the conversation that `generate --chat` shares with it.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::path::Path;

use jikji_eval::{GenerateConfig, Generator};
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
    if let Some(system) = &arguments.system {
        conversing.hear("system", system);
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| {
            Failure::new(exit::DATA, format!("failed to read a message: {error}"))
                .with_hint("messages are lines of UTF-8 text")
        })?;
        if !line.trim().is_empty() {
            conversing.answer(&line)?;
        }
    }
    Ok(())
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
            max_new_tokens: self.max_new_tokens,
            temperature: self.temperature,
            top_p: self.top_p,
            seed: self.seed,
            stop_ids: model.stop_ids.clone(),
        }
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
                "add chat_template.jinja (`configs/chat` has some), or use `jikji generate --prompt` without `--chat`",
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

    /// Hears a user's message, prints the model's as it comes, and remembers both.
    pub(super) fn answer(&mut self, message: &str) -> Result<(), Failure> {
        self.hear("user", message);
        let options = RenderOptions {
            add_generation_prompt: true,
            now: local_time(),
            ..RenderOptions::default()
        };
        let prompt =
            self.tokenizer
                .encode_conversation(&self.template, &self.conversation, &options)?;
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
        self.hear("assistant", &written.text);
        Ok(())
    }
}

/// The clock on the wall, as Python's `datetime.now` gives it to a template.
fn local_time() -> Option<LocalTime> {
    let wall = chrono::Local::now().naive_local();
    LocalTime::from_unix_seconds(wall.and_utc().timestamp())
}
