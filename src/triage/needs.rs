//! What the desk needs to know to answer (terms 7: customers are asked to cooperate), and what of it a mail lacks.

use super::flow::Text;
use super::flow::words::union;
use super::fold::{Folding, fold_term};
use super::own_words::OwnWords;
use super::pack::Term;
use super::pattern::Pattern;

/// A fact that answers about some clauses need.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    pub clauses: Vec<String>,
    /// As the customer is asked for it: 「端末の機種名」
    pub text: Text,
    /// The mail has it if it has one of these.
    pub given: Vec<Term>,
}

/// A need made ready for reading mails.
#[derive(Debug)]
pub struct NeedBook {
    pub need: Need,
    given: Option<Pattern>,
}

impl NeedBook {
    pub fn compile(need: Need) -> NeedBook {
        NeedBook { given: union(&need.given), need }
    }

    fn is_given(&self, text: &str) -> bool {
        self.given.as_ref().is_some_and(|given| given.is_match(text))
    }
}

/// What must still be asked for about a clause, in the pack's order: what neither the customer's sentences of today say
/// nor the subject.
pub fn missing<'a>(own: &OwnWords, clause: &str, needs: &'a [NeedBook], english: bool) -> Vec<&'a str> {
    let wanted: Vec<&NeedBook> = needs.iter().filter(|n| n.need.clauses.iter().any(|id| id == clause)).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let subject = fold_term(&own.inquiry.subject, Folding::default());
    let is_missing = |need: &&NeedBook| !own.texts().chain([subject.as_str()]).any(|text| need.is_given(text));
    wanted.into_iter().filter(is_missing).map(|need| need.need.text.say(english)).collect()
}
