//! What people write, and which moment it is. The mails are written on Friday 2026-11-20 at 16:30 in Tokyo.

use jiff::tz::TimeZone;

use super::*;
use crate::triage::calendar::Hours;
use crate::triage::calendar::holidays::Holidays;
use crate::triage::inquiry::{Inquiry, Section, SectionKind};
use crate::triage::own_words::OwnWords;

const WRITTEN: &str = "2026-11-20T16:30:00+09:00";

fn calendar() -> Calendar {
    let day = vec![Hours { from: "10:00".parse().unwrap(), until: "18:00".parse().unwrap() }];
    let week = [day.clone(), day.clone(), day.clone(), day.clone(), day, vec![], vec![]];
    Calendar { holidays: Holidays::japan(), ..Calendar::of_week(TimeZone::get("Asia/Tokyo").unwrap(), week) }
}

fn found(text: &str) -> Vec<Deadline> {
    let sections = vec![Section { kind: SectionKind::Body, start: 0, end: text.len() }];
    let inquiry = Inquiry { text: text.into(), sections, date: Some(WRITTEN.parse().unwrap()), ..Inquiry::default() };
    deadlines(&OwnWords::of(&inquiry), &calendar(), Timestamp::UNIX_EPOCH)
}

/// 「words=11-25 15:00」 for each; the end of a day is 24:00, 「至急=」 has no date.
fn said(text: &str) -> String {
    let one = |deadline: &Deadline| {
        let local = deadline.by.map(|by| by.to_zoned(TimeZone::get("Asia/Tokyo").unwrap()));
        let when = match (deadline.date, local) {
            (Some(date), Some(local)) if local.date() > date => format!("{date} 24:00"),
            (Some(_), Some(local)) => local.strftime("%F %H:%M").to_string(),
            _ => String::new(),
        };
        let chars: String = text.chars().skip(deadline.start).take(deadline.end - deadline.start).collect();
        assert_eq!(chars, deadline.text);
        format!("{}={}", deadline.text, when.trim_start_matches("2026-"))
    };
    found(text).iter().map(one).collect::<Vec<_>>().join(" | ")
}

#[test]
fn deadlines_are_found_and_dated() {
    for (text, expected) in [
        ("本日中にご回答ください。", "本日中に=11-20 24:00"),
        ("11/25 15時までにお願いします。", "11/25 15時までに=11-25 15:00"),
        ("11/25(水)15:30まででお願いします。", "11/25(水)15:30までで=11-25 15:30"),
        ("１１月２５日（水）午後３時半までに回答をいただけますか。", "１１月２５日（水）午後３時半までに=11-25 15:30"),
        ("2026年12月1日必着でお願いします。", "2026年12月1日必着=12-01 24:00"),
        ("2026-12-01までに直してください。", "2026-12-01までに=12-01 24:00"),
        ("令和8年12月1日までに直してください。", "令和8年12月1日までに=12-01 24:00"),
        ("1/8までに直してください。", "1/8までに=2027-01-08 24:00"),
        ("25日までに直してください。", "25日までに=11-25 24:00"),
        ("5日までに直してください。", "5日までに=12-05 24:00"),
        ("明日の朝一で確認をお願いします。", "明日の朝一で=11-21 09:00"),
        ("明日の午前中にお電話ください。", "明日の午前中に=11-21 12:00"),
        ("本日17時までに返信いただけますか。", "本日17時までに=11-20 17:00"),
        ("18時までに返信いただけますか。", "18時までに=11-20 18:00"),
        ("10時までに返信いただけますか。", "10時までに=11-21 10:00"),
        ("今週中にお願いします。", "今週中に=11-20 24:00"),
        ("来週中に回答をください。", "来週中に=11-27 24:00"),
        ("来週の水曜までに回答をください。", "来週の水曜までに=11-25 24:00"),
        ("水曜日までに回答をください。", "水曜日までに=11-25 24:00"),
        ("金曜日の夕方までに回答をください。", "金曜日の夕方までに=11-20 17:00"),
        ("週明けまでに回答をください。", "週明けまでに=11-23 24:00"),
        ("今月末までに回答をください。", "今月末までに=11-30 24:00"),
        ("年内に対応してください。", "年内に=12-31 24:00"),
        ("年度末までに対応してください。", "年度末までに=2027-03-31 24:00"),
        // Monday is a holiday.
        ("翌営業日中にお願いします。", "翌営業日中に=11-24 24:00"),
        ("3営業日以内にお願いします。", "3営業日以内に=11-26 24:00"),
        ("三日以内にお願いします。", "三日以内に=11-23 24:00"),
        ("24時間以内に回答してください。", "24時間以内に=11-21 16:30"),
        ("2週間以内に回答してください。", "2週間以内に=12-04 24:00"),
        ("回答期限は11月27日です。", "期限は11月27日=11-27 24:00"),
        ("至急ご対応ください。", "至急="),
        ("大至急、本日15:00までに、遅くとも明日中に。", "大至急= | 明日中に=11-21 24:00"),
        ("お急ぎでお願いします。", "お急ぎで="),
        ("Please answer by tomorrow, it is urgent.", "by tomorrow=11-21 24:00 | urgent="),
        ("We need it ASAP.", "ASAP="),
    ] {
        assert_eq!(said(text), expected, "{text}");
    }
}

#[test]
fn what_sets_no_deadline_is_left() {
    for text in [
        "取り急ぎご連絡まで。",
        "とり急ぎお知らせいたします。",
        "急ぎではありませんが、教えてください。",
        "急ぎませんので、よろしくお願いします。",
        "至急ではございません。",
        "11/18まで使えていました。",
        "11/19までに届くはずでした。",
        "本日15時までは動いていました。",
        "緊急連絡先を変更したいです。",
        "緊急通報はできますか。",
        "10/100台までに増やせますか。",
        "月曜から動きません。",
        "明日の会議で使います。",
        "13/45までに直してください。",
        "2026年2月30日までに直してください。",
        "",
    ] {
        assert_eq!(said(text), "", "{text}");
    }
}

#[test]
fn only_words_of_today_count() {
    let text = "手順を教えてください。\n> 本日中にお願いします。\n";
    let quote = text.find('>').unwrap();
    let section = |kind, start, end| Section { kind, start, end };
    let sections = vec![section(SectionKind::Body, 0, quote), section(SectionKind::Quoted, quote, text.len())];
    let inquiry = Inquiry { text: text.into(), sections, ..Inquiry::default() };
    assert_eq!(deadlines(&OwnWords::of(&inquiry), &calendar(), WRITTEN.parse().unwrap()), []);
}

#[test]
fn any_text_is_read_without_a_panic() {
    proptest::proptest!(|(text in "[0-9/月日時:まで中に本明今来週至急 以内営業(水)令和年半後前午\\n。]{0,40}")| {
        for deadline in found(&text) {
            assert!(deadline.end > deadline.start, "{text:?}");
        }
    });
}

#[test]
fn sentences_without_a_word_of_time_are_not_looked_at() {
    let words = words().unwrap();
    assert!(!words.may_stand_in("端末の設定の手順を教えてください。"));
    assert!(words.may_stand_in("本日中にお願いします。"));
}
