//! `madoguchi explain`: what would be decided about a mail, and why. Touches nothing but the files it is given.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;

use super::desk::{self, Desk};
use super::screen::{Language, colour, dim, fit, marked};
use super::sources::{self, Source};
use super::{Exit, contract, packs, why_not};
use crate::clock::Clock;
use crate::triage;
use crate::triage::context::Context;
use crate::triage::decision::{Action, Decision, EvidenceSection, GateVerdict, Reply, RouteKind};
use crate::triage::inquiry::{Inquiry, SectionKind};

/// Explain what would be decided about mails, and why; nothing is sent or changed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A mail is a file, a folder of files, an mbox file, or `-` for standard input.
Without -c the embedded pack decides for a desk that knows no customers, so every sender is unknown.

  madoguchi explain mail.eml
  madoguchi explain -c madoguchi.toml --desk optim-biz Maildir/cur
  madoguchi explain --why-not 4-1-4 mail.eml
  madoguchi explain --json --pack biz-phone mails/ | jq .scopes")]
pub struct Args {
    /// One JSON object a line (docs/explain-json.md)
    #[arg(long)]
    json: bool,
    /// Pack to decide by: one of the program itself, or a folder rules/<pack>
    #[arg(long, value_name = "PACK", default_value = "optim-biz", conflicts_with = "config")]
    pack: String,
    /// Decide as a desk of this configuration
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which desk of the configuration; needed if it has several
    #[arg(long, value_name = "DESK", requires = "config")]
    desk: Option<String>,
    /// The moment of arrival to decide for, by the terms, the calendar and the notices of then, e.g.
    /// 2026-11-24T10:00+09:00; else each mail's own date
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Explain why this clause was not found, and what would change it
    #[arg(long, value_name = "CLAUSE", conflicts_with = "json")]
    why_not: Option<String>,
    /// Language of the labels; else as the locale says
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// Mails to explain
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let desk = match chosen(&args)? {
        Ok(desk) => desk,
        Err(problems) => {
            anstream::eprint!("{problems}");
            return Ok(Exit::Config);
        }
    };
    let language = args.language.unwrap_or_else(Language::of_locale);
    let mut exit = Exit::Ok;
    let mut out = output(args.json);
    for Source { name, raw } in sources::mails(&args.paths) {
        let written = match raw {
            Ok(raw) => one(&name, &raw, &desk, &args, language, &mut out),
            Err(error) => {
                exit = Exit::Failed;
                unreadable(&name, &error, args.json, &mut out)
            }
        };
        match written {
            // `explain … | head` is no error.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(exit),
            other => other.context("standard output")?,
        }
    }
    out.flush().context("standard output")?;
    Ok(exit)
}

/// JSON is written as it is; what people read loses its colours where it does not go to a terminal.
fn output(json: bool) -> Box<dyn Write> {
    match json {
        true => Box::new(std::io::BufWriter::new(std::io::stdout().lock())),
        false => Box::new(anstream::AutoStream::auto(std::io::stdout().lock())),
    }
}

/// The desk of the configuration, or one that knows nobody; problems are given as text for people.
fn chosen(args: &Args) -> anyhow::Result<Result<Desk, String>> {
    let Some(path) = &args.config else {
        let pack = match packs::pack(&args.pack) {
            Ok((pack, _)) => pack,
            Err(problems) => return Ok(Err(problems.render(std::io::stderr().is_terminal()))),
        };
        return Desk::of_pack(pack).map(Ok);
    };
    desk::of_config(path, args.desk.as_deref())
}

fn one(
    name: &str,
    raw: &[u8],
    desk: &Desk,
    args: &Args,
    language: Language,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let inquiry = triage::form::open(triage::read::read(raw, raw.len() as u64, true), &desk.profile);
    let now = args.at.or(inquiry.date).unwrap_or_else(|| Clock::System.now());
    let ctx = desk.context(now);
    if let Some(clause) = &args.why_not {
        let rules = desk.rules.at(now);
        let Some(miss) = triage::miss::why_not(clause, &inquiry, rules) else {
            return Err(std::io::Error::other(format!("pack {} has no clause {clause}", rules.pack.id)));
        };
        return why_not::write(name, clause, &miss, language, out);
    }
    let decision = triage::decide(&inquiry, &ctx);
    if args.json {
        return writeln!(out, "{}", contract::object(name, &inquiry, &decision));
    }
    let page = Page { inquiry: &inquiry, decision: &decision, ctx: &ctx, language };
    page.write(name, out)
}

fn unreadable(name: &str, error: &str, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    if json {
        return writeln!(out, "{}", contract::error(name, error));
    }
    anstream::eprintln!("{} {name}: {error}", super::screen::error_word());
    Ok(())
}

/// One explained mail for people: the decision in five lines, then the mail with the evidence marked.
struct Page<'a> {
    inquiry: &'a Inquiry,
    decision: &'a Decision,
    ctx: &'a Context<'a>,
    language: Language,
}

impl Page<'_> {
    fn write(&self, name: &str, out: &mut impl Write) -> std::io::Result<()> {
        let bold = anstyle::Style::new().bold();
        writeln!(out, "{bold}{name}{bold:#}")?;
        let lines = [
            (("判定", "decision"), self.disposition()),
            (("内容", "asks"), self.asked()),
            (("送信者", "sender"), self.sender()),
            (("対応", "action"), self.action()),
            (("根拠", "evidence"), self.strongest()),
        ];
        for ((ja, en), text) in lines {
            writeln!(out, "  {} {text}", fit(self.language.say(ja, en), 9))?;
        }
        writeln!(out)?;
        self.mail(out)
    }

    fn disposition(&self) -> String {
        let style = colour(self.decision.disposition);
        let reasons: Vec<String> = self.decision.reasons.iter().map(|r| self.language.reason(r)).collect();
        format!("{style}{}{style:#} — {}", self.decision.disposition.as_str(), reasons.join("; "))
    }

    fn asked(&self) -> String {
        let found = self.decision.conduct.iter().chain(&self.decision.scopes);
        let mut named: Vec<String> = found
            .map(|id| match self.ctx.rules.pack.clause(id) {
                Some(clause) => format!("{id} {}", clause.title),
                None => id.clone(),
            })
            .collect();
        if named.is_empty() {
            named.push(self.language.say("読み取れません", "not clear").into());
        }
        let runner_up = self.decision.runner_up.as_ref().map(|r| {
            let words = self.language.say("次点", "runner-up");
            format!("; {words} {} (−{:.1})", r.clause, r.lacked)
        });
        let confidence = self.language.say("確信度", "confidence");
        format!("{} ({confidence} {:.2}{})", named.join(" + "), self.decision.confidence, runner_up.unwrap_or_default())
    }

    fn sender(&self) -> String {
        let route = &self.decision.route;
        let kind = match (route.kind, route.partner.as_deref()) {
            (RouteKind::Direct, _) => self.language.say("直接のお客様", "direct customer").to_string(),
            (RouteKind::Partner, partner) => {
                format!(
                    "{} {}",
                    self.language.say("パートナーのお客様", "customer of partner"),
                    partner.unwrap_or_default()
                )
            }
            (RouteKind::PartnerStaff, partner) => {
                format!(
                    "{} {}",
                    self.language.say("パートナーの担当者", "staff of partner"),
                    partner.unwrap_or_default()
                )
            }
            (RouteKind::Unknown, _) => self.language.say("不明", "unknown").to_string(),
        };
        let gate = match self.decision.gate.verdict {
            GateVerdict::Answer => String::new(),
            GateVerdict::Human => self.language.say("; 自動返信の対象外", "; not for a robot to answer").into(),
            GateVerdict::Sink => self.language.say("; ロボットからのメール", "; sent by a robot").into(),
        };
        format!("{kind} ({}){gate}", route.proof)
    }

    fn action(&self) -> String {
        let steps: Vec<String> = self.decision.actions.iter().map(|action| self.step(action)).collect();
        steps.join(self.language.say("、", ", "))
    }

    fn step(&self, action: &Action) -> String {
        let when = |at: &Option<Timestamp>| match at {
            Some(at) => format!(" {}", self.ctx.rules.calendar.japanese(*at)),
            None => String::new(),
        };
        let mail =
            |ja, en, reply: &Reply| format!("{} {}{}", self.language.say(ja, en), reply.template, when(&reply.at));
        match action {
            Action::Label { labels } => format!("{} {}", self.language.say("ラベル", "label"), labels.join(" ")),
            Action::Acknowledge(reply) => mail("受付のご連絡", "acknowledge", reply),
            Action::Reply(reply) => mail("返信", "reply", reply),
            Action::Redirect(reply) => mail("パートナーへご案内", "redirect", reply),
            Action::Forward(reply) => mail("パートナーへ転送", "forward", reply),
            Action::Draft(reply) => mail("下書き", "draft", reply),
            Action::Close(reply) => mail("ご返信がなければ完了", "close unless answered", reply),
            Action::Alert(reply) => mail("至急の通知", "alert staff", reply),
            Action::AlertCommand(_) => self.language.say("至急の通知（コマンド）", "alert staff by command").to_owned(),
            Action::HandOver { at } => format!("{}{}", self.language.say("担当者へ", "hand over"), when(at)),
            Action::Queue { at } => format!("{}{}", self.language.say("順番待ち", "wait until"), when(&Some(*at))),
            Action::Move { folder } => format!("{} {folder}", self.language.say("移動", "move to")),
        }
    }

    fn strongest(&self) -> String {
        let mut rules = HashSet::new();
        let shown = self.decision.evidence.iter().filter(|e| rules.insert(&e.rule)).take(3);
        let words: Vec<String> = shown
            .map(|e| format!("「{}」 {} → {} {:+.1}", e.text.replace('\n', ""), e.rule, e.clause, e.score))
            .collect();
        match words.is_empty() {
            true => self.language.say("なし", "none").into(),
            false => words.join("; "),
        }
    }

    /// The mail: what votes in plain, the rest dimmed with its kind, the evidence underlined.
    fn mail(&self, out: &mut impl Write) -> std::io::Result<()> {
        let subject = self.marked(&self.inquiry.subject, 0, |place| place == EvidenceSection::Subject);
        writeln!(out, "  {} {subject}", fit(self.language.say("件名", "subject"), 9))?;
        for section in &self.inquiry.sections {
            let before = self.inquiry.text[..section.start].chars().count();
            let text = self.inquiry.section_text(section);
            let (style, kind) = (dim(), section_word(section.kind, self.language));
            let shown = match section.kind {
                SectionKind::Body => self.marked(text, before, |place| place != EvidenceSection::Subject),
                _ => text.to_string(),
            };
            for line in shown.trim_end_matches('\n').split('\n') {
                match section.kind {
                    SectionKind::Body => writeln!(out, "  {} │ {line}", fit("", 9))?,
                    _ => writeln!(out, "  {style}{} │ {line}{style:#}", fit(kind, 9))?,
                }
            }
        }
        writeln!(out)
    }

    /// `text`, which starts at character `offset`, with the evidence in it marked.
    fn marked(&self, text: &str, offset: usize, here: impl Fn(EvidenceSection) -> bool) -> String {
        let style = marked();
        let spans: Vec<_> = self.decision.evidence.iter().filter(|e| here(e.section) && e.score > 0.0).collect();
        let mut out = String::with_capacity(text.len());
        let mut open = false;
        for (i, c) in text.chars().enumerate() {
            let inside = c != '\n' && spans.iter().any(|e| (e.start..e.end).contains(&(offset + i)));
            if inside != open {
                out.push_str(&if inside { style.render().to_string() } else { style.render_reset().to_string() });
                open = inside;
            }
            out.push(c);
        }
        if open {
            out.push_str(&style.render_reset().to_string());
        }
        out
    }
}

fn section_word(kind: SectionKind, language: Language) -> &'static str {
    match kind {
        SectionKind::Body => "",
        SectionKind::Quoted => language.say("引用", "quoted"),
        SectionKind::Forwarded => language.say("転送", "forwarded"),
        SectionKind::Signature => language.say("署名", "signature"),
        SectionKind::Footer => language.say("フッター", "footer"),
        SectionKind::Banner => language.say("バナー", "banner"),
        SectionKind::Greeting => language.say("挨拶", "greeting"),
        SectionKind::Closing => language.say("結び", "closing"),
    }
}
