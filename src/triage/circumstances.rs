//! What is kept with a decision, so that it can be made again: by other rules, before they go live.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::context::{Context, DeskProfile, History, Seen};
use super::decision::Decision;
use super::notice::Notice;
use super::outage::Outage;
use super::register::Register;
use super::rulebook::Rulebook;
use super::together::Release;

/// What a decision depended on besides the mail, the rules, the desk's settings and the register.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Circumstances {
    pub now: Timestamp,
    pub seen: Seen,
    pub history: History,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Those in force then: no others count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// Those on record then; none if the mail was not about a credit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outages: Option<Vec<Outage>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

impl Circumstances {
    /// Those of a decision.
    pub fn of(decision: &Decision, ctx: Context<'_>) -> Circumstances {
        let Context { now, seen, history, receipt, mut notices, outages, release, .. } = ctx;
        notices.retain(|notice| notice.is_in_force(now));
        let outages = Some(outages).filter(|_| decision.facts.outages.is_some());
        Circumstances { now, seen, history, receipt, notices, outages, release }
    }

    /// The world as it was, but for rules and settings. Whose customer the sender was stands in the decision of then.
    /// `outages`: those on record today, for a mail that other rules may take for a claim.
    pub fn context<'a>(
        self,
        before: &Decision,
        desk: &'a DeskProfile,
        rules: &'a Rulebook,
        register: &'a Register,
        outages: &[Outage],
    ) -> Context<'a> {
        let Circumstances { now, seen, history, receipt, notices, outages: recorded, release } = self;
        let history = History { route: Some(before.route.clone()), ..history };
        let outages = recorded.unwrap_or_else(|| outages.to_vec());
        Context { now, desk, rules, register, seen, history, receipt, notices, outages, release }
    }
}
