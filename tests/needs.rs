//! What acknowledgements ask for: only what the mail does not say.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use madoguchi::config;
use madoguchi::triage::inquiry::Inquiry;
use madoguchi::triage::needs::missing;
use madoguchi::triage::own_words::OwnWords;
use madoguchi::triage::rulebook::Rulebook;
use madoguchi::triage::sections::{self, Hints};

/// Pack, clause, mail → the beginnings of what is asked for.
const CASES: &[(&str, &str, &str, &[&str])] = &[
    (
        "optim-biz",
        "4-1-2",
        "同期が止まりました。",
        &["端末の機種名", "端末のOS", "エージェント", "いつから", "発生するまで", "表示されるエラー"],
    ),
    (
        "optim-biz",
        "4-1-2",
        "昨日からiPhone 13（iOS 17.2）でエージェント4.5.1を起動すると「通信エラー（E-102）」と表示されます。",
        &[],
    ),
    ("optim-biz", "4-1-3", "Android 14の端末で、画面ロックの設定方法を教えてください。", &[]),
    ("optim-biz", "4-1-1", "機能の一覧はありますか。", &[]),
    ("biz-phone", "sla", "11月2日の9時から10時半まで、全内線が不通でした。減額をお願いします。", &[]),
    ("biz-phone", "sla", "先日の障害の減額をお願いします。", &["症状の出ている内線", "ご利用いただけなくなった日時"]),
    (
        "biz-phone",
        "device",
        "電話機を落として壊しました。",
        &["端末の機種名と、購入された端末か", "その端末をお使いになり始めた時期"],
    ),
    ("biz-phone", "device", "昨年購入した電話機が壊れました。", &[]),
];

#[test]
fn only_what_the_mail_does_not_say_is_asked_for() {
    let packs =
        ["optim-biz", "biz-phone"].map(|id| Rulebook::compile(config::embedded_pack(id).unwrap().into()).unwrap());
    for (pack, clause, body, expected) in CASES {
        let rules = packs.iter().find(|rules| rules.pack.id == *pack).unwrap();
        let sections = sections::split(body, &Hints::default());
        let mail = Inquiry { text: (*body).into(), sections, ..Inquiry::default() };
        let own = OwnWords::of(&mail);
        let asked = missing(&own, clause, &rules.asks, false);
        let fits = asked.len() == expected.len() && asked.iter().zip(*expected).all(|(a, e)| a.starts_with(e));
        assert!(fits, "{body}: {asked:?}");
        assert_eq!(missing(&own, clause, &rules.asks, true).len(), asked.len());
    }
}
