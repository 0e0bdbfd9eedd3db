//! Doubts about who writes, and about writing again: what staff decide though the mail itself is clear.

use super::context::{Context, PartnerStaff};
use super::decision::{Doubt, Reason, Route, RouteKind};

/// Why staff decide, if so. What is not proved gets only the neutral acknowledgement, whatever the register says: there
/// the doubt is told to staff, and stops nothing ([`told`]).
/// `led`: the customer answers questions of ours, so that he writes again is no doubt.
pub(super) fn stop(route: &Route, led: bool, ctx: &Context) -> Option<Reason> {
    let history = &ctx.history;
    let asked = history.asked_contract;
    let proved = ctx.desk.authentication.met_by(route.authenticated);
    // Only the contract that we asked for is taken up again without staff, and mail that waits together is one inquiry.
    if history.case.as_ref().is_some_and(|case| !case.waits) && !(asked && proved) && !led {
        return Some(reason("follow-up", "対応中の案件への追加のメールです。これまでの経緯は受付番号で確認できます"));
    }
    if !proved {
        return None;
    }
    match route.kind {
        _ if route.doubt.is_some() => doubt(route),
        RouteKind::PartnerStaff if ctx.desk.partner_staff == PartnerStaff::Review => {
            Some(reason("partner-staff", "販売パートナーの担当者からのメールです"))
        }
        RouteKind::Partner if history.redirected => {
            Some(reason("redirected-before", "この送信者には、パートナーへのご案内を最近お送りしています"))
        }
        RouteKind::Unknown if asked => {
            Some(reason("asked-before", "ご契約の確認を最近お願いしましたが、まだ確認できません"))
        }
        _ => None,
    }
}

/// What staff should know where it does not stop an answer.
pub(super) fn told(route: &Route, ctx: &Context) -> Option<Reason> {
    doubt(route).filter(|_| !ctx.desk.authentication.met_by(route.authenticated))
}

fn doubt(route: &Route) -> Option<Reason> {
    let proof = &route.proof;
    Some(match route.doubt? {
        Doubt::Conflict => reason("route-conflict", &format!("登録情報が食い違っています: {proof}")),
        Doubt::Expired => reason("contract-expired", &format!("メールの日に有効な契約がありません: {proof}")),
        Doubt::OtherDesk => reason("other-desk", &format!("この窓口の契約ではありません: {proof}")),
        Doubt::LookAlike => reason("look-alike", &format!("登録済みのドメインに似た、別のドメインです: {proof}")),
    })
}

fn reason(code: &str, text: &str) -> Reason {
    Reason { code: code.into(), text: text.into() }
}
