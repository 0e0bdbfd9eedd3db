//! The computation of a credit in words, for staff: each step with its article.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Claim, CreditTable, MonthCredit, Rounding, Stop};
use crate::triage::calendar::japanese_date;
use crate::triage::outage::Outage;
use crate::triage::period::Period;

/// The steps, one a line.
pub(super) fn steps(
    table: &CreditTable,
    claim: &Claim,
    stops: &[Stop],
    months: &[MonthCredit],
    zone: &TimeZone,
) -> Vec<String> {
    let mut lines: Vec<String> = stops.iter().flat_map(|stop| of_stop(stop, zone)).collect();
    if !table.article.is_empty() {
        lines.push(format!("当社が知った時刻から起算し、暦月ごとに合計します（{}）", table.article));
    }
    lines.extend(months.iter().map(|month| of_month(table, month, claim.fee)));
    lines.extend(in_time(table, claim, zone));
    let against = table.exclusions.iter().filter(|exclusion| claim.excluded.contains(&exclusion.id));
    lines.extend(against.map(|exclusion| format!("除外のおそれ: {}", exclusion.reason)));
    lines.extend(Some(table.note.clone()).filter(|note| !note.is_empty()));
    lines
}

fn of_stop(stop: &Stop, zone: &TimeZone) -> Vec<String> {
    let about = if stop.claimed.approximate { "、おおよその時刻" } else { "" };
    let mut lines = vec![format!("お申し出の停止: {}{about}", period(&stop.claimed, zone))];
    lines.push(match stop.recorded {
        Some(outage) => of_record(outage, zone),
        None => "障害の記録: 該当なし。停止の有無と、当社が知った時刻をご確認ください".to_owned(),
    });
    match &stop.counted {
        Some(counted) => lines.push(format!("計算の対象: {}（{}）", period(counted, zone), length(counted))),
        None => lines.push("計算の対象: なし".to_owned()),
    }
    lines
}

fn of_record(outage: &Outage, zone: &TimeZone) -> String {
    let until = outage.until.map_or("継続中".to_owned(), |until| moment(until, zone));
    let ours = if outage.ours { "当社の責めによる" } else { "当社の責めによらない" };
    let (from, known) = (moment(outage.from, zone), moment(outage.known, zone));
    format!("障害の記録 {}: {from}～{until}、{ours}（{}）、当社が知った時刻 {known}", outage.id, outage.cause)
}

fn of_month(table: &CreditTable, month: &MonthCredit, fee: Option<i64>) -> String {
    let (minutes, tier) = (month.minutes, &month.tier);
    let sum = format!("{}: 合計 {minutes}分", month.month);
    match (tier.as_str(), fee, month.amount) {
        ("none", _, _) => format!("{sum} → 減額の対象となる長さに達していません"),
        (_, Some(fee), Some(amount)) => {
            format!("{sum} → 月額基本料 {fee}円 × {tier} = {amount}円（1円未満{}）", rounding(table.rounding))
        }
        _ => format!("{sum} → 月額基本料の {tier}（月額基本料が登録されていないため、金額は計算できません）"),
    }
}

fn rounding(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Down => "切り捨て",
        Rounding::Up => "切り上げ",
        Rounding::Nearest => "四捨五入",
    }
}

/// Until when it could be claimed.
fn in_time(table: &CreditTable, claim: &Claim, zone: &TimeZone) -> Option<String> {
    let first = claim.told.periods.iter().map(|period| period.from).min()?;
    let last = table.last_day(first.to_zoned(zone.clone()).date());
    let kept = if claim.told.claimed? <= last { "期限内" } else { "期限を過ぎています" };
    let article = Some(&table.claim_article).filter(|article| !article.is_empty());
    let article = article.map(|article| format!("、{article}")).unwrap_or_default();
    Some(format!("請求の期限: {}（{kept}{article}）", japanese_date(last)))
}

fn period(period: &Period, zone: &TimeZone) -> String {
    format!("{}～{}", moment(period.from, zone), moment(period.until, zone))
}

fn length(period: &Period) -> String {
    format!("{}分", (period.until.as_second() - period.from.as_second()) / 60)
}

/// 「11月3日(火) 09:10」
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    format!("{} {}", japanese_date(at.date()), at.strftime("%H:%M"))
}
