//! Fixed words that are looked for in every mail, line by line, at once.

use std::sync::OnceLock;

use aho_corasick::packed::Searcher;

/// Words, and what finds them many bytes at a time, built when it is first needed.
pub(super) struct WordSet {
    words: &'static [&'static str],
    searcher: OnceLock<Option<Searcher>>,
}

impl WordSet {
    /// At most 64 words, of three bytes at least: for others, and on machines that cannot do it, each is looked for.
    pub const fn of(words: &'static [&'static str]) -> WordSet {
        WordSet { words, searcher: OnceLock::new() }
    }

    /// Does one of the words stand in the text?
    pub fn is_in(&self, text: &str) -> bool {
        match self.searcher.get_or_init(|| Searcher::new(self.words)) {
            Some(searcher) => searcher.find(text).is_some(),
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
