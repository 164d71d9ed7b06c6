//! Which tokens a text begins with.

/// A tree of the tokens' bytes. The children of a node lie side by side, in the order of their bytes.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    byte: u8,
    num_children: u16,
    first_child: u32,
    /// The token that ends here.
    token: u32,
}

const NO_TOKEN: u32 = u32::MAX;

impl Trie {
    pub(crate) fn new<'a>(tokens: impl Iterator<Item = (&'a [u8], u32)>) -> Self {
        let mut tokens: Vec<(&[u8], u32)> = tokens.collect();
        tokens.sort_unstable();
        let root = Node {
            byte: 0,
            num_children: 0,
            first_child: 0,
            token: NO_TOKEN,
        };
        let mut nodes = vec![root];
        // Nodes whose children are to be made: the tokens below it, and how many bytes lead there.
        let mut open = vec![(0, 0..tokens.len(), 0)];
        let mut at = 0;
        while let Some((node, below, depth)) = open.get(at).cloned() {
            at += 1;
            let first_child = nodes.len();
            let mut start = below.start;
            while start < below.end {
                let (token, id) = tokens[start];
                let Some(&byte) = token.get(depth) else {
                    nodes[node].token = id;
                    start += 1;
                    continue;
                };
                let same =
                    tokens[start..below.end].partition_point(|(token, _)| token[depth] <= byte);
                open.push((nodes.len(), start..start + same, depth + 1));
                nodes.push(Node { byte, ..root });
                start += same;
            }
            nodes[node].first_child = first_child as u32;
            nodes[node].num_children = (nodes.len() - first_child) as u16;
        }
        Self { nodes }
    }

    /// Calls `found` with the length and the id of each token that `text` begins with, the shortest first.
    #[inline]
    pub(crate) fn prefixes(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut node = self.nodes[0];
        for (index, byte) in text.iter().enumerate() {
            let first = node.first_child as usize;
            let children = &self.nodes[first..first + usize::from(node.num_children)];
            let child = match children {
                [only] => (only.byte == *byte).then_some(only),
                children => children
                    .binary_search_by_key(byte, |child| child.byte)
                    .ok()
                    .map(|index| &children[index]),
            };
            let Some(child) = child else { return };
            node = *child;
            if node.token != NO_TOKEN {
                found(index + 1, node.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tokens_that_a_text_begins_with_are_found() {
        let tokens = ["a", "ab", "abc", "b", "abd", "xyz", "가나", "가"];
        let trie = Trie::new(tokens.iter().map(|token| token.as_bytes()).zip(0..));
        for (text, expected) in [
            ("abdx", &["a", "ab", "abd"][..]),
            ("xy", &[]),
            ("가나다", &["가", "가나"]),
            ("", &[]),
        ] {
            let mut got = Vec::new();
            trie.prefixes(text.as_bytes(), |len, token| {
                assert_eq!(&text[..len], tokens[token as usize]);
                got.push(&text[..len]);
            });
            assert_eq!(got, expected);
        }
    }
}
