//! The topics a caller can ask for.

/// What a document is about, or in which manner it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Home, neighbourhood, shopping, family.
    EverydayLife,
    /// Forecasts and weather felt.
    Weather,
    /// Classes, offices, projects, meetings.
    SchoolWork,
    /// Trips and getting around.
    Travel,
    /// Cooking, eating out, recipes.
    Food,
    /// Explanations of animals, plants and phenomena.
    Nature,
    /// Two speakers, each at the level the relation asks for.
    Dialogue,
    /// First person, plain style.
    Diary,
    /// In the manner of local news.
    News,
    /// In the manner of rules and contracts.
    Law,
    /// In the manner of charts, leaflets and advice.
    Medicine,
    /// In the manner of notices, products and market summaries.
    Finance,
    /// Word problems with their solution.
    Arithmetic,
    /// Ordering and small deductions.
    Comparison,
    /// What a word means.
    Definition,
    /// Lists and short instructions.
    List,
    /// Short English paragraphs.
    English,
    /// Korean with English words or beside English.
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

    /// The name in kebab-case, as a command line takes it.
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

    /// The topic of that name; `None` for any other text.
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
