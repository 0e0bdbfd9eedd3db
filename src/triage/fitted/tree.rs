//! Fitted terms in a text: a tree of their characters, in which a text is followed from each of its characters on.
//!
//! The automaton that finds the literals of rules would find them as well, but takes a hundred times as long to build.

use super::Terms;

/// No term ends here.
const NONE: u32 = u32::MAX;

/// Nodes in the order of their depth; the children of one stand together, in the order of their characters.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    /// The last character of its text.
    last: char,
    /// Where its children begin; they end where those of the next node begin.
    children: u32,
    /// The term (by index) that is its text.
    term: u32,
}

impl Tree {
    /// Of terms in the order of their texts.
    pub fn of(terms: &Terms) -> Tree {
        let mut nodes = vec![Node { last: '\0', children: 0, term: NONE }];
        // Of each node: the first of the terms that begin with its text, the one behind the last, and the text's length.
        let mut begins = vec![(0, terms.len(), 0)];
        let mut at = 0;
        while let Some((mut first, end, length)) = begins.get(at).copied() {
            while first < end && terms.text(first).len() == length {
                nodes[at].term = number(first);
                first += 1;
            }
            nodes[at].children = number(nodes.len());
            while first < end {
                let Some(last) = terms.text(first)[length..].chars().next() else { break };
                let goes_on = |term: &usize| terms.text(*term)[length..].starts_with(last);
                let behind = (first + 1..end).find(|term| !goes_on(term)).unwrap_or(end);
                nodes.push(Node { last, children: 0, term: NONE });
                begins.push((first, behind, length + last.len_utf8()));
                first = behind;
            }
            at += 1;
        }
        let end = Node { last: '\0', children: number(nodes.len()), term: NONE };
        nodes.push(end);
        nodes.shrink_to_fit();
        Tree { nodes }
    }

    /// Every term that stands in the text: its first byte, the one behind its last, and its index; in the order of the
    /// first bytes, then of the last.
    pub fn find(&self, text: &str, mut found: impl FnMut(usize, usize, usize)) {
        for (start, _) in text.char_indices() {
            let mut node = 0;
            for (at, c) in text[start..].char_indices() {
                let Some(next) = self.child(node, c) else { break };
                node = next;
                if self.nodes[node].term != NONE {
                    found(start, start + at + c.len_utf8(), self.nodes[node].term as usize);
                }
            }
        }
    }

    fn child(&self, node: usize, c: char) -> Option<usize> {
        let children = self.nodes.get(node)?.children as usize..self.nodes.get(node + 1)?.children as usize;
        let first = children.start;
        self.nodes.get(children)?.binary_search_by_key(&c, |node| node.last).ok().map(|at| first + at)
    }
}

/// Texts of four billion characters are in no pack.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(texts: &[&str]) -> (Tree, Vec<String>) {
        let mut texts: Vec<String> = texts.iter().map(|text| text.to_string()).collect();
        texts.sort();
        texts.dedup();
        let mut terms = Terms::default();
        texts.iter().for_each(|text| terms.push(text, 1.0, &[]));
        (Tree::of(&terms), texts)
    }

    fn found(tree: &Tree, text: &str) -> Vec<(usize, usize, usize)> {
        let mut all = Vec::new();
        tree.find(text, |start, end, term| all.push((start, end, term)));
        all
    }

    #[test]
    fn terms_are_found_where_they_begin_the_shorter_first() {
        let (tree, texts) = tree(&["端末", "端", "末の", "設定", "vpn"]);
        let words: Vec<&str> = found(&tree, "端末のvpn設").iter().map(|(.., term)| texts[*term].as_str()).collect();
        assert_eq!(words, ["端", "端末", "末の", "vpn"]);
        assert!(found(&tree, "").is_empty() && found(&Tree::default(), "端末").is_empty());
        assert!(found(&Tree::of(&Terms::default()), "端末").is_empty());
    }

    proptest::proptest! {
        /// The tree finds what looking for each term by itself finds.
        #[test]
        fn nothing_is_missed_and_nothing_made_up(
            terms in proptest::collection::vec("[あいaé]{1,4}", 0..12), text in "[あいaé\\n]{0,20}"
        ) {
            let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
            let (tree, texts) = tree(&terms);
            let mut expected = Vec::new();
            for (start, _) in text.char_indices() {
                let here = texts.iter().enumerate().filter(|(_, term)| text[start..].starts_with(term.as_str()));
                let mut here: Vec<_> = here.map(|(index, term)| (start, start + term.len(), index)).collect();
                here.sort();
                expected.extend(here);
            }
            proptest::prop_assert_eq!(found(&tree, &text), expected);
        }
    }
}
