//! The words of a rulebook that stand in a mail, and the rules that they satisfy, sentence by sentence.
//!
//! All sentences are scanned at once; a pattern is tried only on sentences that hold a text it
//! needs. Words that the customer denies, or tells of somebody else, are found and do not vote.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::decision::EvidenceSection;
use super::fitted::Mark;
use super::own_words::OwnWords;
use super::pack::{ClauseKind, Place, Rule};
use super::products::{Named, Product};
use super::rulebook::{Mute, Needs, Rulebook, TermId};
use super::sentence::Sentence;

/// No sentence that somebody writes denies more: only so many are looked at, as each is compared with all words.
const MARKS_LOOKED_AT: usize = 32;

/// A term that stands in a sentence: bytes `start..end` of the folded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub term: TermId,
    pub start: usize,
    pub end: usize,
    pub mute: Option<Mute>,
}

/// What stands in a mail.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    /// Folded as the pack wants it.
    pub own: Cow<'a, OwnWords<'a>>,
    /// In their order.
    words: Vec<Word>,
    /// Fitted terms in their order, as often as they stand there.
    fitted: Vec<FittedWord>,
    /// What the pack's tables know, for each sentence.
    pub products: Vec<Vec<Named>>,
    /// Of all sentences, each once.
    named: BTreeSet<Product>,
}

/// A fitted term (by index) that stands in a sentence: bytes `start..end` of the folded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FittedWord {
    pub term: usize,
    pub start: usize,
    pub end: usize,
}

impl<'a> Scan<'a> {
    pub fn of(own: &'a OwnWords<'a>, book: &Rulebook) -> Scan<'a> {
        let own = own.with(book.pack.folding);
        let products = vec![Vec::new(); own.sentences().len()];
        let mut scan = Scan { own, words: Vec::new(), fitted: Vec::new(), products, named: BTreeSet::new() };
        scan.find(book);
        scan.look_up(book);
        scan.words.sort_by_key(|word| (word.start, word.end));
        scan.fitted.sort_by_key(|word| (word.start, word.end));
        for sentence in 0..scan.own.sentences().len() {
            scan.mute(sentence, book);
        }
        scan
    }

    /// What stands in a sentence.
    pub fn words(&self, sentence: usize) -> &[Word] {
        &self.words[self.range(sentence, &self.words, |word| word.start)]
    }

    /// Fitted terms that stand in a sentence.
    pub fn fitted(&self, sentence: usize) -> &[FittedWord] {
        &self.fitted[self.range(sentence, &self.fitted, |word| word.start)]
    }

    fn range<T>(&self, sentence: usize, sorted: &[T], start: impl Fn(&T) -> usize) -> Range<usize> {
        let before = |place: usize| sorted.partition_point(|word| start(word) < place);
        before(self.own.start(sentence))..before(self.own.end(sentence))
    }

    /// Literals in one pass of the automaton, then the patterns that it woke.
    fn find(&mut self, book: &Rulebook) {
        let table = &book.terms;
        let text = self.own.text();
        let mut awake: Vec<(usize, usize)> = Vec::new();
        for found in table.automaton.find_overlapping_iter(text) {
            let meant = &table.found[found.pattern().as_usize()];
            if !meant.wakes.is_empty() {
                let sentence = self.own.sentence_at(found.end());
                awake.extend(meant.wakes.iter().map(|pattern| (sentence, *pattern)));
            }
            let (start, end) = (found.start(), found.end());
            if !on_word_borders(text, start, end) {
                continue;
            }
            if let Some(term) = meant.term {
                self.words.push(Word { term, start, end, mute: None });
            }
        }
        table.fitted.find(text, |start, end, term| {
            if on_word_borders(text, start, end) {
                self.fitted.push(FittedWord { term, start, end });
            }
        });
        awake.extend(
            (0..self.own.sentences().len()).flat_map(|sentence| table.always.iter().map(move |p| (sentence, *p))),
        );
        awake.sort_unstable();
        awake.dedup();
        for (sentence, pattern) in awake {
            // Only the sentence: in the whole text `[^」]` would reach over its borders, and `$` would not find them.
            let (term, pattern) = &table.patterns[pattern];
            let start = self.own.start(sentence);
            let matches = pattern.find_iter(self.own.sentence(sentence)).filter(|m| !m.is_empty());
            let word =
                |m: regex::Match| Word { term: *term, start: start + m.start(), end: start + m.end(), mute: None };
            self.words.extend(matches.map(word));
        }
    }

    /// What the pack's tables know, on the day of the mail.
    fn look_up(&mut self, book: &Rulebook) {
        let day = self.own.inquiry.date.map(|date| book.calendar.date(date));
        for named in book.products.find(self.own.text(), day) {
            let Named { product, start, end } = named;
            let sentence = self.own.sentence_at(end);
            self.products[sentence].push(named);
            self.named.insert(product);
            let terms = book.terms.products.iter().filter(|(known, _)| *known == product);
            self.words.extend(terms.map(|(_, term)| Word { term: *term, start, end, mute: None }));
        }
    }

    /// What a sentence is, for fitted points.
    pub fn marks(&self, sentence: usize) -> Vec<Mark> {
        Mark::of(&self.own.sentences()[sentence], self.own.sentence(sentence), &self.products[sentence], &self.named)
    }

    /// Takes the vote of what stands before 〜の話ではなく and 〜と言われました.
    fn mute(&mut self, sentence: usize, book: &Rulebook) {
        let start = self.own.start(sentence);
        let range = self.range(sentence, &self.words, |word| word.start);
        let marks = self.words[range.clone()].iter().filter_map(|word| Some((book.mutes[word.term]?, word.start)));
        let scopes: Vec<(Mute, usize, usize)> = marks
            .take(MARKS_LOOKED_AT)
            .filter_map(|(mute, end)| {
                let before = &self.own.text()[start..end];
                let length = match mute {
                    Mute::Denied => denied(before)?.len(),
                    Mute::Reported => reported(before).len(),
                };
                Some((mute, end - length, end))
            })
            .collect();
        for word in self.words[range].iter_mut().filter(|_| !scopes.is_empty()) {
            let around = scopes.iter().filter(|(_, start, end)| *start <= word.start && word.end <= *end);
            // What is denied does not vote at all, so it goes before what is reported.
            word.mute = around.map(|(mute, ..)| *mute).max_by_key(|mute| *mute == Mute::Denied);
        }
    }
}

/// ASCII words are not found inside longer ones: "tba" is not in "Football".
fn on_word_borders(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let word = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_alphanumeric);
    let cut_before = start > 0 && word(start - 1) && word(start);
    let cut_behind = end > 0 && word(end - 1) && word(end);
    !cut_before && !cut_behind
}

/// The topic before a denial: back to the last 、. None if it is "not only": 契約だけではなく.
fn denied(before: &str) -> Option<&str> {
    const NOT_ONLY: [&str; 3] = ["だけ", "のみ", "ばかり"];
    if NOT_ONLY.iter().any(|word| before.ends_with(word)) {
        return None;
    }
    Some(phrase(before))
}

/// What is told of somebody else: the quotation marks that just closed, else back to the last 、.
fn reported(before: &str) -> &str {
    let opened = match before.chars().next_back() {
        Some('」') => before.rfind('「'),
        Some('』') => before.rfind('『'),
        _ => None,
    };
    opened.map_or(phrase(before), |opened| &before[opened..])
}

fn phrase(before: &str) -> &str {
    before.rsplit(['、', ',', '。', '(', ')']).next().unwrap_or(before)
}

/// Which groups of each rule were seen in the sentence that is looked at; kept for all sentences of a mail.
pub(super) struct Marks {
    /// Sentence number + 1 and the bits seen there, for each rule.
    seen: Vec<(usize, u64)>,
    touched: Vec<usize>,
}

impl Marks {
    pub fn new(book: &Rulebook) -> Marks {
        Marks { seen: vec![(0, 0); book.needs.len()], touched: Vec::new() }
    }

    /// The rules that apply to the sentence, in their order, each with the stretch of the words that made it (folded
    /// bytes).
    pub fn firing(&mut self, scan: &Scan, sentence: usize, book: &Rulebook) -> Vec<(usize, (usize, usize))> {
        self.touched.clear();
        for word in scan.words(sentence) {
            for place in book.places[word.term].iter().filter(|place| votes(word, place.rule, book)) {
                let (of, bits) = &mut self.seen[place.rule];
                if *of != sentence + 1 {
                    (*of, *bits) = (sentence + 1, 0);
                    self.touched.push(place.rule);
                }
                *bits |= place.bit;
            }
        }
        self.touched.sort_unstable();
        let complete = self.touched.iter().filter(|rule| self.seen[**rule].1 == book.needs[**rule].all_groups());
        let fires = |rule: &usize| Some((*rule, standing(*rule, scan, sentence, book)?));
        complete.filter_map(fires).collect()
    }
}

/// Does the word count for this rule? What is told of others is no conduct of the sender.
pub(super) fn votes(word: &Word, rule: usize, book: &Rulebook) -> bool {
    match word.mute {
        None => true,
        Some(Mute::Denied) => false,
        Some(Mute::Reported) => book.pack.clauses[book.clause_of[rule]].kind != ClauseKind::Conduct,
    }
}

/// Where the words of a rule stand all of whose groups were seen, unless it looks elsewhere or they stand too far apart.
fn standing(rule: usize, scan: &Scan, sentence: usize, book: &Rulebook) -> Option<(usize, usize)> {
    let needs = &book.needs[rule];
    let rules = &book.pack.rules[rule];
    if !looks_at(rules, &scan.own.sentences()[sentence]) {
        return None;
    }
    let words = scan.words(sentence).iter().filter(|word| votes(word, rule, book));
    match rules.near {
        // A character has four bytes at most.
        Some(near) => {
            nearest(needs, &words.collect::<Vec<_>>(), near * 4).filter(|found| width(*found, scan.own.text()) <= near)
        }
        None => first(needs, words),
    }
}

/// Does the rule look at this kind of sentence at all?
pub(super) fn looks_at(rule: &Rule, sentence: &Sentence) -> bool {
    let in_place = match rule.place {
        Place::Anywhere => true,
        Place::Subject => sentence.place == EvidenceSection::Subject,
        Place::Body => sentence.place != EvidenceSection::Subject,
    };
    in_place && (sentence.question || !rule.question)
}

/// From the first to the last of the first words of each group.
fn first<'w>(needs: &Needs, words: impl Iterator<Item = &'w Word> + Clone) -> Option<(usize, usize)> {
    let mut found = needs.groups.iter().map(|group| words.clone().find(|word| group.contains(&word.term)));
    let word = found.next()??;
    found.try_fold((word.start, word.end), |(start, end), word| {
        let word = word?;
        Some((start.min(word.start), end.max(word.end)))
    })
}

/// One word of each group, as close together as they stand, if they begin within so many bytes.
pub(super) fn nearest(needs: &Needs, words: &[&Word], within: usize) -> Option<(usize, usize)> {
    let reach = |n: usize| words[n..].partition_point(|word| word.start - words[n].start <= within);
    let stretches = (0..words.len()).filter_map(|n| first(needs, words[n..n + reach(n)].iter().copied()));
    stretches.min_by_key(|(start, end)| end - start)
}

/// In characters.
pub(super) fn width((start, end): (usize, usize), text: &str) -> usize {
    text[start..end].chars().count()
}
