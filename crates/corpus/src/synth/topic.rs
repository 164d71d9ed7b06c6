//! The topics of generated documents.

/// The subject or the style of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Home, neighbourhood, shopping, family.
    EverydayLife,
    /// Forecasts and everyday weather.
    Weather,
    /// Classes, offices, projects, meetings.
    SchoolWork,
    /// Trips and getting around.
    Travel,
    /// Cooking, eating out, recipes.
    Food,
    /// Explanations of animals, plants and phenomena.
    Nature,
    /// Dialogues; the speech levels depend on the relation of the speakers.
    Dialogue,
    /// First person, plain style.
    Diary,
    /// In the style of local news.
    News,
    /// In the style of rules and contracts.
    Law,
    /// In the style of charts, leaflets and medical advice.
    Medicine,
    /// In the style of notices, products and market summaries.
    Finance,
    /// Word problems with solutions.
    Arithmetic,
    /// Ordering and small deductions.
    Comparison,
    /// Definitions of words.
    Definition,
    /// Lists and short instructions.
    List,
    /// Short English paragraphs.
    English,
    /// Korean mixed with English words, or next to English.
    Mixed,
}

impl Topic {
    /// All topics, in the order of their definition.
    pub const ALL: [Self; 18] = [
        Self::EverydayLife,
        Self::Weather,
        Self::SchoolWork,
        Self::Travel,
        Self::Food,
        Self::Nature,
        Self::Dialogue,
        Self::Diary,
        Self::News,
        Self::Law,
        Self::Medicine,
        Self::Finance,
        Self::Arithmetic,
        Self::Comparison,
        Self::Definition,
        Self::List,
        Self::English,
        Self::Mixed,
    ];

    /// The kebab-case name for the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EverydayLife => "everyday-life",
            Self::Weather => "weather",
            Self::SchoolWork => "school-work",
            Self::Travel => "travel",
            Self::Food => "food",
            Self::Nature => "nature",
            Self::Dialogue => "dialogue",
            Self::Diary => "diary",
            Self::News => "news",
            Self::Law => "law",
            Self::Medicine => "medicine",
            Self::Finance => "finance",
            Self::Arithmetic => "arithmetic",
            Self::Comparison => "comparison",
            Self::Definition => "definition",
            Self::List => "list",
            Self::English => "english",
            Self::Mixed => "mixed",
        }
    }

    /// The topic with this name; `None` if there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_topic() {
        for topic in Topic::ALL {
            assert_eq!(Topic::parse(topic.name()), Some(topic));
        }
        assert_eq!(Topic::parse("Weather"), None);
    }
}
