//! The words of the outbox: what is to be carried out about a mail, and what became of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EffectId, MailId};
use crate::triage::arrival::MailKey;
use crate::triage::decision::{Alert, Reply};

/// One thing to carry out. It stands in the store as JSON until it is done, also across an upgrade of the program:
/// fields may be added with a default, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Effect {
    /// Set keywords on the mail.
    AddLabels { labels: Vec<String> },
    /// Take keywords off the mail.
    RemoveLabels { labels: Vec<String> },
    /// Send an answer: the one effect that cannot be repeated.
    Send(Reply),
    /// Pass the mail itself on, whole, with these words in front; as little repeatable as [`Effect::Send`].
    Forward(Reply),
    /// Send at its time that the case is closed, unless the customer has written again; as little repeatable as
    /// [`Effect::Send`].
    Close(Reply),
    /// Tell staff of an urgent mail; as little repeatable as [`Effect::Send`].
    Alert(Reply),
    /// Have the desk's own command tell staff of an urgent mail. Cut off, it is run again: to be told twice does less harm
    /// than not to be told.
    AlertCommand(Alert),
    /// Put a copy of a sent answer into the Sent folder. `of`: [`EffectRow::seq`] of the [`Effect::Send`].
    SentCopy { of: u32 },
    /// Say on the mail what became of an answer: put `sent` on if it was sent, else `unsent`. `of` as for
    /// [`Effect::SentCopy`].
    LabelSend { of: u32, sent: Vec<String>, unsent: Vec<String> },
    /// Put an answer into Drafts, for staff to send.
    Draft(Reply),
    /// Move the mail to another folder.
    Move { folder: String },
}

impl Effect {
    /// The name in tables and logs; the tag of the JSON form.
    pub fn kind(&self) -> &'static str {
        match self {
            Effect::AddLabels { .. } => "add-labels",
            Effect::RemoveLabels { .. } => "remove-labels",
            Effect::Send(_) => "send",
            Effect::Forward(_) => "forward",
            Effect::Close(_) => "close",
            Effect::Alert(_) => "alert",
            Effect::AlertCommand(_) => "alert-command",
            Effect::SentCopy { .. } => "sent-copy",
            Effect::LabelSend { .. } => "label-send",
            Effect::Draft(_) => "draft",
            Effect::Move { .. } => "move",
        }
    }

    /// The mail that it sends, if it sends one: then it cannot be repeated.
    pub fn mail(&self) -> Option<&Reply> {
        match self {
            Effect::Send(reply) | Effect::Forward(reply) | Effect::Close(reply) | Effect::Alert(reply) => Some(reply),
            _ => None,
        }
    }

    /// The text that it sends, or leaves for staff to send, if it does; text is long.
    pub(super) fn text(&self) -> Option<&Reply> {
        match self {
            Effect::Draft(reply) => Some(reply),
            other => other.mail(),
        }
    }

    /// The same in a list that begins with number `first`.
    pub fn moved_on(self, first: u32) -> Effect {
        match self {
            Effect::SentCopy { of } => Effect::SentCopy { of: of + first },
            Effect::LabelSend { of, sent, unsent } => Effect::LabelSend { of: of + first, sent, unsent },
            other => other,
        }
    }
}

/// An effect to be written down with its decision. Its number (`seq`) is its place in the list, from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEffect {
    pub effect: Effect,
    /// Not before this time; none: at once.
    pub due: Option<Timestamp>,
}

/// An effect that wants to be carried out, or was being carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectRow {
    pub id: EffectId,
    pub mail_id: MailId,
    /// Place in the mail's list of effects, from 0.
    pub seq: u32,
    pub effect: Effect,
    /// The mail it is about.
    pub key: MailKey,
    /// Tries so far.
    pub attempts: u32,
    pub due: Timestamp,
    /// Its last start; none if it never was started.
    pub started_at: Option<Timestamp>,
}

/// How carrying out an effect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Carried out; `note`: what the server said, if worth keeping.
    Done { note: Option<String> },
    /// Refused for good, and a send's recipient with it; the mail's later effects go on.
    Failed { reason: String },
    /// It surely did not happen and is not tried any more; the mail's later effects go on.
    GivenUp { reason: String },
    /// A person must look: it may have happened, or, if it was never started, it must not any more. The mail's later
    /// effects go on.
    Held { reason: String },
    /// Not now: try again at `at`; the mail's later effects wait.
    RetryAt { at: Timestamp, reason: String },
}

/// Where an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EffectState {
    /// An earlier effect of the same mail is not finished.
    Waiting,
    /// Next in line of its mail; to be carried out when due.
    Pending,
    /// Being carried out, or cut off while it was.
    Started,
    Done,
    Failed,
    Held,
}

impl EffectState {
    pub(super) const ALL: [EffectState; 6] = [
        EffectState::Waiting,
        EffectState::Pending,
        EffectState::Started,
        EffectState::Done,
        EffectState::Failed,
        EffectState::Held,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EffectState::Waiting => "waiting",
            EffectState::Pending => "pending",
            EffectState::Started => "started",
            EffectState::Done => "done",
            EffectState::Failed => "failed",
            EffectState::Held => "held",
        }
    }
}

/// What became of a send after it had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum After {
    /// Staff had it sent again.
    Again,
    /// Staff have settled it themselves.
    Dropped,
    /// It came back.
    Bounced,
}

impl After {
    pub(super) const ALL: [After; 3] = [After::Again, After::Dropped, After::Bounced];

    pub fn as_str(self) -> &'static str {
        match self {
            After::Again => "again",
            After::Dropped => "dropped",
            After::Bounced => "bounced",
        }
    }
}

/// An effect that sends ([`Effect::Send`], [`Effect::Forward`], [`Effect::Close`]) as its copy and its label need it.
#[derive(Debug, Clone, PartialEq)]
pub struct SendRow {
    pub reply: Reply,
    pub state: EffectState,
    /// Its last start: the `Date` of the mail that went out.
    pub started_at: Option<Timestamp>,
    pub after: Option<After>,
}
