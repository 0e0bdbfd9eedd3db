//! What the journal says against what lies in the mailbox and in Sent: pure, so that every case can be shown.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::mailbox::Listed;
use crate::store::{EffectState, LedgerMail, LedgerSend, MailId, MailState};
use crate::triage::arrival::Item;
use crate::triage::message_id::is_ours;

/// What is to be compared, all of one desk.
pub struct Sides<'a> {
    /// Folder and UIDVALIDITY of the mailbox as it is now.
    pub place: (&'a str, u32),
    pub mailbox: &'a [Listed],
    /// Message-IDs in the Sent folder; none if there is no such folder.
    pub sent: Option<&'a HashSet<String>>,
    pub mails: &'a [LedgerMail],
    pub sends: &'a [LedgerSend],
    pub label_prefix: &'a str,
    /// The key of our Message-IDs.
    pub secret: &'a [u8],
    pub now: Timestamp,
}

/// What does not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// In the mailbox, and the journal has never seen it.
    Unread,
    /// In the mailbox with a label of ours, and the journal has never seen it.
    LabelledUnknown,
    /// Journalled and not decided.
    Undecided,
    /// Decided, and what was decided is due and not done.
    Unfinished,
    /// Its turn after the opening is over, and it still waits.
    Waiting,
    /// In quarantine: staff see it, nobody decided.
    Quarantined,
    /// Nobody knows whether the answer went out, and no copy lies in Sent.
    Held,
    /// Held as perhaps sent, and a copy lies in Sent: it did go out.
    HeldButSent,
    /// The answer went out, its copy was filed, and it does not lie in Sent any more.
    CopyGone,
    /// Lies in Sent with a Message-ID of ours, and the journal knows of no such answer.
    SentUnknown,
    /// Decided, not moved by us, and not in the mailbox any more: staff filed or deleted it.
    Gone,
}

/// One thing that does not fit, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    pub mail: Option<MailId>,
    pub item: Option<Item>,
    pub message_id: Option<String>,
    /// Since when, as far as it is known.
    pub since: Option<Timestamp>,
    pub note: Option<String>,
}

impl Kind {
    /// True if a mail has no outcome, or an outcome no mail. The others are for staff to know: what they do with mail
    /// in their mailbox is their own affair.
    pub fn is_problem(self) -> bool {
        !matches!(self, Kind::Gone | Kind::Quarantined | Kind::Held | Kind::HeldButSent)
    }
}

impl Finding {
    fn of(kind: Kind, mail: &LedgerMail, since: Timestamp) -> Finding {
        let item = Some(mail.key.item.clone());
        Finding { kind, mail: Some(mail.mail), item, message_id: None, since: Some(since), note: mail.note.clone() }
    }
}

/// Everything that does not fit, in the order of the journal, then of the mailbox, then of Sent.
pub fn compare(sides: &Sides<'_>) -> Vec<Finding> {
    let there: HashSet<&Item> = sides.mailbox.iter().map(|listed| &listed.item).collect();
    let mut findings: Vec<Finding> = sides.mails.iter().filter_map(|mail| of_journal(sides, &there, mail)).collect();
    findings.extend(of_mailbox(sides));
    findings.extend(of_sent(sides));
    findings
}

fn of_journal(sides: &Sides<'_>, there: &HashSet<&Item>, mail: &LedgerMail) -> Option<Finding> {
    let (folder, validity) = sides.place;
    let here = mail.key.mailbox == folder && mail.key.validity == validity;
    let overdue = |at: Option<Timestamp>| at.filter(|at| *at <= sides.now);
    match mail.state {
        MailState::Seen => Some(Finding::of(Kind::Undecided, mail, mail.seen_at)),
        MailState::Quarantined => Some(Finding::of(Kind::Quarantined, mail, mail.seen_at)),
        MailState::Decided if overdue(mail.open_since).is_some() => {
            Some(Finding::of(Kind::Unfinished, mail, overdue(mail.open_since)?))
        }
        MailState::Decided if overdue(mail.waits_until).is_some() => {
            Some(Finding::of(Kind::Waiting, mail, overdue(mail.waits_until)?))
        }
        _ if here && !mail.moved && !there.contains(&mail.key.item) => {
            Some(Finding::of(Kind::Gone, mail, mail.seen_at))
        }
        _ => None,
    }
}

fn of_mailbox<'a>(sides: &'a Sides<'_>) -> impl Iterator<Item = Finding> + 'a {
    let (folder, validity) = sides.place;
    let here = sides.mails.iter().filter(move |mail| mail.key.mailbox == folder && mail.key.validity == validity);
    let known: HashSet<&Item> = here.map(|mail| &mail.key.item).collect();
    let prefix = sides.label_prefix;
    let ours = move |flag: &String| !prefix.is_empty() && flag.starts_with(prefix);
    sides.mailbox.iter().filter(move |listed| !known.contains(&listed.item)).map(move |listed| Finding {
        kind: if listed.flags.iter().any(ours) { Kind::LabelledUnknown } else { Kind::Unread },
        mail: None,
        item: Some(listed.item.clone()),
        message_id: None,
        since: listed.internal_date,
        note: None,
    })
}

fn of_sent(sides: &Sides<'_>) -> Vec<Finding> {
    let empty = HashSet::new();
    let sent = sides.sent.unwrap_or(&empty);
    let mut known: HashMap<&str, &LedgerSend> = HashMap::new();
    for send in sides.sends {
        known.insert(&send.message_id, send);
    }
    let finding = |kind, send: Option<&LedgerSend>, id: &str| Finding {
        kind,
        mail: send.map(|send| send.mail),
        item: None,
        message_id: Some(id.to_owned()),
        since: None,
        note: None,
    };
    let journal = sides.sends.iter().filter_map(|send| {
        let filed = sent.contains(&send.message_id);
        let kind = match (send.state, send.copy) {
            (EffectState::Held, _) if filed => Kind::HeldButSent,
            (EffectState::Held, _) => Kind::Held,
            (EffectState::Done, Some(EffectState::Done)) if !filed => Kind::CopyGone,
            _ => return None,
        };
        Some(finding(kind, Some(send), &send.message_id))
    });
    let mut findings: Vec<Finding> = journal.collect();
    let went_out = |send: &&LedgerSend| matches!(send.state, EffectState::Done | EffectState::Held);
    let mut unknown: Vec<&String> =
        sent.iter().filter(|id| is_ours(id, sides.secret) && !known.get(id.as_str()).is_some_and(went_out)).collect();
    unknown.sort();
    findings.extend(unknown.into_iter().map(|id| finding(Kind::SentUnknown, known.get(id.as_str()).copied(), id)));
    findings
}
