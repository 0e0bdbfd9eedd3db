//! Mail of one sender that waited for the opening is one case and gets one answer: which mail is answered, and with
//! what else in it.
//!
//! Each is decided alone first. The last word counts: a sender who ends with 「解決しました」 is left in peace, and
//! where one of several mails is for a person, all of them are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::decision::{Decision, Disposition};

/// What is known of a mail when it is decided anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub first_decided: Timestamp,
    /// An acknowledgement went out, for it or for a mail that waited with it.
    pub acknowledged: bool,
    /// It is in the mailbox no longer: somebody moved or expunged it.
    pub gone: bool,
    pub role: Role,
}

/// What becomes of a mail among those that waited together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// As if there were no others.
    Alone,
    /// Its answer speaks of these clauses, too.
    AnswersFor(Vec<String>),
    /// A later one's answer speaks of it.
    AnsweredWithLater,
    /// The sender needs no answer any more.
    Withdrawn,
    /// The sender wrote again, and not all of it is clear.
    WroteAgain,
}

/// The roles of mails that waited together, oldest first, from what each would be alone.
pub fn roles(alone: &[Decision]) -> Vec<Role> {
    let says: Vec<usize> = (0..alone.len()).filter(|at| says_something(&alone[*at])).collect();
    let Some(last) = says.last().copied().filter(|_| alone.len() > 1) else { return vec![Role::Alone; alone.len()] };
    if alone[last].facts.settled {
        return vec![Role::Withdrawn; alone.len()];
    }
    let asking: Vec<usize> = says.into_iter().filter(|at| !alone[*at].facts.settled).collect();
    let clear =
        asking.iter().all(|at| alone[*at].disposition == Disposition::Auto && same_sender(&alone[*at], &alone[last]));
    let role = |at: usize| match () {
        () if !asking.contains(&at) => Role::Alone,
        () if clear && at == last => Role::AnswersFor(scopes(asking.iter().map(|at| &alone[*at]), &alone[last])),
        () if clear => Role::AnsweredWithLater,
        () if alone[at].disposition == Disposition::Auto => Role::WroteAgain,
        () => Role::Alone,
    };
    (0..alone.len()).map(role).collect()
}

/// Does other mail that waited ask about this clause, to be answered with this one?
pub fn is_also_asked(clause: &String, ctx: &Context) -> bool {
    let role = ctx.release.as_ref().map(|release| &release.role);
    matches!(role, Some(Role::AnswersFor(also)) if also.contains(clause))
}

/// Thanks and robots' mail change nothing about what was asked before.
fn says_something(decision: &Decision) -> bool {
    decision.disposition != Disposition::Ignore && !decision.reasons.iter().any(|reason| reason.code == "no-own-words")
}

/// Anybody can write anybody's address: mail that is proved less is not answered together with mail that is.
fn same_sender(one: &Decision, other: &Decision) -> bool {
    let who = |decision: &Decision| (decision.route.kind, decision.route.authenticated);
    who(one) == who(other)
}

/// What the others ask besides, each once.
fn scopes<'a>(asking: impl Iterator<Item = &'a Decision>, last: &Decision) -> Vec<String> {
    let mut also: Vec<String> = Vec::new();
    for scope in asking.flat_map(|decision| &decision.scopes) {
        if !last.scopes.contains(scope) && !also.contains(scope) {
            also.push(scope.clone());
        }
    }
    also
}
