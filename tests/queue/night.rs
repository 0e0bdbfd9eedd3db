//! What happens to mail that comes at night, case by case. Friday 2026-11-20; Monday is a holiday.

use jiff::SignedDuration;
use madoguchi::worker::Progress;

use crate::desk::{Desk, Sent, tokyo};

const TARO: &str = "taro@direct.example.jp";
const HOW: &str = "設定の手順を教えてください。";
const FAULT: &str = "端末が動きません。";

/// `to in_reply_to first-line`, one each.
fn said(sent: &[Sent]) -> Vec<String> {
    sent.iter().map(|mail| format!("{} {}", mail.in_reply_to, mail.text().lines().next().unwrap_or_default())).collect()
}

#[tokio::test]
async fn mail_out_of_hours_is_acknowledged_at_once_and_answered_at_the_opening() {
    let mut desk = Desk::start("2026-11-20T17:59:59", "").await;
    desk.deliver("in-time", "hanako@direct.example.jp", "手順", HOW);
    desk.work().await;
    assert_eq!(said(&desk.collect()), ["in-time 試験窓口"]);
    desk.clock.set(tokyo("2026-11-20T18:00:00"));
    desk.deliver("late", TARO, "手順", HOW);
    desk.work().await;
    let sent = desk.collect();
    assert_eq!(said(&sent), ["late 受け付けました"]);
    assert_eq!(desk.labels().await, ["answered auto how", "auto how queued"]);
    desk.work_at("2026-11-24T09:59:59").await;
    assert!(desk.collect().is_empty());
    desk.work_at("2026-11-24T10:00:00").await;
    let sent = desk.collect();
    assert_eq!(said(&sent), ["late 試験窓口"]);
    assert!(!sent[0].text().contains("以降"), "the desk is open now: {}", sent[0].text());
    assert_eq!(desk.labels().await[1], "answered auto how");
    desk.work_at("2026-11-24T12:00:00").await;
    assert!(desk.collect().is_empty());
    assert_eq!(desk.ends().await, ["auto clear", "auto clear"]);
}

#[tokio::test]
async fn turns_are_spaced_in_the_order_of_arrival_and_survive_restarts() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "release_seconds = 10").await;
    for number in 0..6 {
        desk.wait(SignedDuration::from_secs(60));
        desk.deliver(&format!("m{number}"), &format!("user{number}@direct.example.jp"), "手順", HOW);
        desk.work().await;
        desk.restart().await;
    }
    assert_eq!(desk.collect().len(), 6);
    for (at, answered) in [("10:00:00", 1), ("10:00:09", 0), ("10:00:10", 1), ("10:00:35", 2), ("10:01:00", 2)] {
        desk.work_at(&format!("2026-11-24T{at}")).await;
        desk.restart().await;
        assert_eq!(desk.collect().len(), answered, "{at}");
    }
    let sends = desk.rows().await;
    assert!(
        sends
            .iter()
            .all(|row| row.waits_until.is_none() && row.effects.iter().filter(|e| e.kind == "send").count() == 2)
    );
}

#[tokio::test]
async fn several_mails_of_a_night_get_one_answer_that_speaks_of_all() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
    desk.deliver("one", TARO, "手順", HOW);
    desk.work().await;
    desk.deliver("other", "hanako@direct.example.jp", "手順", HOW);
    desk.work().await;
    desk.deliver("two", "Taro+x@direct.example.jp", "別件", FAULT);
    desk.work().await;
    desk.deliver("thanks", TARO, "Re: 別件", "お世話になっております。\nよろしくお願いいたします。");
    desk.work().await;
    let mut early = said(&desk.collect());
    early.sort();
    assert_eq!(early, ["one 受け付けました", "other 受け付けました"], "one acknowledgement a sender");
    desk.work_at("2026-11-24T10:01:00").await;
    let sent = desk.collect();
    let mut answered: Vec<&str> = sent.iter().map(|mail| mail.in_reply_to.as_str()).collect();
    answered.sort_unstable();
    assert_eq!(answered, ["other", "two"]);
    let together = sent.iter().find(|mail| mail.in_reply_to == "two").unwrap();
    assert_eq!(together.text().matches("[in-scope]").count(), 2, "{}", together.text());
    assert_eq!(desk.ends().await, ["auto answered-together", "auto clear", "auto clear", "review no-own-words"]);
    assert!(desk.labels().await.iter().all(|labels| !labels.contains("queued")));
}

#[tokio::test]
async fn mail_that_comes_between_opening_and_its_senders_turn_joins_it() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "release_seconds = 60").await;
    desk.deliver("first", "hanako@direct.example.jp", "手順", HOW);
    desk.work().await;
    desk.deliver("night", TARO, "手順", HOW);
    desk.work().await;
    desk.collect();
    desk.work_at("2026-11-24T10:00:30").await;
    desk.deliver("morning", TARO, "別件", FAULT);
    desk.work().await;
    assert_eq!(said(&desk.collect()), ["first 試験窓口"]);
    desk.work_at("2026-11-24T10:01:00").await;
    assert_eq!(said(&desk.collect()), ["morning 試験窓口"]);
}

#[tokio::test]
async fn settled_matters_are_withdrawn() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
    desk.deliver("one", TARO, "手順", HOW);
    desk.work().await;
    desk.deliver("two", TARO, "Re: 手順", "先ほどの件は解決しました。お騒がせしました。");
    desk.work().await;
    desk.collect();
    desk.work_at("2026-11-24T11:00:00").await;
    assert_eq!(said(&desk.collect()), Vec::<String>::new());
    assert_eq!(desk.ends().await, ["review withdrawn", "review withdrawn"]);
    let labels = desk.labels().await;
    assert!(labels.iter().all(|labels| labels.contains("review") && !labels.contains("queued")), "{labels:?}");
    assert!(!labels[0].contains("auto"), "{labels:?}");
}

#[tokio::test]
async fn a_matter_that_is_open_again_is_answered() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
    for (id, body) in [("one", HOW), ("two", "解決しました。"), ("three", FAULT)] {
        desk.deliver(id, TARO, "手順", body);
        desk.work().await;
    }
    desk.collect();
    desk.work_at("2026-11-24T11:00:00").await;
    assert_eq!(said(&desk.collect()), ["three 試験窓口"]);
}

#[tokio::test]
async fn where_one_mail_is_for_a_person_all_are() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
    for (id, body) in [("one", HOW), ("two", "あの件はどうなりましたでしょうか。")] {
        desk.deliver(id, TARO, id, body);
        desk.work().await;
    }
    desk.collect();
    desk.work_at("2026-11-24T11:00:00").await;
    assert!(desk.collect().is_empty());
    assert_eq!(desk.ends().await, ["review wrote-again", "review unclear"]);
}

#[tokio::test]
async fn rules_and_calendar_are_those_of_the_turn() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
    desk.deliver("one", TARO, "手順", HOW);
    desk.work().await;
    desk.collect();
    // The company closes on Tuesday after all, and hands how-to questions to staff.
    let rules = desk.path("rules/mini/rules.toml");
    let text = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(rules, text.replace("score = 2.5\nany = [\"手順\"", "score = 0.5\nany = [\"手順\"")).unwrap();
    desk.restart_with("closed = [{ date = 2026-11-24, reason = \"臨時休業\" }]").await;
    desk.work_at("2026-11-24T11:00:00").await;
    assert_eq!(desk.ends().await, ["auto clear"], "still waiting");
    desk.work_at("2026-11-25T10:00:00").await;
    assert!(desk.collect().is_empty());
    assert_eq!(desk.ends().await, ["review unclear"]);
}

#[tokio::test]
async fn a_queue_longer_than_the_day_goes_on_in_order() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "release_seconds = 3600").await;
    for number in 0..9 {
        desk.deliver(&format!("m{number}"), &format!("user{number}@direct.example.jp"), "手順", HOW);
        desk.work().await;
    }
    desk.collect();
    let mut answered = Vec::new();
    while desk.clock.now() < tokyo("2026-11-26T00:00:00") {
        desk.wait(SignedDuration::from_mins(5));
        desk.work().await;
        answered.extend(desk.collect());
    }
    let ids: Vec<&str> = answered.iter().map(|mail| mail.in_reply_to.as_str()).collect();
    assert_eq!(ids, ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"]);
    let closed = |mail: &&Sent| {
        let time = mail.at.to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").unwrap());
        let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
        !(600..705).contains(&minute) && !(765..1080).contains(&minute)
    };
    assert_eq!(answered.iter().find(closed).map(|mail| mail.at), None);
}

#[tokio::test]
async fn next_business_day_to_the_letter() {
    for (keys, morning, evening) in [
        ("out_of_hours = \"next-opening\"", "2026-11-20T10:00:00", "2026-11-24T10:00:00"),
        ("out_of_hours = \"next-business-day\"", "2026-11-24T10:00:00", "2026-11-24T10:00:00"),
    ] {
        for (arrives, answered) in [("2026-11-20T08:00:00", morning), ("2026-11-20T19:00:00", evening)] {
            let mut desk = Desk::start(arrives, keys).await;
            desk.deliver("one", TARO, "手順", HOW);
            desk.work().await;
            assert_eq!(said(&desk.collect()), ["one 受け付けました"], "{keys}");
            desk.clock.set(tokyo(answered) - SignedDuration::from_secs(1));
            desk.work().await;
            assert!(desk.collect().is_empty(), "{keys} {arrives}");
            desk.work_at(answered).await;
            assert_eq!(said(&desk.collect()), ["one 試験窓口"], "{keys} {arrives}");
        }
    }
}

#[tokio::test]
async fn a_clause_may_do_without_the_acknowledgement() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
    let pack = desk.path("rules/mini/pack.toml");
    let text = std::fs::read_to_string(&pack).unwrap();
    std::fs::write(pack, text.replace("title = \"手順\"", "title = \"手順\"\nacknowledge = false")).unwrap();
    desk.restart().await;
    desk.deliver("how", TARO, "手順", HOW);
    desk.deliver("fault", "hanako@direct.example.jp", "障害", FAULT);
    desk.deliver("partner", "jiro@through.example.jp", "障害", FAULT);
    desk.work().await;
    assert_eq!(said(&desk.collect()), ["fault 受け付けました"]);
    desk.work_at("2026-11-24T10:01:00").await;
    assert_eq!(desk.collect().len(), 3);
}

#[tokio::test]
async fn an_acknowledgement_that_could_not_go_out_in_time_does_not() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
    desk.deliver("one", TARO, "手順", HOW);
    decide_only(&mut desk).await;
    assert_eq!(desk.ends().await, ["auto clear"]);
    desk.restart().await;
    desk.work_at("2026-11-24T10:01:00").await;
    assert_eq!(said(&desk.collect()), ["one 試験窓口"]);
}

#[tokio::test]
async fn a_hand_over_is_acknowledged_after_the_opening_if_the_night_s_did_not_go_out() {
    // Whoever proves nothing gets no more than an acknowledgement.
    let proof = "authentication = \"weak\"\ntrusted_authserv = \"mx.desk.example\"";
    for (late, at_night, at_the_opening) in [(false, 1, 0), (true, 0, 1)] {
        let mut desk = Desk::start("2026-11-20T20:00:00", proof).await;
        desk.deliver("one", TARO, "手順", HOW);
        match late {
            true => decide_only(&mut desk).await,
            false => desk.work().await,
        }
        assert_eq!(desk.collect().len(), at_night);
        desk.restart().await;
        desk.work_at("2026-11-24T10:01:00").await;
        assert_eq!(said(&desk.collect()), vec!["one 受け付けました"; at_the_opening]);
    }
}

/// Staff were quicker than the opening.
#[tokio::test]
async fn what_staff_answered_deleted_or_moved_at_night_is_not_answered_again() {
    for change in ["R", "T", "gone"] {
        let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
        let file = desk.deliver("one", TARO, "手順", HOW);
        desk.work().await;
        assert_eq!(desk.collect().len(), 1, "{change}");
        match change {
            "gone" => std::fs::remove_file(&file).unwrap(),
            flag => std::fs::rename(&file, desk.path("mail/cur").join(format!("{}:2,{flag}", name(&file)))).unwrap(),
        }
        desk.work_at("2026-11-24T10:01:00").await;
        assert_eq!(said(&desk.collect()), Vec::<String>::new(), "{change}");
        assert_eq!(desk.ends().await, ["review gate-R19"], "{change}");
    }
}

#[tokio::test]
async fn what_staff_only_looked_at_at_night_is_answered() {
    let mut desk = Desk::start("2026-11-20T20:00:00", "").await;
    let file = desk.deliver("one", TARO, "手順", HOW);
    desk.work().await;
    std::fs::rename(&file, desk.path("mail/cur").join(format!("{}:2,FS", name(&file)))).unwrap();
    desk.collect();
    desk.work_at("2026-11-24T10:01:00").await;
    assert_eq!(said(&desk.collect()), ["one 試験窓口"]);
}

fn name(file: &std::path::Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

/// The process ends before anything is carried out.
async fn decide_only(desk: &mut Desk) {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let worker = desk.worker.as_mut().unwrap();
    worker.stop_on(stopped);
    worker.on_progress(move |step| {
        if matches!(step, Progress::Decided(_)) {
            stop.send_replace(true);
        }
    });
    worker.until_idle().await.unwrap();
}
