//! What is known beyond the mail itself: everything [`crate::triage::decide`] may look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::budget::{Budgets, Standing};
use super::calendar::OutOfHours;
use super::decision::{AuthLevel, Route};
use super::form::FormRule;
use super::notice::Notice;
use super::outage::Outage;
use super::register::Register;
use super::rulebook::Rulebook;
use super::together::Release;

/// The world at the moment of the decision. Same inquiry, same context: same decision.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    pub now: Timestamp,
    pub desk: &'a DeskProfile,
    pub rules: &'a Rulebook,
    pub register: &'a Register,
    /// What the mailbox says about the mail.
    pub seen: Seen,
    pub history: History,
    /// The reference that a case gets if this mail opens one; none in `explain`.
    pub receipt: Option<String>,
    /// Of this desk, also those that are not in force now.
    pub notices: Vec<Notice>,
    /// Outages of the service that staff recorded at this desk.
    pub outages: Vec<Outage>,
    /// Set when a mail is decided anew that waited for the opening.
    pub release: Option<Release>,
}

impl Context<'_> {
    /// When the mail was first decided: its age and its arrival count from then, however long it waited.
    pub fn first_decided(&self) -> Timestamp {
        self.release.as_ref().map_or(self.now, |release| release.first_decided)
    }
}

/// A desk's own settings, as far as deciding needs them.
#[derive(Debug, Clone, Default)]
pub struct DeskProfile {
    pub id: String,
    /// Display name of our answers.
    pub name: String,
    /// The desk's address; answers come from it.
    pub address: String,
    /// Every address of this installation, lower case: mail from them is never answered (R11), mail to none of
    /// them neither (R13). Empty in `explain` without a configuration: then both rules are not judged.
    pub own_addresses: Arc<[String]>,
    /// Whose findings about the sender are believed.
    pub border: Border,
    /// How far a sender must be proved before an answer may depend on the register.
    pub authentication: RequiredAuth,
    /// What is done with mail of partners' own staff.
    pub partner_staff: PartnerStaff,
    /// A partner's customers' inquiries are passed on to the partner (terms 13-2).
    pub forward_to_partner: bool,
    /// First letters of the desk's receipt numbers.
    pub receipt_prefix: String,
    /// Web forms whose mail is opened; none by default.
    pub forms: Vec<FormRule>,
    /// Put before clause ids and dispositions to make keywords: `mado-` → `mado-4-1-3`.
    pub label_prefix: String,
    /// Folder of a disposition (`review`) or clause (`4-2-6`); without entry the mail stays.
    pub folders: BTreeMap<String, String>,
    /// Which answers go to Drafts, for staff to send.
    pub drafts: Drafts,
    /// Who handles what this desk does not (terms 4-3), by [`super::pack::Clause::department`].
    pub departments: BTreeMap<String, Department>,
    /// Mail older than this is not answered by itself (R19); none: no limit.
    pub max_age: Option<SignedDuration>,
    /// How many automatic answers may go out (R21).
    pub budgets: Budgets,
    /// How "from the next business day on" is read (terms 5-2).
    pub out_of_hours: OutOfHours,
    /// Open time within which staff usually answer (terms 6-1): told as a guide, never promised.
    pub guide: Option<SignedDuration>,
    /// The mail's signature lines.
    pub signature: String,
    /// Who is told at once of urgent mail.
    pub alert: Option<String>,
    /// Program and arguments that tell somebody of urgent mail; empty: none.
    pub alert_command: Vec<String>,
    /// Key for our Message-IDs; never shown.
    pub secret: Vec<u8>,
}

/// Where mail comes in from outside, and which of the findings about its sender are believed (RFC 8601).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Border {
    pub profile: AuthProfile,
    /// The authserv-id; none: no `Authentication-Results` is believed. Only for [`AuthProfile::Standard`].
    pub authserv: Option<String>,
    /// The host that first took the mail in: only fields above its `Received` line are believed. Only for
    /// [`AuthProfile::Standard`].
    pub received_by: Option<String>,
    /// Domains whose ARC seal may vouch for forwarded mail.
    pub arc_sealers: Vec<String>,
}

/// How the border writes its findings: `authentication_profile = "standard" | "m365" | "google"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthProfile {
    /// As RFC 8601 says.
    #[default]
    Standard,
    /// Without authserv-id; only the place tells whose field it is.
    Microsoft365,
    /// Below its own `Received` line.
    Google,
}

/// Somebody else who handles a matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Department {
    pub name: String,
    /// Mail address, telephone or URL, as the customer should see it.
    pub contact: String,
}

/// `authentication = "strong" | "weak" | "off"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequiredAuth {
    #[default]
    Strong,
    Weak,
    Off,
}

impl RequiredAuth {
    /// Is `level` enough for an answer that depends on who the sender is?
    pub fn met_by(self, level: AuthLevel) -> bool {
        match self {
            RequiredAuth::Strong => level >= AuthLevel::Strong,
            RequiredAuth::Weak => level >= AuthLevel::Weak,
            RequiredAuth::Off => true,
        }
    }
}

/// `partner_staff = "answer" | "review"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartnerStaff {
    /// As a customer's, for the partner.
    #[default]
    Answer,
    Review,
}

/// Which answers staff send themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drafts {
    /// None: what is decided automatically is sent, the rest staff write.
    #[default]
    Never,
    /// Mail for review gets a draft to start from.
    Review,
    /// Nothing is sent by the desk itself.
    All,
}

/// What the mailbox knows of the mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// Name of the mailbox it lies in, "" in `explain`.
    #[serde(skip_serializing_if = "is_default")]
    pub mailbox: String,
    /// INTERNALDATE; none in `explain`.
    #[serde(skip_serializing_if = "is_default")]
    pub internal_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_default")]
    pub flags: Vec<String>,
    /// Mail that arrived before this is never answered: the desk's activation (invariant 6).
    #[serde(skip_serializing_if = "is_default")]
    pub not_before: Option<Timestamp>,
    /// Domain of a DKIM signature that was checked by ourselves and is good; none if that was not asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub dkim: Option<String>,
}

/// What happened before, from the journal and the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// This very mail (bytes, or Message-ID and sender) was decided before (R20).
    #[serde(skip_serializing_if = "is_default")]
    pub duplicate: bool,
    /// Its Message-ID is one of ours (R12).
    #[serde(skip_serializing_if = "is_default")]
    pub own_message: bool,
    /// Automatic answers already sent or queued in this thread or case (R22), questions for the contract not counted:
    /// found by the ids it names, or to the same sender under the same subject within seven days.
    #[serde(skip_serializing_if = "is_default")]
    pub answers_in_thread: u32,
    /// The contract was asked for in this thread or case, or of this sender within seven days.
    #[serde(skip_serializing_if = "is_default")]
    pub asked_contract: bool,
    /// The sender was sent to a partner within seven days.
    #[serde(skip_serializing_if = "is_default")]
    pub redirected: bool,
    /// Budgets, breaker and bounces (R21, R23).
    #[serde(skip_serializing_if = "is_default")]
    pub standing: Standing,
    /// The case that this mail joins.
    #[serde(skip_serializing_if = "is_default")]
    pub case: Option<Case>,
    /// Other mail of this sender waits for the opening, until then: they are answered together.
    #[serde(skip_serializing_if = "is_default")]
    pub waiting: Option<Timestamp>,
    /// For a mail that only brings a password: the journal number of the mail with the attachment.
    #[serde(skip_serializing_if = "is_default")]
    pub ppap_first: Option<String>,
    /// The sender's route, where it is known from before: when a mail is decided again by other rules, it is whoever's
    /// the register said then.
    #[serde(skip_serializing_if = "is_default")]
    pub route: Option<Route>,
}

/// A case as far as deciding needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Case {
    /// Its receipt number.
    #[serde(skip_serializing_if = "is_default")]
    pub reference: String,
    /// What it remembers, by name ([`super::decision::Decision::case_state`]).
    #[serde(skip_serializing_if = "is_default")]
    pub state: serde_json::Map<String, serde_json::Value>,
    /// All other mail of it waits for the opening, too: it is one inquiry, and in nobody's hands yet.
    #[serde(skip_serializing_if = "is_default")]
    pub waits: bool,
}

impl Case {
    /// What the case remembers under this name, if it can be read as `T`.
    pub fn remembered<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.state.get(name)?.clone()).ok()
    }
}

/// Most of it is as it nearly always is, and is not written down.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
