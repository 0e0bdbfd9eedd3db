//! Whose customer writes, and what happens then: the table `routes.txt`, for the templates of every pack of the binary.
//! And what no answer ever says, whatever the row.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::date;
use madoguchi::config;
use madoguchi::triage::context::{
    Border, Case, Context, Department, DeskProfile, History, PartnerStaff, RequiredAuth, Seen,
};
use madoguchi::triage::decision::{Action, Decision, Reply};
use madoguchi::triage::register::{Customer, Partner, Period, PhoneSupport, Register};
use madoguchi::triage::rulebook::Rulebook;
use madoguchi::triage::{decide, read};

/// A Friday; the Monday after it is a holiday.
const OPEN: &str = "2026-11-20T10:30:00+09:00";
const CLOSED: &str = "2026-11-20T19:00:00+09:00";
const OPENING: &str = "2026-11-24T10:00:00+09:00";
const RECEIPT: &str = "TS-261120-0017";

#[derive(Debug, Clone)]
struct Row {
    line: usize,
    who: String,
    proof: String,
    asks: String,
    desk: String,
    before: String,
    acts: String,
    text: String,
    when: String,
    why: String,
}

impl Row {
    fn of(line: usize, text: &str) -> Row {
        let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "→").collect();
        let [who, proof, asks, desk, before, acts, text, when, why] =
            <[&str; 9]>::try_from(words).unwrap_or_else(|_| panic!("line {line}: {text}")).map(str::to_owned);
        Row { line, who, proof, asks, desk, before, acts, text, when, why }
    }
}

fn rows() -> Vec<Row> {
    let lines = include_str!("routes.txt").lines().enumerate();
    let rows = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    rows.map(|(at, line)| Row::of(at + 1, line)).collect()
}

/// Sender, further header lines, and words in front of what he asks.
fn sender(who: &str) -> (&'static str, &'static str, &'static str) {
    match who {
        "direct-domain" => ("taro@direct.example.jp", "", ""),
        "direct-subdomain" => ("taro@osaka.direct.example.jp", "", ""),
        "direct-address" => ("tencho@gmail.com", "", ""),
        "direct-tagged" => ("tencho+ipad@gmail.com", "", ""),
        "direct-idna" => ("taro@例え.jp", "", ""),
        "direct-number" => ("somebody@gmail.com", "", "契約番号はＯＢ－１００１です。"),
        "renewed" => ("taro@renewed.example.jp", "", ""),
        "address-over-domain" => ("shacho@through.example.jp", "", ""),
        "partner-domain" => ("hanako@through.example.jp", "", ""),
        "partner-no-phone" => ("hanako@quiet.example.jp", "", ""),
        "partner-number" => ("somebody@gmail.com", "", "契約番号: OB-2001"),
        "partner-copied" => ("dareka@stranger.example", "Cc: support@acme.example\n", ""),
        "staff-domain" => ("sato@acme.example", "", ""),
        "staff-number" => ("sato@acme.example", "", "契約番号 OB-2001 のお客様の件です。"),
        "expired-domain" => ("taro@old.example.jp", "", ""),
        "expired-number" => ("taro@direct.example.jp", "", "契約番号は OB-3001 です。"),
        "not-yet" => ("taro@future.example.jp", "", ""),
        "two-routes" => ("taro@both.example.jp", "", ""),
        "number-against-domain" => ("taro@direct.example.jp", "", "契約番号: OB-2001"),
        "two-numbers" => ("somebody@gmail.com", "", "契約番号: OB-1001、OB-1002"),
        "other-desk" => ("taro@elsewhere.example.jp", "", ""),
        "look-alike" => ("taro@d1rect.example.jp", "", ""),
        "stranger" => ("dareka@stranger.example", "", ""),
        "free-mail" => ("dareka@gmail.com", "", ""),
        other => panic!("nobody is called {other}"),
    }
}

fn register() -> Register {
    let partner = |id: &str, name: &str, until| Partner {
        id: id.into(),
        name: name.into(),
        contact: format!("support@{id}.example"),
        hours: Some("平日 9:00〜17:00".into()),
        phone_support: Some(PhoneSupport { valid: Period { from: None, until }, covers: None }),
        domains: vec![format!("{id}.example")],
        ..Partner::default()
    };
    let customer = |id: &str, domain: &str, partner: Option<&str>| Customer {
        id: id.into(),
        name: format!("{id}株式会社"),
        domains: vec![domain.into()],
        partner: partner.map(str::to_owned),
        ..Customer::default()
    };
    let valid = |from, until| Period { from, until };
    let number = |numbers: &[&str]| numbers.iter().map(|number| number.to_string()).collect();
    let customers = vec![
        Customer { contracts: number(&["OB-1001"]), ..customer("k-direct", "direct.example.jp", None) },
        Customer { contracts: number(&["OB-1002"]), ..customer("k-second", "second.example.jp", None) },
        Customer {
            addresses: vec!["tencho@gmail.com".into()],
            domains: vec![],
            ..customer("k-shop", "x.example", None)
        },
        customer("k-idna", "xn--r8jz45g.jp", None),
        Customer { contracts: number(&["OB-2001"]), ..customer("k-through", "through.example.jp", Some("acme")) },
        Customer {
            addresses: vec!["shacho@through.example.jp".into()],
            domains: vec![],
            ..customer("k-president", "x.example", None)
        },
        customer("k-quiet", "quiet.example.jp", Some("mute")),
        Customer {
            contracts: number(&["OB-3001"]),
            valid: valid(None, Some(date(2026, 10, 31))),
            ..customer("k-old", "old.example.jp", None)
        },
        Customer { valid: valid(Some(date(2026, 12, 1)), None), ..customer("k-future", "future.example.jp", None) },
        Customer {
            valid: valid(None, Some(date(2026, 10, 31))),
            ..customer("k-renewed-1", "renewed.example.jp", Some("acme"))
        },
        Customer { valid: valid(Some(date(2026, 11, 1)), None), ..customer("k-renewed-2", "renewed.example.jp", None) },
        customer("k-both-1", "both.example.jp", None),
        customer("k-both-2", "both.example.jp", Some("acme")),
        Customer { desks: vec!["other".into()], ..customer("k-elsewhere", "elsewhere.example.jp", None) },
    ];
    let partners = vec![partner("acme", "アクメ商会", None), partner("mute", "ミュート販売", Some(date(2026, 10, 31)))];
    Register::new(partners, customers).unwrap()
}

/// What the packs understand of each kind: in scope, out of scope, a second matter, prohibited conduct.
fn words(pack: &str, asks: &str) -> String {
    let [inside, outside, second, threat] = match pack {
        "optim-biz" => [
            "端末の初期化の操作手順を教えてください。",
            "50台分のお見積りをお願いします。",
            "ライセンスを10台分追加したいので、申込書の様式を教えてください。",
            "返事をしないなら、お前の会社に乗り込んで殴ってやる。",
        ],
        _ => [
            "通話を録音する機能はありますか。",
            "弊社のホームページ制作サービスをご紹介したく、ご担当者様とのお打ち合わせのお時間をいただけますか。",
            "解約の手続きを教えてください。",
            "イタ電大会をやりたいです。",
        ],
    };
    match asks {
        "in" => inside.into(),
        "out" => outside.into(),
        "both" => format!("{inside}\n\n別件ですが、{second}"),
        "threat" => threat.into(),
        _ => "例の件、どうぞよろしく。".into(),
    }
}

fn mail(row: &Row, pack: &str) -> String {
    let (from, headers, first) = sender(&row.who);
    let domain = idna(from.split('@').nth(1).unwrap());
    let results = match row.proof.as_str() {
        "strong" => format!("Authentication-Results: mx.desk.example; dmarc=pass header.from={domain}\n"),
        "weak" => format!("Authentication-Results: mx.desk.example; spf=pass smtp.mailfrom={domain}\n"),
        "none" => format!("Return-Path: <{from}>\n"),
        _ => "Return-Path: <x@elsewhere.example>\n".into(),
    };
    format!(
        "{results}Received: from x by mx.desk.example; Fri, 20 Nov 2026 10:30:00 +0900\n{headers}From: {from}\n\
         To: support@desk.example\nSubject: \nMessage-ID: <1@mail.example>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{first}\n\n{}\n",
        words(pack, &row.asks)
    )
}

/// The one name of the table that is not ASCII.
fn idna(domain: &str) -> &str {
    if domain == "例え.jp" { "xn--r8jz45g.jp" } else { domain }
}

fn desk(row: &Row, rules: &Rulebook) -> DeskProfile {
    let department = |name: &str| Department { name: format!("{name}窓口"), contact: format!("{name}@desk.example") };
    let names: BTreeSet<&String> = rules.pack.clauses.iter().filter_map(|clause| clause.department.as_ref()).collect();
    let departments: BTreeMap<String, Department> = names.into_iter().map(|n| (n.clone(), department(n))).collect();
    DeskProfile {
        id: "test".into(),
        name: "試験窓口".into(),
        address: "support@desk.example".into(),
        own_addresses: ["support@desk.example".into()].into(),
        border: Border { authserv: Some("mx.desk.example".into()), ..Border::default() },
        authentication: if row.proof == "off" { RequiredAuth::Off } else { RequiredAuth::Strong },
        label_prefix: "mado-".into(),
        departments,
        signature: "試験窓口".into(),
        secret: vec![7; 32],
        ..DeskProfile::default()
    }
}

fn history(before: &str) -> History {
    let case = Some(Case { reference: RECEIPT.into(), ..Case::default() });
    match before {
        "-" => History::default(),
        "answered" => History { answers_in_thread: 1, case, ..History::default() },
        "asked" => History { asked_contract: true, case, ..History::default() },
        "asked-elsewhere" => History { asked_contract: true, ..History::default() },
        "redirected" => History { redirected: true, ..History::default() },
        "case" => History { case, ..History::default() },
        other => panic!("nothing before is called {other}"),
    }
}

fn decided(row: &Row, rules: &Rulebook, register: &Register, change: impl FnOnce(&mut DeskProfile)) -> Decision {
    let raw = mail(row, &rules.pack.id);
    let inquiry = read::read(raw.as_bytes(), raw.len() as u64, true);
    let now: Timestamp = if row.desk == "open" { OPEN } else { CLOSED }.parse().unwrap();
    let mut desk = desk(row, rules);
    change(&mut desk);
    let (seen, history) = (Seen { internal_date: Some(now), ..Seen::default() }, history(&row.before));
    let (desk, receipt, notices, release) = (&desk, Some(RECEIPT.into()), Vec::new(), None);
    decide(
        &inquiry,
        &Context { now, desk, rules, register, seen, history, receipt, notices, outages: Vec::new(), release },
    )
}

fn reply(decision: &Decision) -> Option<&Reply> {
    decision.actions.iter().find_map(|action| match action {
        Action::Reply(reply) | Action::Redirect(reply) | Action::Draft(reply) => Some(reply),
        _ => None,
    })
}

fn rulebooks() -> Vec<Rulebook> {
    let packs = ["optim-biz", "biz-phone"].map(|id| config::embedded_pack(id).unwrap());
    packs.map(|pack| Rulebook::compile(pack.into()).unwrap()).into()
}

fn check(row: &Row, rules: &Rulebook, register: &Register) -> Result<(), String> {
    let decision = decided(row, rules, register, |_| {});
    let reply = reply(&decision);
    let when = reply.map_or("-", |reply| match reply.at {
        None => "now",
        Some(at) if at == OPENING.parse().unwrap() => "opening",
        Some(_) => "some other time",
    });
    let found =
        [decision.disposition.as_str(), reply.map_or("-", |r| r.template.as_str()), when, &decision.reasons[0].code];
    let expected = [&row.acts, &row.text, &row.when, &row.why].map(String::as_str);
    let mut wrong = match found == expected {
        true => Vec::new(),
        false => vec![format!("{found:?} ({})", decision.route.proof)],
    };
    wrong.extend(reply.into_iter().flat_map(|reply| says_wrong(row, reply)));
    let place = format!("routes.txt:{} ({}): {row:?}", row.line, rules.pack.id);
    if wrong.is_empty() { Ok(()) } else { Err(format!("{place}\n  {}", wrong.join("\n  "))) }
}

/// What an answer must not say, and a redirect must.
fn says_wrong(row: &Row, reply: &Reply) -> Vec<String> {
    let body = &reply.body;
    let partner = [("アクメ商会", "support@acme.example"), ("ミュート販売", "support@mute.example")];
    let named: Vec<_> =
        partner.iter().filter(|(name, contact)| body.contains(name) || body.contains(contact)).collect();
    let mut wrong = Vec::new();
    if (row.text == "redirect") != (named.len() == 1) {
        wrong.push(format!("partners named: {named:?}"));
    }
    let telephone = row.text == "redirect" && row.who != "partner-no-phone";
    if body.contains("お電話によるお問い合わせ") != telephone {
        wrong.push("the telephone sentence".into());
    }
    // Names, ids and numbers of the register stand in no answer, not even those that the customer wrote.
    let secrets = ["k-", "株式会社", "OB-1", "OB-2", "OB-3", "tokyo", "有効", "期限"];
    wrong.extend(secrets.iter().filter(|secret| body.contains(**secret)).map(|secret| format!("says {secret}")));
    if !body.contains(RECEIPT) {
        wrong.push("no receipt number".into());
    }
    wrong
}

#[test]
fn the_table_of_routes_holds_for_every_pack() {
    let (rows, register) = (rows(), register());
    assert!(rows.len() >= 150, "only {} rows", rows.len());
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.who.as_str()).collect();
    assert!(kinds.len() >= 20, "{kinds:?}");
    for rules in rulebooks() {
        let failures: Vec<String> = rows.iter().filter_map(|row| check(row, &rules, &register).err()).collect();
        assert!(failures.is_empty(), "{} of {} rows:\n{}", failures.len(), rows.len(), failures.join("\n"));
    }
}

/// Whoever is not proved learns nothing, not even whether the register knows him: word for word the same answer.
#[test]
fn who_is_not_proved_gets_the_same_answer_whatever_the_register_says() {
    let register = register();
    for rules in rulebooks() {
        let unproved = rows().into_iter().filter(|row| row.text == "acknowledge" && row.when == "now");
        let unproved = unproved.filter(|row| ["weak", "none"].contains(&row.proof.as_str()));
        let bodies: BTreeSet<String> =
            unproved.map(|row| reply(&decided(&row, &rules, &register, |_| {})).unwrap().body.clone()).collect();
        assert_eq!(bodies.len(), 1, "{bodies:#?}");
    }
}

/// A forged sender changes who gets the answer, never what it says of others: to an address of the register only.
#[test]
fn no_answer_leaves_for_a_forged_envelope() {
    let register = register();
    for rules in rulebooks() {
        for row in rows().into_iter().filter(|row| row.proof == "forged") {
            let decision = decided(&row, &rules, &register, |_| {});
            assert!(reply(&decision).is_none() && !decision.answers(), "{row:?}");
        }
    }
}

/// The same sender with a display name, a second sender or a reply address that claims to be somebody else.
#[test]
fn a_name_that_looks_like_an_address_proves_nothing() {
    let (register, rules) = (register(), rulebooks().remove(0));
    let row = rows().into_iter().find(|row| row.who == "stranger" && row.proof == "strong").unwrap();
    for from in [
        "From: \"taro@direct.example.jp\" <dareka@stranger.example>\n",
        "From: dareka@stranger.example\nSender: taro@direct.example.jp\n",
        "From: dareka@stranger.example\nReply-To: taro@direct.example.jp\n",
        "From: taro@direct.example.jp, dareka@stranger.example\n",
    ] {
        let raw = mail(&row, "optim-biz").replace("From: dareka@stranger.example\n", from);
        let inquiry = read::read(raw.as_bytes(), raw.len() as u64, true);
        let (now, desk) = (OPEN.parse().unwrap(), desk(&row, &rules));
        let (seen, history) = (Seen { internal_date: Some(now), ..Seen::default() }, History::default());
        let (rules, register, receipt, notices, release) = (&rules, &register, None, Vec::new(), None);
        let ctx = Context {
            now,
            desk: &desk,
            rules,
            register,
            seen,
            history,
            receipt,
            notices,
            outages: Vec::new(),
            release,
        };
        let decision = decide(&inquiry, &ctx);
        let template = reply(&decision).map_or("-", |reply| reply.template.as_str());
        assert!(["-", "ask-contract", "acknowledge"].contains(&template), "{from}{template}");
    }
}

#[test]
fn mail_of_partners_staff_is_left_to_people_where_the_desk_says_so() {
    let (register, rules) = (register(), rulebooks().remove(0));
    let row = rows().into_iter().find(|row| row.who == "staff-domain" && row.proof == "strong").unwrap();
    let decision = decided(&row, &rules, &register, |desk| desk.partner_staff = PartnerStaff::Review);
    assert_eq!((decision.disposition.as_str(), decision.reasons[0].code.as_str()), ("review", "partner-staff"));
}

#[test]
fn a_conflict_names_both_proofs_to_staff() {
    let (register, rules) = (register(), rulebooks().remove(0));
    let row = rows().into_iter().find(|row| row.who == "number-against-domain" && row.proof == "strong").unwrap();
    let text = decided(&row, &rules, &register, |_| {}).reasons.remove(0).text;
    for part in ["contract number: k-through (partner acme)", "domain direct.example.jp: k-direct (direct)"] {
        assert!(text.contains(part), "{text}");
    }
}
