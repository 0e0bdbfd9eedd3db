//! What the customer wrote today, cut into sentences and folded, once for all who look for words in it: the rules,
//! deadlines, 「解決しました」, credits, figures, urgent kinds.

use std::borrow::Cow;

use super::fold::{Folded, Folding};
use super::inquiry::Inquiry;
use super::sentence::{Sentence, sentences};

/// The sentences that vote, with their folded text.
#[derive(Debug, Clone)]
pub struct OwnWords<'a> {
    pub inquiry: &'a Inquiry,
    cut: Cut,
}

/// [`OwnWords`] without the mail they are of, to be kept.
#[derive(Debug, Clone)]
pub struct Cut {
    /// In order: a new subject, then the body or what stands for it.
    sentences: Vec<Sentence>,
    folding: Folding,
    /// All sentences; behind each stands a line feed.
    folded: Folded,
    /// Where each sentence ends in the folded text.
    ends: Vec<usize>,
}

impl<'a> OwnWords<'a> {
    /// With all variants taken for one.
    pub fn of(inquiry: &'a Inquiry) -> OwnWords<'a> {
        Self::folded(inquiry, sentences(inquiry), Folding::default())
    }

    fn folded(inquiry: &'a Inquiry, sentences: Vec<Sentence>, folding: Folding) -> OwnWords<'a> {
        let mut folded = Folded::new(folding);
        folded.text.reserve(sentences.iter().map(|sentence| sentence.end - sentence.start + 1).sum());
        let mut ends = Vec::with_capacity(sentences.len());
        for sentence in &sentences {
            folded.push(sentence.text(inquiry), sentence.start);
            ends.push(folded.text.len());
            folded.push_border(sentence.end);
        }
        OwnWords { inquiry, cut: Cut { sentences, folding, folded, ends } }
    }

    /// Of the same mail again.
    pub fn again(inquiry: &'a Inquiry, cut: Cut) -> OwnWords<'a> {
        OwnWords { inquiry, cut }
    }

    /// For [`OwnWords::again`].
    pub fn into_cut(self) -> Cut {
        self.cut
    }

    /// In order: a new subject, then the body or what stands for it.
    pub fn sentences(&self) -> &[Sentence] {
        &self.cut.sentences
    }

    /// As a pack wants them that keeps some variants apart.
    pub fn with(&self, folding: Folding) -> Cow<'_, OwnWords<'a>> {
        match self.cut.folding == folding {
            true => Cow::Borrowed(self),
            false => Cow::Owned(Self::folded(self.inquiry, self.cut.sentences.clone(), folding)),
        }
    }

    /// The folded text of all sentences.
    pub fn text(&self) -> &str {
        &self.cut.folded.text
    }

    /// The folded text of each sentence.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.cut.sentences.len()).map(|sentence| self.sentence(sentence))
    }

    /// The folded text of a sentence.
    pub fn sentence(&self, sentence: usize) -> &str {
        &self.cut.folded.text[self.start(sentence)..self.end(sentence)]
    }

    /// Where a sentence starts in the folded text.
    pub fn start(&self, sentence: usize) -> usize {
        sentence.checked_sub(1).map_or(0, |before| self.end(before) + 1)
    }

    /// Where a sentence ends in the folded text.
    pub fn end(&self, sentence: usize) -> usize {
        self.cut.ends[sentence]
    }

    /// The sentence in which a folded stretch ends.
    pub fn sentence_at(&self, end: usize) -> usize {
        self.cut.ends.partition_point(|ending| *ending < end)
    }

    /// Bytes of the subject or the text that the folded bytes `start..end` came from.
    pub fn original(&self, (start, end): (usize, usize)) -> (usize, usize) {
        self.cut.folded.original(start, end)
    }
}
