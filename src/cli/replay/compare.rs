//! Two decisions about one mail: does what is done differ, and how?

use serde::Serialize;

use crate::triage::decision::{Action, Decision, Disposition, Evidence, Reply};
use crate::triage::pack::{ClauseKind, Pack};
use crate::triage::reply::ASK_CONTRACT;

/// What becomes of a mail, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Answer,
    /// Answered, and all that is asked is told to be out of scope.
    Refuse,
    Redirect,
    /// The contract is asked for.
    Ask,
    Draft,
    /// Staff decide.
    Review,
    Hold,
    Ignore,
}

impl Outcome {
    pub const ALL: [Outcome; 8] = [
        Outcome::Answer,
        Outcome::Refuse,
        Outcome::Redirect,
        Outcome::Ask,
        Outcome::Draft,
        Outcome::Review,
        Outcome::Hold,
        Outcome::Ignore,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Answer => "answer",
            Outcome::Refuse => "refuse",
            Outcome::Redirect => "redirect",
            Outcome::Ask => "ask",
            Outcome::Draft => "draft",
            Outcome::Review => "review",
            Outcome::Hold => "hold",
            Outcome::Ignore => "ignore",
        }
    }

    pub fn of(decision: &Decision, pack: &Pack) -> Outcome {
        let has = |wanted: fn(&Action) -> bool| decision.actions.iter().any(wanted);
        let asks = |action: &Action| matches!(action, Action::Reply(reply) if reply.template == ASK_CONTRACT);
        match decision.disposition {
            Disposition::Ignore => Outcome::Ignore,
            Disposition::Hold => Outcome::Hold,
            _ if has(|action| matches!(action, Action::Redirect(_))) => Outcome::Redirect,
            _ if has(asks) => Outcome::Ask,
            _ if has(|action| matches!(action, Action::Reply(_))) && refuses(decision, pack) => Outcome::Refuse,
            _ if has(|action| matches!(action, Action::Reply(_))) => Outcome::Answer,
            _ if has(|action| matches!(action, Action::Draft(_))) => Outcome::Draft,
            _ => Outcome::Review,
        }
    }

    /// A mail goes out by itself.
    pub fn is_sent(self) -> bool {
        matches!(self, Outcome::Answer | Outcome::Refuse | Outcome::Redirect | Outcome::Ask)
    }
}

fn refuses(decision: &Decision, pack: &Pack) -> bool {
    let outside = |id: &String| {
        pack.clause(id).is_some_and(|clause| matches!(clause.kind, ClauseKind::OutOfScope | ClauseKind::Staff))
    };
    !decision.scopes.is_empty() && decision.scopes.iter().all(outside)
}

/// In what two decisions differ. How sure they are and what they quote as evidence is no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    Disposition,
    Clauses,
    Reasons,
    /// What is done, to whom and when.
    Actions,
    /// Only what our mails say.
    Words,
}

impl Difference {
    pub fn as_str(self) -> &'static str {
        match self {
            Difference::Disposition => "disposition",
            Difference::Clauses => "clauses",
            Difference::Reasons => "reasons",
            Difference::Actions => "actions",
            Difference::Words => "words",
        }
    }
}

pub fn differences(before: &Decision, after: &Decision) -> Vec<Difference> {
    let codes = |decision: &Decision| -> Vec<String> { decision.reasons.iter().map(|r| r.code.clone()).collect() };
    let found = |decision: &Decision| (decision.scopes.clone(), decision.conduct.clone());
    let done = |decision: &Decision| -> Vec<Action> { decision.actions.iter().map(wordless).collect() };
    let said = |decision: &Decision| -> Vec<(String, String)> { decision.actions.iter().filter_map(words).collect() };
    let all = [
        (Difference::Disposition, before.disposition != after.disposition),
        (Difference::Clauses, found(before) != found(after)),
        (Difference::Reasons, codes(before) != codes(after)),
        (Difference::Actions, done(before) != done(after)),
        (Difference::Words, said(before) != said(after)),
    ];
    let differs: Vec<Difference> = all.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect();
    // Another mail has other words.
    match differs.contains(&Difference::Actions) {
        true => differs.into_iter().filter(|what| *what != Difference::Words).collect(),
        false => differs,
    }
}

fn mail(action: &Action) -> Option<&Reply> {
    match action {
        Action::Acknowledge(reply)
        | Action::Reply(reply)
        | Action::Redirect(reply)
        | Action::Forward(reply)
        | Action::Draft(reply)
        | Action::Close(reply)
        | Action::Alert(reply) => Some(reply),
        Action::AlertCommand(_)
        | Action::Label { .. }
        | Action::HandOver { .. }
        | Action::Queue { .. }
        | Action::Move { .. } => None,
    }
}

fn words(action: &Action) -> Option<(String, String)> {
    mail(action).map(|reply| (reply.subject.clone(), reply.body.clone()))
}

/// The action without what its mail says, and without the mail's own id.
fn wordless(action: &Action) -> Action {
    let bare = |reply: &Reply| Reply {
        subject: String::new(),
        body: String::new(),
        message_id: String::new(),
        ..reply.clone()
    };
    match action {
        Action::Acknowledge(reply) => Action::Acknowledge(bare(reply)),
        Action::Reply(reply) => Action::Reply(bare(reply)),
        Action::Redirect(reply) => Action::Redirect(bare(reply)),
        Action::Forward(reply) => Action::Forward(bare(reply)),
        Action::Draft(reply) => Action::Draft(bare(reply)),
        Action::Close(reply) => Action::Close(bare(reply)),
        Action::Alert(reply) => Action::Alert(bare(reply)),
        other => other.clone(),
    }
}

/// What decided: a rule of the gate, else the strongest rule of what was found first; "" if nothing was.
pub fn deciding_rule(decision: &Decision) -> &str {
    let clause = decision.conduct.first().or(decision.scopes.first());
    let gate = decision.gate.hits.first().map(|hit| hit.rule.as_str());
    let speaks = |evidence: &&Evidence| clause.is_none_or(|clause| evidence.clause == *clause) && evidence.score > 0.0;
    let strongest = decision.evidence.iter().filter(speaks).max_by(|one, other| one.score.total_cmp(&other.score));
    gate.or(strongest.map(|evidence| evidence.rule.as_str())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::desk::Desk;
    use crate::config::embedded_pack;
    use crate::triage::inquiry::{Inquiry, Mailbox};

    fn decided(disposition: Disposition, scopes: &[&str], actions: Vec<Action>) -> Decision {
        let desk = Desk::of_pack(embedded_pack("optim-biz").unwrap()).unwrap();
        let decision = crate::triage::decide(&Inquiry::default(), &desk.context(jiff::Timestamp::UNIX_EPOCH));
        let scopes = scopes.iter().map(|id| id.to_string()).collect();
        Decision { disposition, scopes, actions, ..decision }
    }

    fn reply(template: &str, body: &str, message_id: &str) -> Reply {
        Reply {
            template: template.into(),
            to: Mailbox { name: String::new(), address: "taro@customer.example".into() },
            at: None,
            until: None,
            follows: false,
            subject: "Re: x".into(),
            body: body.into(),
            message_id: message_id.into(),
            in_reply_to: None,
            references: Vec::new(),
        }
    }

    fn answer(body: &str, message_id: &str) -> Vec<Action> {
        vec![Action::Reply(reply("answer", body, message_id))]
    }

    #[test]
    fn the_words_of_an_answer_differ_and_its_id_does_not() {
        use Difference::{Actions, Clauses, Disposition as D, Words};
        let auto = |scopes: &[&str], actions| decided(Disposition::Auto, scopes, actions);
        let before = auto(&["4-1-3"], answer("a", "id-1"));
        for (after, expected) in [
            (auto(&["4-1-3"], answer("a", "id-2")), vec![]),
            (auto(&["4-1-3"], answer("b", "id-1")), vec![Words]),
            (auto(&["4-2-1"], answer("b", "id-1")), vec![Clauses, Words]),
            (decided(Disposition::Review, &["4-1-3"], vec![]), vec![D, Actions]),
        ] {
            assert_eq!(differences(&before, &after), expected);
        }
    }

    #[test]
    fn an_answer_refuses_if_nothing_in_it_is_in_scope() {
        let pack = embedded_pack("optim-biz").unwrap();
        let of = |decision: Decision| Outcome::of(&decision, &pack);
        assert_eq!(of(decided(Disposition::Auto, &["4-2-1"], answer("", ""))), Outcome::Refuse);
        assert_eq!(of(decided(Disposition::Auto, &["4-2-1", "4-1-3"], answer("", ""))), Outcome::Answer);
        let ask = vec![Action::Reply(reply(ASK_CONTRACT, "", ""))];
        assert_eq!(of(decided(Disposition::Auto, &["4-2-1"], ask)), Outcome::Ask);
        assert_eq!(of(decided(Disposition::Review, &["4-2-1"], vec![])), Outcome::Review);
        let draft = vec![Action::Draft(reply("staff", "", ""))];
        assert_eq!(of(decided(Disposition::Review, &["4-2-1"], draft)), Outcome::Draft);
        assert_eq!(of(decided(Disposition::Hold, &["4-2-1"], vec![])), Outcome::Hold);
    }
}
