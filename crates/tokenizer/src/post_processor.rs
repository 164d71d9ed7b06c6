//! The ids that the post-processor of a `tokenizer.json` puts around a text, without the library.

use serde_json::Value;

/// What stands in front of a text and behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Around {
    pub(crate) before: Vec<u32>,
    pub(crate) behind: Vec<u32>,
}

impl Around {
    /// Reads the JSON of a post-processor; `None` if it does something else than add ids at both ends.
    pub(crate) fn of(post_processor: &Value) -> Option<Self> {
        if post_processor.is_null() {
            return Some(Self::default());
        }
        match post_processor["type"].as_str()? {
            // It moves offsets only.
            "ByteLevel" => Some(Self::default()),
            "Sequence" => {
                let mut all = Self::default();
                for processor in post_processor["processors"].as_array()? {
                    let Self { before, behind } = Self::of(processor)?;
                    all.before.splice(0..0, before);
                    all.behind.extend(behind);
                }
                Some(all)
            }
            // Each names a token as `[spelling, id]`.
            "BertProcessing" | "RobertaProcessing" => Some(Self {
                before: vec![id(&post_processor["cls"][1])?],
                behind: vec![id(&post_processor["sep"][1])?],
            }),
            "TemplateProcessing" => Self::of_template(post_processor),
            _ => None,
        }
    }

    fn of_template(template: &Value) -> Option<Self> {
        let mut sides = <[Vec<u32>; 2]>::default();
        let mut side = 0;
        for piece in template["single"].as_array()? {
            if let Some(token) = piece["SpecialToken"]["id"].as_str() {
                let ids = template["special_tokens"][token]["ids"].as_array()?;
                for value in ids {
                    sides.get_mut(side)?.push(id(value)?);
                }
            } else if piece["Sequence"]["id"] == "A" {
                side += 1;
            } else {
                return None;
            }
        }
        let [before, behind] = sides;
        (side == 1).then_some(Self { before, behind })
    }
}

fn id(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}
