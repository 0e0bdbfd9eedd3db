//! What a decision costs: a mail of 3 KB from raw bytes to the decision, with 500, 5,000 and 50,000 terms, beside a
//! bare scan of the same text for the same literals. The ratio is the figure to watch (aim: at most 12; the whole pack
//! `optim-biz` was at 24 when this was written: 9 for the classification, 6 for the gate, 5 for reading the mail), and
//! that the cost hardly grows with the number of terms.
//!
//! ```sh
//! cargo bench --bench decide
//! ```
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on fails")]

use std::collections::BTreeSet;
use std::hint::black_box;

use aho_corasick::AhoCorasick;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use madoguchi::config;
use madoguchi::triage::context::{Context, DeskProfile, History, RequiredAuth, Seen};
use madoguchi::triage::fold::{Folding, fold_term};
use madoguchi::triage::own_words::OwnWords;
use madoguchi::triage::pack::{Pack, Rule, Term};
use madoguchi::triage::register::Register;
use madoguchi::triage::rulebook::Rulebook;
use madoguchi::triage::{classify, decide, read};

const SIZES: [usize; 3] = [500, 5_000, 50_000];

/// About 3 KB on the wire: a greeting, four paragraphs and a signature, as business mail has them.
const MAIL: &str = "From: =?UTF-8?B?55Sw5Lit?= <tanaka@shiosai.example>\r\n\
To: support@desk.example\r\n\
Subject: =?UTF-8?B?56uv5pyr44Gu6Kit5a6a44Gr44Gk44GE44Gm?=\r\n\
Date: Tue, 24 Nov 2026 10:00:00 +0900\r\n\
Message-ID: <bench@shiosai.example>\r\n\
MIME-Version: 1.0\r\n\
Content-Type: text/plain; charset=UTF-8\r\n\
Content-Transfer-Encoding: 8bit\r\n\
\r\n\
サポートご担当者様\r\n\
\r\n\
いつもお世話になっております。潮騒運輸株式会社 情報システム課の田中でございます。\r\n\
\r\n\
このたび、ドライバー用に新しいタブレットを四十台導入いたしまして、順次キッティングを進めております。\r\n\
管理サイトへの登録までは手順書のとおりに進み、一覧にも四十台すべてが表示されております。\r\n\
ところが、そのうちの十二台だけ、配信したはずの業務用アプリが入りません。\r\n\
端末側の画面では「保留中」と出たまま、丸一日たっても変わらない状態です。\r\n\
\r\n\
試したことは次のとおりです。\r\n\
・端末の再起動（三回）\r\n\
・Wi-Fiの切り替え（事務所のWi-Fi、モバイルルーターの両方）\r\n\
・管理サイトからの再配信\r\n\
・アプリの割り当てをいったん外して、もう一度割り当て\r\n\
いずれも結果は同じで、残りの二十八台は同じ設定のまま問題なく入っております。\r\n\
機種もOSの版もすべて同じで、購入した時期にも違いはございません。\r\n\
\r\n\
恐れ入りますが、配信が保留中のままになる原因と、確認すべき箇所を教えていただけますでしょうか。\r\n\
来週の月曜日から現場で使い始める予定のため、可能でしたら今週中に見通しだけでも伺えますと大変助かります。\r\n\
必要でしたら、端末のログや画面の写しをお送りいたします。取得の方法が分かりませんので、あわせてご教示ください。\r\n\
\r\n\
また、別件で恐縮ですが、来年の四月に営業所が一つ増える予定です。\r\n\
その際、組織の階層を一段深くしたいと考えておりますが、階層は最大でいくつまで作成できますか。\r\n\
現在は本社、支店、営業所の三段で運用しております。\r\n\
さらに、管理者のうち二名が異動となりますので、権限を見直す必要もございます。\r\n\
こちらは急ぎませんので、お手すきの折にお知らせいただければ十分です。\r\n\
\r\n\
お忙しいところ恐れ入りますが、何卒よろしくお願い申し上げます。\r\n\
\r\n\
--\r\n\
潮騒運輸株式会社 情報システム課\r\n\
田中 恵子\r\n\
TEL 000-000-0000\r\n\
Mail tanaka@shiosai.example\r\n";

/// The pack of `optim-biz` cut or grown to this many different literals; patterns stay with their rules.
fn pack(size: usize) -> Pack {
    let mut pack = config::embedded_pack("optim-biz").unwrap();
    let mut known = BTreeSet::new();
    pack.rules.retain(|rule| {
        let fits = known.len() < size;
        if fits {
            known.extend(literals(rule));
        }
        fits
    });
    let rule = pack.rules[0].clone();
    for n in 0..size.saturating_sub(known.len()).div_ceil(20) {
        let any = (0..20).map(|i| Term::Literal(invented(n * 20 + i))).collect();
        let (all, none) = (Vec::new(), Vec::new());
        pack.rules.push(Rule { id: format!("invented-{n}"), any, all, none, ..rule.clone() });
    }
    pack
}

fn literals(rule: &Rule) -> impl Iterator<Item = String> {
    let terms = rule.any.iter().chain(rule.all.iter().flatten()).chain(&rule.none);
    terms.filter_map(|term| match term {
        Term::Literal(text) => Some(fold_term(text, Folding::default())),
        Term::Pattern(_) | Term::Product(_) => None,
    })
}

/// A phrase of characters as mails have them, so that the automaton has near misses, and different for each number.
fn invented(mut number: usize) -> String {
    let letters: Vec<char> = "端末設定管理画面配信権限登録確認手順契約機種階層再起動通信障害更新履歴".chars().collect();
    let mut phrase = String::from("新");
    for _ in 0..5 {
        phrase.push(letters[number % letters.len()]);
        number /= letters.len();
    }
    phrase
}

fn decisions(criterion: &mut Criterion) {
    let profile = DeskProfile { authentication: RequiredAuth::Off, ..DeskProfile::default() };
    let register = Register::default();
    let raw = MAIL.as_bytes();
    let inquiry = read::read(raw, raw.len() as u64, true);
    let text = fold_term(&inquiry.text, Folding::default());
    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Bytes(raw.len() as u64));
    for size in SIZES {
        let pack = pack(size);
        let literals: BTreeSet<String> = pack.rules.iter().flat_map(literals).collect();
        let automaton = AhoCorasick::new(&literals).unwrap();
        let rules = Rulebook::compile(pack.into()).unwrap();
        group.bench_function(BenchmarkId::new("scan", size), |bench| {
            bench.iter(|| automaton.find_overlapping_iter(black_box(&text)).count());
        });
        group.bench_function(BenchmarkId::new("classify", size), |bench| {
            bench.iter(|| classify::classify(&OwnWords::of(black_box(&inquiry)), &rules));
        });
        group.bench_function(BenchmarkId::new("whole", size), |bench| {
            bench.iter(|| {
                let inquiry = read::read(black_box(raw), raw.len() as u64, true);
                decide(&inquiry, &context(&profile, &rules, &register))
            });
        });
    }
    group.finish();
}

fn context<'a>(desk: &'a DeskProfile, rules: &'a Rulebook, register: &'a Register) -> Context<'a> {
    let now: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    let (seen, history, notices, release) = (Seen::default(), History::default(), Vec::new(), None);
    Context { now, desk, rules, register, seen, history, receipt: None, notices, outages: Vec::new(), release }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
