//! Fixed words that are looked for in every mail, line by line, at once.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Words, and the automaton that finds them, built when it is first needed.
pub(super) struct WordSet {
    words: &'static [&'static str],
    any_case: bool,
    automaton: OnceLock<Option<AhoCorasick>>,
}

impl WordSet {
    pub const fn of(words: &'static [&'static str]) -> WordSet {
        WordSet { words, any_case: false, automaton: OnceLock::new() }
    }

    /// Lower-case words that are found in any case of their ASCII letters.
    pub const fn in_any_case(words: &'static [&'static str]) -> WordSet {
        WordSet { words, any_case: true, automaton: OnceLock::new() }
    }

    /// Does one of the words stand in the text?
    pub fn is_in(&self, text: &str) -> bool {
        // A table for every state is quick, and small for so few words.
        let build = || {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(self.any_case).kind(Some(AhoCorasickKind::DFA)).build(self.words).ok()
        };
        match self.automaton.get_or_init(build) {
            Some(automaton) => automaton.is_match(text),
            None => self.words.iter().any(|word| text.contains(word)),
        }
    }

    /// The first of the words, in the order of the list, that stands in the text.
    pub fn first_in(&self, text: &str) -> Option<&'static str> {
        self.is_in(text).then(|| self.words.iter().copied().find(|word| text.contains(word)))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_which_word_is_first() {
        static WORDS: WordSet = WordSet::of(&["電話", "FAX", "電"]);
        for (text, first) in [("FAXか電話", Some("電話")), ("電気", Some("電")), ("fax", None), ("", None)] {
            assert_eq!((WORDS.first_in(text), WORDS.is_in(text)), (first, first.is_some()), "{text}");
        }
    }
}
