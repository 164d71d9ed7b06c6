//! What the end of a file's name says about its content.

use std::fmt;

/// How a file's rows stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// `.txt`: one document; over 64 MiB it is split at blank lines into documents of at most 1
    /// MiB.
    Text,
    /// `.md`: as [`Text`](Self::Text).
    Markdown,
    /// `.jsonl`, `.ndjson`: one JSON object a line.
    JsonLines,
    /// `.json`: an array of objects, one object, or objects one after the other.
    Json,
    /// `.csv`: a row a record, the fields named by the first one.
    Csv,
    /// `.tsv`: the same with tabs.
    Tsv,
    /// `.parquet`: string columns by name.
    Parquet,
}

/// What a file was compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `.gz`: one or more gzip members.
    Gzip,
    /// `.zst`: Zstandard frames.
    Zstd,
    /// `.lz4`: LZ4 frames.
    Lz4,
    /// `.br`: one Brotli stream.
    Brotli,
}

const FORMATS: [(&str, InputFormat); 8] = [
    (".txt", InputFormat::Text),
    (".md", InputFormat::Markdown),
    (".jsonl", InputFormat::JsonLines),
    (".ndjson", InputFormat::JsonLines),
    (".json", InputFormat::Json),
    (".csv", InputFormat::Csv),
    (".tsv", InputFormat::Tsv),
    (".parquet", InputFormat::Parquet),
];

const COMPRESSIONS: [(&str, Compression); 5] = [
    (".gz", Compression::Gzip),
    (".zst", Compression::Zstd),
    (".zstd", Compression::Zstd),
    (".lz4", Compression::Lz4),
    (".br", Compression::Brotli),
];

/// Begins the reason of a file whose name has another ending.
pub(super) const NOT_READ: &str = "not a kind that is read";

/// For messages: what is read, by the ends of names.
pub const READ_ENDINGS: &str = ".txt, .md, .jsonl, .ndjson, .json, .csv and .tsv, each also in .gz, .zst, .lz4 or .br, and .parquet";

/// Format and compression of a name, in either case; the reason where it is not read.
pub(super) fn of_name(name: &str) -> Result<(InputFormat, Option<Compression>), String> {
    let name = name.to_ascii_lowercase();
    let compressed = COMPRESSIONS
        .iter()
        .find_map(|(ending, codec)| Some((name.strip_suffix(ending)?, *codec)));
    let (plain, compression) = match compressed {
        Some((plain, codec)) => (plain, Some(codec)),
        None => (name.as_str(), None),
    };
    let format = FORMATS.iter().find(|(ending, _)| plain.ends_with(ending));
    match (format, compression) {
        (Some((_, InputFormat::Parquet)), Some(codec)) => Err(format!(
            "Parquet is not read through {codec}: unpack it, its columns are compressed inside"
        )),
        (Some((_, format)), compression) => Ok((*format, compression)),
        (None, _) => Err(format!("{NOT_READ} ({})", ending(&name))),
    }
}

/// The end of a name, from its first dot if it is a compressed file's; for messages and for
/// grouping.
pub(super) fn ending(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let packed = [".gz", ".zst", ".zstd", ".lz4", ".br", ".xz", ".bz2"];
    let (stem, tail) = match packed.iter().find(|ending| name.ends_with(*ending)) {
        Some(ending) => name.split_at(name.len() - ending.len()),
        None => (name, ""),
    };
    match stem.rfind('.') {
        // `.part-0001` and the like say nothing.
        Some(dot) if dot > 0 && stem.len() - dot <= 10 => format!("{}{tail}", &stem[dot..]),
        _ if !tail.is_empty() => tail.to_owned(),
        _ => "without an ending".to_owned(),
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
            Self::Lz4 => "LZ4",
            Self::Brotli => "Brotli",
        })
    }
}

impl fmt::Display for InputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Markdown => "Markdown",
            Self::JsonLines => "JSON Lines",
            Self::Json => "JSON",
            Self::Csv => "CSV",
            Self::Tsv => "TSV",
            Self::Parquet => "Parquet",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_format_and_compression() {
        use {Compression as C, InputFormat as F};
        for (name, expected) in [
            ("a.txt", (F::Text, None)),
            ("A.JSONL", (F::JsonLines, None)),
            ("a.b/c.ndjson.gz", (F::JsonLines, Some(C::Gzip))),
            ("alpaca.json", (F::Json, None)),
            ("c4.json.gz", (F::Json, Some(C::Gzip))),
            ("a.csv.br", (F::Csv, Some(C::Brotli))),
            ("a.tsv.zst", (F::Tsv, Some(C::Zstd))),
            ("a.md.lz4", (F::Markdown, Some(C::Lz4))),
            ("train-0.parquet", (F::Parquet, None)),
        ] {
            assert_eq!(of_name(name), Ok(expected), "{name}");
        }
        for (name, reason) in [
            ("a.png", "not a kind that is read (.png)"),
            ("README", "not a kind that is read (without an ending)"),
            ("a.jsonl.xz", "not a kind that is read (.jsonl.xz)"),
            ("jsonl", "not a kind that is read (without an ending)"),
            ("dump.gz", "not a kind that is read (.gz)"),
        ] {
            assert_eq!(of_name(name), Err(reason.to_owned()));
        }
        assert!(of_name("a.parquet.gz").unwrap_err().contains("unpack it"));
    }
}
