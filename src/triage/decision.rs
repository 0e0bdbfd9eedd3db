//! What was decided about one mail, with the evidence: the result of [`crate::triage::decide`].
//!
//! Everything here can be written to the journal and read back (serde), and the JSON form is the
//! machine-readable contract of `explain --json` (docs/explain-json.md).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::inquiry::{Mailbox, SectionKind};

/// The decision about one inquiry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub gate: Gate,
    pub disposition: Disposition,
    /// Why this disposition, strongest first; never empty.
    pub reasons: Vec<Reason>,
    pub route: Route,
    /// Clause ids asked about, strongest first.
    pub scopes: Vec<String>,
    /// Prohibited-conduct clause ids found.
    pub conduct: Vec<String>,
    /// Which sentences carry which clause.
    pub parts: Vec<ScopePart>,
    pub evidence: Vec<Evidence>,
    /// 0…1; how sure the scopes are.
    pub confidence: f64,
    pub runner_up: Option<RunnerUp>,
    /// What else the mail tells: dates, periods, steps tried.
    #[serde(default)]
    pub facts: Facts,
    pub actions: Vec<Action>,
    /// Reference of the case, if the mail belongs to one or opens one.
    pub case: Option<String>,
    /// What the case is to remember from now on, by name; what is not named stays.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub case_state: serde_json::Map<String, serde_json::Value>,
    pub made_with: MadeWith,
}

impl Decision {
    /// Until when the mail waits, to be decided anew then.
    pub fn waits_until(&self) -> Option<Timestamp> {
        self.actions.iter().find_map(|action| match action {
            Action::Queue { at } => Some(*at),
            _ => None,
        })
    }

    /// Keywords that it puts on the mail.
    pub fn labels(&self) -> Vec<String> {
        let labels = self.actions.iter().filter_map(|action| match action {
            Action::Label { labels } => Some(labels.clone()),
            _ => None,
        });
        labels.flatten().collect()
    }

    /// Does the desk itself send a mail, now or in its turn?
    pub fn answers(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Reply(_) | Action::Redirect(_)))
    }
}

/// May a robot answer this mail at all? (mail-safety rules R1–R28)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    pub verdict: GateVerdict,
    /// Every rule that fired, in the order of the rulebook; empty for [`GateVerdict::Answer`].
    pub hits: Vec<GateHit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateVerdict {
    /// A robot may answer.
    Answer,
    /// No automatic reply, but a person sees it.
    Human,
    /// Bounce or own loop: recorded, never an inquiry.
    Sink,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateHit {
    /// "R1" … "R28".
    pub rule: String,
    pub verdict: GateVerdict,
    /// What was seen, without text of the mail's body or full addresses: `Auto-Submitted: auto-replied`.
    pub detail: String,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// The desk acts by itself.
    Auto,
    /// Staff decide.
    Review,
    /// Prohibited conduct: staff only, no reply.
    Hold,
    /// Never answered: bounce, robot, own mail.
    Ignore,
}

impl Disposition {
    pub fn as_str(self) -> &'static str {
        match self {
            Disposition::Auto => "auto",
            Disposition::Review => "review",
            Disposition::Hold => "hold",
            Disposition::Ignore => "ignore",
        }
    }
}

/// A stable code and its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// kebab-case, listed in docs/explain-json.md: `clear`, `low-margin`, `gate-R2` …
    pub code: String,
    /// For staff, in Japanese.
    pub text: String,
}

/// Direct customer, a partner's customer, or nobody we know (terms, article 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub kind: RouteKind,
    /// Partner id of the register, for [`RouteKind::Partner`].
    pub partner: Option<String>,
    /// Customer id of the register, if known.
    pub customer: Option<String>,
    pub authenticated: AuthLevel,
    /// How the route was found: `contract number`, `address`, `domain example.jp` …
    pub proof: String,
    /// Why the register cannot tell the route, though it knows something.
    #[serde(default)]
    pub doubt: Option<Doubt>,
}

/// What keeps the register from telling the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// Two proofs point to two routes, or two contracts are named.
    Conflict,
    /// The contract did not run on the day of the mail.
    Expired,
    /// The contract is served at another desk.
    OtherDesk,
    /// The sender's domain could be taken for one of the register.
    LookAlike,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteKind {
    Direct,
    /// A partner's customer.
    Partner,
    /// The partner itself.
    PartnerStaff,
    Unknown,
}

/// How far the sender is proved (mail-safety A5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthLevel {
    None,
    /// SPF pass, aligned.
    Weak,
    /// DMARC or aligned DKIM pass.
    Strong,
}

/// A sentence (or a run of them) that carries a clause: byte offsets into the subject or the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopePart {
    pub scope: String,
    pub text: String,
}

/// Why a clause was found: a rule and the exact words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub clause: String,
    pub rule: String,
    pub section: EvidenceSection,
    /// Offsets in characters (Unicode scalar values), half-open, into the subject or the whole decoded text.
    pub start: usize,
    pub end: usize,
    /// Exactly what stands there.
    pub text: String,
    pub score: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceSection {
    Subject,
    #[serde(untagged)]
    In(SectionKind),
}

/// The clause that nearly won, and what it lacked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunnerUp {
    pub clause: String,
    pub score: f64,
    /// Points missing to its threshold or to the winner.
    pub lacked: f64,
}

/// Something to do about the mail, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Action {
    /// Keywords on the mail in the mailbox.
    Label { labels: Vec<String> },
    /// At once, for mail that waits: that it came, and when the desk opens.
    Acknowledge(Reply),
    /// Answer by the desk itself; with `at` it is what would be sent then, and is decided anew then.
    Reply(Reply),
    /// Answer that sends the customer to the partner (terms 3-1).
    Redirect(Reply),
    /// The mail itself to the partner, with words in front (terms 13-2).
    Forward(Reply),
    /// Answer that staff send themselves: put into Drafts.
    Draft(Reply),
    /// At its time, unless the customer has written again: that his inquiry is closed.
    Close(Reply),
    /// At once to staff, whatever the hour: an urgent mail has come.
    Alert(Reply),
    /// The same by the desk's own command.
    AlertCommand(Alert),
    /// A person works on it, from `at` on (none: at once).
    HandOver { at: Option<Timestamp> },
    /// The mail waits for the opening, and is then decided anew.
    Queue { at: Timestamp },
    /// Move within the mailbox.
    Move { folder: String },
}

/// What staff's own command is told of urgent mail: nothing of the mail itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The urgent kind: 「パスワードの盗難・不正使用」
    pub title: String,
    /// 「利用約款 第13条第7項」
    pub article: String,
    /// Of the case; empty if it has none.
    pub receipt: String,
}

/// A mail to the customer, complete but for its date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Template id, `answer`, `redirect` …
    pub template: String,
    pub to: Mailbox,
    /// When to send; none means at once.
    pub at: Option<Timestamp>,
    /// Not sent from then on: an acknowledgement that names the opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// It goes on with a dialogue: that has a limit of its own, so it does not count against the sender's budget.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follows: bool,
    pub subject: String,
    pub body: String,
    /// Fixed when decided, without angle brackets: it makes a second send recognisable.
    pub message_id: String,
    /// Parent's Message-ID, if it has a usable one.
    pub in_reply_to: Option<String>,
    /// Oldest first, parent last.
    pub references: Vec<String>,
}

/// What a decision was made with (invariant 7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeWith {
    pub pack: String,
    pub pack_version: String,
    /// SHA-256 over all files of pack and templates, hex, first 16 digits.
    pub rules_hash: String,
    /// `madoguchi 0.1.0`
    pub program: String,
}
