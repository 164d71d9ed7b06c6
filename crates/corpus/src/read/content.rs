//! What a stream's first bytes say it is, where that is not what its name says: a pointer of Git
//! LFS, an archive, a PDF.

/// Bytes that are looked at.
pub(crate) const HEAD_BYTES: usize = 4096;

/// Something that is not text, in words that follow "is"; absent if the head may be text.
pub(crate) fn not_text(head: &[u8]) -> Option<Content> {
    if is_lfs_pointer(head) {
        return Some(Content::LfsPointer);
    }
    let marks: [(&[u8], &str); 12] = [
        (b"PAR1", "a Parquet file"),
        (b"PARE", "an encrypted Parquet file"),
        (b"PK\x03\x04", "a ZIP archive (or an Office document)"),
        (b"%PDF-1.", "a PDF document"),
        (b"%PDF-2.", "a PDF document"),
        (b"\xfd7zXZ\0", "an xz archive"),
        (b"BZh91AY&SY", "a bzip2 archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "an old Office or Hangul document",
        ),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        (b"\x04\x22\x4d\x18", "an LZ4 file"),
    ];
    let found = marks.iter().find(|(mark, _)| head.starts_with(mark));
    if let Some((mark, what)) = found {
        // Letters may begin a text too; then no control character follows them.
        let letters = mark.iter().all(u8::is_ascii_graphic);
        let binary = head.iter().any(|byte| *byte < 9) || what.starts_with("a PDF");
        return (!letters || binary).then_some(Content::Other(what));
    }
    (head.get(257..262) == Some(b"ustar")).then_some(Content::Other("a tar archive"))
}

/// A kind of content that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Git checked out the name of the content instead of the content.
    LfsPointer,
    /// In words, with an article.
    Other(&'static str),
}

/// A pointer is a short text that begins with its version, which may be that of the program's first
/// name.
pub(crate) fn is_lfs_pointer(head: &[u8]) -> bool {
    let begins = [
        b"version https://git-lfs.github.com/spec/".as_slice(),
        b"version https://hawser.github.com/spec/",
    ];
    begins.iter().any(|begin| head.starts_with(begin))
        && head.len() < 1024
        && head.windows(4).any(|line| line == b"\noid")
}

/// Whether bytes read as plain text: no control character but blanks, and UTF-8 (or a byte order
/// mark in front).
pub(crate) fn is_like_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        // A character may be cut at the end of the head.
        Err(error) => error.error_len().is_none(),
    };
    let is_control = |byte: &u8| *byte < 0x20 && !matches!(byte, 9..=13) || *byte == 0x7f;
    !head.is_empty() && valid && !head.iter().any(is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_told_apart() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n";
        assert_eq!(not_text(pointer), Some(Content::LfsPointer));
        assert_eq!(
            not_text(b"PAR1\x15\x04\x15"),
            Some(Content::Other("a Parquet file"))
        );
        for text in [
            "PAR1 is a mark",
            "version https://git-lfs.github.com/spec/v1 is what it begins with",
            "{\"text\":\"글\"}",
            "",
        ] {
            assert_eq!(not_text(text.as_bytes()), None, "{text}");
        }
        assert!(is_like_text("글\n".as_bytes()));
        assert!(is_like_text(&"글".as_bytes()[..2]));
        assert!(!is_like_text(b"\x0b\x02\x80a\x03"));
        assert!(!is_like_text(b""));
    }
}
