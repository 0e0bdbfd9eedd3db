//! `madoguchi who`: whose customer is it, by which proof, and what may an answer say?

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Exit;
use super::desk::{self, Desk};
use super::screen::{Language, fit};
use crate::clock::Clock;
use crate::triage;
use crate::triage::auth::domain::canonical;
use crate::triage::decision::{Action, AuthLevel, Decision, Reply, Route, RouteKind};
use crate::triage::inquiry::{Inquiry, Mailbox};
use crate::triage::register::{Known, Partner};
use crate::triage::sender::{self, Finding, Setting, findings, holders};

/// Show whose customer an address, a contract number or a mail is, and what an answer may say
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every entry of the register that fits is shown, also those that do not hold on the day asked for.

  madoguchi who taro@customer.example
  madoguchi who C-1001 --at 2026-04-01T10:00+09:00
  madoguchi who mail.eml --json

Exit status: 0 if the register tells the route, 1 if it does not.")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Which desk of the configuration; needed if it has several
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
    /// The moment asked about; else a mail's own date, else now
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// A mail address, a contract number or the file of a mail
    #[arg(value_name = "WHO")]
    who: String,
}

/// What is told.
struct Answer<'a> {
    route: Route,
    findings: Vec<Finding<'a>>,
    /// For each level of proof: the template an answer would have; none: staff decide.
    answers: Vec<(AuthLevel, Option<String>)>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let desk = match desk::of_config(&args.config, args.desk.as_deref())? {
        Ok(desk) => desk,
        Err(problems) => {
            anstream::eprint!("{problems}");
            return Ok(Exit::Config);
        }
    };
    let answer = answer(&args, &desk)?;
    if args.json {
        anstream::println!("{}", object(&answer));
    } else {
        print(&answer, &desk, Language::of_locale());
    }
    Ok(if answer.route.kind == RouteKind::Unknown { Exit::Failed } else { Exit::Ok })
}

fn answer<'a>(args: &Args, desk: &'a Desk) -> anyhow::Result<Answer<'a>> {
    let path = Path::new(&args.who);
    let asked = if path.is_file() {
        let raw = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        triage::form::open(triage::read::read(&raw, raw.len() as u64, true), &desk.profile)
    } else {
        typed(&args.who)?
    };
    let now = args.at.or(asked.date).unwrap_or_else(|| Clock::System.now());
    let ctx = desk.context(now);
    let setting =
        Setting { desk: &desk.profile.id, day: now.to_zoned(desk.rules.at(now).calendar.zone.clone()).date() };
    let mut found: Vec<Finding> = triage::contract::candidates(&asked)
        .iter()
        .flat_map(|number| holders(number, &desk.register, setting))
        .collect();
    found.extend(asked.author().into_iter().flat_map(|from| findings(&desk.register, &from.address, setting)));
    if path.is_file() {
        let decision = triage::decide(&asked, &ctx);
        let level = decision.route.authenticated;
        let answers = vec![(level, template(&decision))];
        return Ok(Answer { route: decision.route, findings: found, answers });
    }
    let route = sender::route(&asked, &ctx, AuthLevel::None);
    let answers =
        [AuthLevel::Strong, AuthLevel::Weak, AuthLevel::None].map(|level| (level, may_say(&route, level, desk)));
    Ok(Answer { route, findings: found, answers: answers.to_vec() })
}

/// A mail that says nothing but who writes.
fn typed(who: &str) -> anyhow::Result<Inquiry> {
    let who = who.trim();
    match who.rsplit_once('@') {
        Some((_, domain)) if canonical(domain).is_some() => {
            let from = Mailbox { name: String::new(), address: who.to_owned() };
            Ok(Inquiry { from: vec![from], ..Inquiry::default() })
        }
        Some(_) => bail!("`{who}` is not a mail address"),
        None if who.ends_with(".eml") => bail!("there is no file `{who}`"),
        None => {
            let from = Mailbox { name: String::new(), address: String::new() };
            Ok(Inquiry { from: vec![from], subject: format!("契約番号: {who}"), ..Inquiry::default() })
        }
    }
}

fn may_say(route: &Route, level: AuthLevel, desk: &Desk) -> Option<String> {
    let enough = desk.profile.authentication.met_by(level);
    match (enough, triage::verdict::template_for(route)) {
        (false, _) => Some("acknowledge".into()),
        (true, _) if route.doubt.is_some() => None,
        (true, template) => Some(template.into()),
    }
}

fn template(decision: &Decision) -> Option<String> {
    let reply = decision.actions.iter().find_map(|action| match action {
        Action::Reply(reply) | Action::Redirect(reply) | Action::Draft(reply) => Some(reply),
        _ => None,
    });
    reply.map(|Reply { template, .. }| template.clone())
}

fn object(answer: &Answer) -> Value {
    let findings: Vec<Value> = answer.findings.iter().map(finding).collect();
    let answers: Vec<Value> = answer
        .answers
        .iter()
        .map(|(level, template)| json!({ "authenticated": level, "template": template }))
        .collect();
    json!({ "route": answer.route, "findings": findings, "answers": answers })
}

fn finding(finding: &Finding) -> Value {
    let customer = finding.customer().map(|known: Known| {
        json!({
            "id": known.id(),
            "names": known.names().collect::<Vec<_>>(),
            "valid_from": known.valid().from,
            "valid_until": known.valid().until,
            "desks": known.desks(),
            "monthly_fee": known.monthly_fee(),
        })
    });
    let partner = finding.partner().map(|partner: &Partner| &partner.id);
    json!({ "proof": finding.proof, "holds": finding.flaw.is_none(), "customer": customer, "partner": partner })
}

fn print(answer: &Answer, desk: &Desk, language: Language) {
    let row = |ja, en, text: &str| anstream::println!("{} {text}", fit(language.say(ja, en), 12));
    let route = &answer.route;
    let kind = match route.kind {
        RouteKind::Direct => language.say("直接のお客様", "direct customer"),
        RouteKind::Partner => language.say("パートナーのお客様", "customer of a partner"),
        RouteKind::PartnerStaff => language.say("パートナーの担当者", "staff of a partner"),
        RouteKind::Unknown => language.say("不明", "unknown"),
    };
    row("経路", "route", &format!("{kind} ({})", route.proof));
    for finding in &answer.findings {
        let names = finding.customer().map(|known| known.names().collect::<Vec<_>>().join("、")).unwrap_or_default();
        let holds = if finding.flaw.is_none() { "" } else { language.say(" ［無効］", " [does not hold]") };
        row("登録", "register", &format!("{} {names}{holds}", finding.told()));
    }
    if let Some(partner) = route.partner.as_deref().and_then(|id| desk.register.partner(id)) {
        row("パートナー", "partner", &format!("{} — {}", partner.name, partner.contact));
    }
    for (level, template) in &answer.answers {
        let level = match level {
            AuthLevel::Strong => language.say("確認済み（DMARC・DKIM）", "proved (DMARC, DKIM)"),
            AuthLevel::Weak => language.say("SPFのみ", "SPF only"),
            AuthLevel::None => language.say("未確認", "not proved"),
        };
        let says = match template.as_deref() {
            Some("answer") => language.say("回答", "an answer to the matter (answer)"),
            Some("redirect") => {
                language.say("パートナーへのご案内 (redirect)", "the partner and its contact (redirect)")
            }
            Some("ask-contract") => {
                language.say("ご契約の確認 (ask-contract)", "a question for the contract (ask-contract)")
            }
            Some(_) => language.say("受付のお知らせのみ (acknowledge)", "only that the mail came (acknowledge)"),
            None => language.say("自動返信なし、担当者が判断", "nothing: staff decide"),
        };
        row("返信", "answer", &format!("{}: {says}", level));
    }
}
