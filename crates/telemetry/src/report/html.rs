//! Writing HTML without a way to forget the escaping: text goes in through [`escape`], cells through [`Cell`].

use std::fmt::Write;

/// Cells of at most so many characters are not broken into lines.
const MAX_UNBROKEN: usize = 24;

/// `text` as it may stand in an element or in a quoted attribute, of HTML and of SVG. Characters that XML forbids
/// become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// One cell of a table, unescaped.
pub(super) enum Cell {
    Text(String),
    /// Set flush right.
    Number(String),
}

impl Cell {
    /// A dash where there is no number.
    pub(super) fn number(value: Option<String>) -> Self {
        Self::Number(value.unwrap_or_else(|| "–".to_owned()))
    }
}

/// A table; each row has as many cells as there are `headings`.
pub(super) fn table(headings: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut out = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
    let is_number = |column: usize| {
        rows.iter()
            .all(|row| matches!(row.get(column), Some(Cell::Number(_))))
    };
    for (column, heading) in headings.iter().enumerate() {
        let class = if is_number(column) {
            " class=\"number\""
        } else {
            ""
        };
        write!(out, "<th scope=\"col\"{class}>{}</th>", escape(heading))
            .expect("a String takes any text");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            match cell {
                Cell::Text(text) if text.chars().count() <= MAX_UNBROKEN => {
                    write!(out, "<td class=\"short\">{}</td>", escape(text))
                }
                Cell::Text(text) => write!(out, "<td>{}</td>", escape(text)),
                Cell::Number(number) => write!(out, "<td class=\"number\">{}</td>", escape(number)),
            }
            .expect("a String takes any text");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_lose_their_meaning() {
        assert_eq!(
            escape("<script>alert('x' & \"y\")</script>\u{0}\u{1b}[2J\n한글"),
            "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;\u{fffd}\u{fffd}[2J\n한글"
        );
    }
}
