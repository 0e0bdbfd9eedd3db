//! Who acts, and what is done: the last stage, from everything that was found to a disposition and its actions.
//!
//! The order of [`verdict`]'s checks is the order of precedence: a robot's mail is never answered, conduct is never
//! answered, doubt goes to a person, and only what is left is answered by the desk itself.

use jiff::Timestamp;

use super::classify::{Classification, Doubt};
use super::context::{Context, Drafts};
use super::decision::{Action, Disposition, Gate, GateHit, GateVerdict, Reason, Reply, Route, RouteKind};
use super::dialogue::Dialogue;
use super::doubt;
use super::facts::Facts;
use super::flow::state::{FlowState, Place};
use super::form;
use super::gate::{Target, reply_target, title};
use super::inquiry::Mailbox;
use super::memo::{self, STAFF};
use super::notice;
use super::own_words::OwnWords;
use super::pack::Severity;
use super::reply::{self, ASK_CONTRACT, Answer, REDIRECT, compose};
use super::sentence::{Voice, voice};
use super::template::TemplateError;
use super::together::Role;
use super::urgent;

/// What to do, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub disposition: Disposition,
    pub reasons: Vec<Reason>,
    pub actions: Vec<Action>,
    /// Where the dialogue stands from now on, if the case is to remember it.
    pub dialogue: Option<FlowState>,
}

/// Everything the earlier stages found.
#[derive(Debug, Clone, Copy)]
pub struct Findings<'a> {
    /// The customer's own words of today.
    pub own: &'a OwnWords<'a>,
    pub gate: &'a Gate,
    pub route: &'a Route,
    pub words: &'a Classification,
    pub facts: &'a Facts,
    /// It only brings the password of an attachment.
    pub notice: bool,
    pub dialogue: Option<&'a Dialogue<'a>>,
}

impl Findings<'_> {
    /// The customer answers what we asked.
    fn goes_on(&self) -> bool {
        self.dialogue.is_some_and(|dialogue| dialogue.goes_on)
    }
}

/// Decides who acts.
pub fn verdict(found: Findings, ctx: &Context) -> Verdict {
    let mut verdict = match doubts(found, ctx) {
        Err(stop) => stopped(stop, found, ctx),
        Ok(()) => answered(found, ctx),
    };
    verdict.reasons.extend(remarks(found, ctx));
    alert(&mut verdict, found, ctx);
    // What waits is read anew in its turn.
    if verdict.actions.iter().any(|action| matches!(action, Action::Queue { .. })) {
        verdict.dialogue = None;
    }
    verdict
}

/// Staff are told at once of an urgent mail, whatever else is done about it.
fn alert(verdict: &mut Verdict, found: Findings, ctx: &Context) {
    let Some(alarm) = &found.facts.urgent else { return };
    let robots = verdict.disposition == Disposition::Ignore || before_activation(ctx) || !is_persons(found.gate);
    if robots {
        return;
    }
    verdict.reasons.push(urgent::reason(alarm));
    if !urgent::is_new(ctx) {
        return;
    }
    let mut alerts: Vec<Action> = urgent::command(alarm, ctx).map(Action::AlertCommand).into_iter().collect();
    match urgent::alert(alarm, found.own, found.route, ctx) {
        Ok(alert) => alerts.extend(alert.map(Action::Alert)),
        Err(error) => verdict.reasons.push(template_trouble(&error)),
    }
    // Before everything else, a server that does not take the answer must not hold them up; nor, before the mail, the command.
    verdict.actions.splice(0..0, alerts);
}

/// Nothing says that a robot wrote it: only our own limits, or nothing at all.
fn is_persons(gate: &Gate) -> bool {
    gate.hits.iter().all(|hit| ["R21", "R22", "R23"].contains(&hit.rule.as_str()))
}

/// What staff should know besides.
fn remarks(found: Findings, ctx: &Context) -> Vec<Reason> {
    let inquiry = found.own.inquiry;
    let form = inquiry.form.as_ref().map(|form| {
        let odd = |code: &str| inquiry.oddities.iter().any(|oddity| oddity.code == code);
        let what = match () {
            _ if odd(form::UNPROVED) => "のWebフォームを名乗っていますが、送信元を確認できません",
            _ if odd(form::UNREADABLE) => "のWebフォームのメールですが、設定どおりに読み取れません",
            _ => "のWebフォームから届きました。記入された宛先が本人のものかは確認できません",
        };
        reason("form", &format!("{} {what}", form.sender.domain()))
    });
    let notice = found.notice.then(|| match &ctx.history.ppap_first {
        Some(first) => {
            reason("ppap", &format!("添付ファイルのパスワードの通知です（記録番号 {first} のメールの続き）"))
        }
        None => reason("ppap", "添付ファイルのパスワードの通知です。元のメールは見つかりません"),
    });
    let doubt = doubt::told(found.route, ctx);
    doubt.into_iter().chain(form).chain(notice).chain(wished(found.facts, ctx)).collect()
}

/// The deadlines that the customer set, and the moment of the first one (terms 6-2).
fn wished(facts: &Facts, ctx: &Context) -> Option<Reason> {
    let words: Vec<String> = facts.deadlines.iter().map(|deadline| format!("「{}」", deadline.text)).collect();
    let by = facts.due().map(|by| format!("（{} まで）", ctx.rules.calendar.say_end(by, false)));
    let text = format!("期日のご希望があります: {}{}", words.join(""), by.unwrap_or_default());
    (!words.is_empty()).then(|| reason("deadline", &text))
}

/// A reason not to answer by itself, with the disposition it leads to.
struct Stop {
    disposition: Disposition,
    reasons: Vec<Reason>,
}

/// The checks in their order of precedence.
fn doubts(found: Findings, ctx: &Context) -> Result<(), Stop> {
    let gate = || found.gate.hits.iter().map(gate_reason).collect();
    if found.gate.verdict == GateVerdict::Sink {
        return Err(Stop { disposition: Disposition::Ignore, reasons: gate() });
    }
    if !found.words.conduct.is_empty() {
        return Err(Stop { disposition: Disposition::Hold, reasons: vec![conduct_reason(found.words, ctx)] });
    }
    if found.gate.verdict == GateVerdict::Human {
        return Err(Stop { disposition: Disposition::Review, reasons: gate() });
    }
    if let Some(reason) = doubt::stop(found.route, found.goes_on(), ctx) {
        return Err(Stop { disposition: Disposition::Review, reasons: vec![reason] });
    }
    if let Some(stop) = together(ctx) {
        return Err(stop);
    }
    let doubt = match voice(found.own.inquiry) {
        Voice::Forwarded => reason("forwarded", "転送されたメールだけです。書いた人は送信者ではありません"),
        Voice::Nobody => reason("no-own-words", "挨拶や引用だけで、お問い合わせの文がありません"),
        Voice::Own if let Some(doubt @ Doubt::Suspicion { .. }) = found.words.doubt => unsure(doubt, found.words),
        // An answer to our questions is read by what we asked.
        Voice::Own if found.goes_on() => return Ok(()),
        // Whoever was asked for his contract and names it need not ask again: a partner's customer is told so.
        Voice::Own if names_partner_contract(found.route, ctx) => return Ok(()),
        Voice::Own if found.words.scopes.is_empty() => {
            reason("unclear", "何のお問い合わせか、規則からは読み取れません")
        }
        Voice::Own => match found.words.doubt {
            Some(doubt) => unsure(doubt, found.words),
            None => return Ok(()),
        },
    };
    Err(Stop { disposition: Disposition::Review, reasons: vec![doubt] })
}

fn names_partner_contract(route: &Route, ctx: &Context) -> bool {
    let proved = ctx.desk.authentication.met_by(route.authenticated);
    ctx.history.asked_contract && proved && route.kind == RouteKind::Partner
}

/// What the sender's other mail, which waited too, means for this one.
fn together(ctx: &Context) -> Option<Stop> {
    let (disposition, why) = match ctx.release.as_ref().map(|release| &release.role)? {
        Role::Alone | Role::AnswersFor(_) => return None,
        Role::AnsweredWithLater => {
            (Disposition::Auto, reason("answered-together", "同じ方の後のメールへの返信で、あわせてお答えします"))
        }
        Role::Withdrawn => {
            (Disposition::Review, reason("withdrawn", "解決した、または取り下げるとのご連絡がありました"))
        }
        Role::WroteAgain => {
            let text = "同じ方から続けてメールが届き、担当者の判断が必要なものがあります";
            (Disposition::Review, reason("wrote-again", text))
        }
    };
    Some(Stop { disposition, reasons: vec![why] })
}

fn gate_reason(hit: &GateHit) -> Reason {
    reason(&format!("gate-{}", hit.rule), &format!("{}: {}", title(&hit.rule).0, hit.detail))
}

fn reason(code: &str, text: &str) -> Reason {
    Reason { code: code.into(), text: text.into() }
}

fn conduct_reason(words: &Classification, ctx: &Context) -> Reason {
    let clauses = words.conduct.iter().filter_map(|id| ctx.rules.pack.clause(id));
    let named = clauses.map(|clause| match clause.severity {
        Severity::Ordinary => format!("{} {}", clause.id, clause.title),
        Severity::Grave => format!("【至急】{} {}", clause.id, clause.title),
    });
    reason("conduct", &format!("禁止事項に当たるおそれがあります: {}", named.collect::<Vec<_>>().join("、")))
}

/// Does somebody's safety hang on how soon staff look?
fn is_grave(words: &Classification, ctx: &Context) -> bool {
    let mut clauses = words.conduct.iter().filter_map(|id| ctx.rules.pack.clause(id));
    clauses.any(|clause| clause.severity == Severity::Grave)
}

fn unsure(doubt: Doubt, words: &Classification) -> Reason {
    match doubt {
        Doubt::Margin => low_margin(words),
        Doubt::Unclear => reason("unclear", "何のお問い合わせか、はっきり読み取れません"),
        Doubt::Confidence { wanted } => {
            let rival = words.runner_up.as_ref().map(|r| format!("、次点は {}", r.clause)).unwrap_or_default();
            let (sure, wanted) = (words.confidence * 100.0, wanted * 100.0);
            reason(
                "low-confidence",
                &format!("判定の確かさが足りません（{sure:.0} %、必要なのは {wanted:.0} %{rival}）"),
            )
        }
        Doubt::Suspicion { probability } => {
            let probability = probability * 100.0;
            reason("suspicion", &format!("禁止事項に当たらないか、ご確認ください（可能性 {probability:.0} %）"))
        }
    }
}

fn low_margin(words: &Classification) -> Reason {
    let rival = words.runner_up.as_ref().map(|r| format!("、次点は {}", r.clause)).unwrap_or_default();
    reason("low-margin", &format!("判定の差が小さすぎます（差 {:.1}{rival}）", words.lead))
}

/// Nothing is sent: labels, and a draft where staff want one.
fn stopped(stop: Stop, found: Findings, ctx: &Context) -> Verdict {
    let Stop { disposition, mut reasons } = stop;
    if before_activation(ctx) {
        return Verdict { disposition, reasons, actions: Vec::new(), dialogue: None };
    }
    let has = |code: &str| reasons.iter().any(|reason| reason.code == code);
    let dialogue = found.dialogue.filter(|_| !has("no-own-words"));
    let dialogue = dialogue.and_then(|dialogue| dialogue.stopped(has("answered-together")));
    let handed_over = dialogue.as_ref().is_some_and(|state| state.place == Place::Handover);
    // A sender's robot or bounce is none of what the sender asks.
    let joins = waiting(ctx).filter(|_| disposition != Disposition::Ignore);
    let mut actions = Vec::new();
    if !labelled_before(ctx) {
        let grave = disposition == Disposition::Hold && is_grave(found.words, ctx);
        let extra = [("ppap", found.notice), ("grave", grave), ("queued", joins.is_some()), ("handover", handed_over)];
        let extra: Vec<&str> = extra.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
        actions.push(label(disposition, found, &extra, ctx));
    }
    if disposition == Disposition::Review && ctx.desk.drafts != Drafts::Never {
        match draft_for_staff(found, ctx) {
            Ok(draft) => actions.extend(draft.map(Action::Draft)),
            Err(error) => reasons.push(template_trouble(&error)),
        }
    }
    if disposition != Disposition::Ignore {
        let at = if disposition == Disposition::Hold { None } else { opening(ctx).filter(|at| *at > ctx.now) };
        actions.push(Action::HandOver { at });
    }
    match joins {
        Some(at) => actions.push(Action::Queue { at }),
        None => actions.extend(move_away(disposition, found.words, ctx)),
    }
    Verdict { disposition, reasons, actions, dialogue }
}

/// A draft to start from: only where the mail may be answered at all and something was understood. Also where only the
/// limit of answers in a dialogue (R22) stands against it: staff must know how far the customer was led.
fn draft_for_staff(found: Findings, ctx: &Context) -> Result<Option<Reply>, TemplateError> {
    let target = reply_target(found.own.inquiry, found.route.authenticated, ctx.desk.authentication);
    let is_answerable = found.gate.verdict == GateVerdict::Answer;
    match target {
        Target::To(to) if !found.words.scopes.is_empty() && (is_answerable || found.goes_on()) => {
            let memo = memo::lines(found.facts, found.dialogue, true);
            if let Some(draft) = memo_draft(&memo, to.clone(), found, ctx)? {
                return Ok(Some(draft));
            }
            let template = template_for(found.route);
            answer_with(template, to, None, found, ctx).map(Some)
        }
        _ => Ok(None),
    }
}

/// A draft with what staff need to answer, where there is something and staff want drafts.
fn memo_draft(memo: &[String], to: Mailbox, found: Findings, ctx: &Context) -> Result<Option<Reply>, TemplateError> {
    let wanted = ctx.desk.drafts != Drafts::Never && template_for(found.route) == "answer";
    if memo.is_empty() || !wanted || !ctx.rules.templates.has(STAFF) {
        return Ok(None);
    }
    let (route, dialogue) = (found.route, found.dialogue);
    let answer = Answer { template: STAFF, to, scopes: &[], route, at: None, dialogue, alarm: None, memo };
    compose(answer, found.own, ctx).map(Some)
}

fn template_trouble(error: &TemplateError) -> Reason {
    reason("template-error", &error.to_string())
}

/// The desk answers by itself: now, or when it opens.
fn answered(found: Findings, ctx: &Context) -> Verdict {
    let Some(opening) = opening(ctx) else {
        let never = reason("never-open", "営業日のカレンダーに次の営業時間がありません");
        return stopped(Stop { disposition: Disposition::Review, reasons: vec![never] }, found, ctx);
    };
    let (to, template) = match reply_target(found.own.inquiry, found.route.authenticated, ctx.desk.authentication) {
        Target::To(to) => (to, template_for(found.route)),
        Target::AcknowledgeOnly(to) => (to, "acknowledge"),
        Target::Human { why } => {
            let doubt = reason("no-safe-address", &why);
            return stopped(Stop { disposition: Disposition::Review, reasons: vec![doubt] }, found, ctx);
        }
    };
    if let Some(dialogue) = found.dialogue.filter(|dialogue| dialogue.waits() && waiting(ctx).is_none()) {
        let later = left_waiting(dialogue, to, found, ctx);
        return later.unwrap_or_else(|error| stopped(unrendered(&error), found, ctx));
    }
    // Whoever is sent elsewhere is not concerned by what this desk does.
    let notice = notice::in_place_of_all(ctx).filter(|_| template != REDIRECT);
    let template = match found.dialogue {
        Some(dialogue) if template == "answer" && dialogue.is_all_of(&all_scopes(found, ctx)) => dialogue.template(),
        _ => template,
    };
    let (template, at) = match (notice, waiting(ctx)) {
        // The first instructions do not wait.
        _ if found.facts.urgent.is_some() && template == "answer" => (template, None),
        (_, Some(turn)) => (template, Some(turn)),
        (Some(_), None) => ("notice", None),
        // Staff send a draft when they like: it must not say that the desk is closed.
        (None, None) if ctx.desk.drafts == Drafts::All => (template, None),
        (None, None) => (template, (opening > ctx.now).then_some(opening)),
    };
    let answer = answer_with(template, to, at, found, ctx);
    let verdict = answer.and_then(|reply| sent(reply, opening, found, ctx));
    verdict.unwrap_or_else(|error| stopped(unrendered(&error), found, ctx))
}

fn unrendered(error: &TemplateError) -> Stop {
    Stop { disposition: Disposition::Review, reasons: vec![template_trouble(error)] }
}

/// Nothing is answered to 「あとで試します」; the days until the dialogue is closed begin anew.
fn left_waiting(dialogue: &Dialogue, to: Mailbox, found: Findings, ctx: &Context) -> Result<Verdict, TemplateError> {
    let mut actions = vec![label(Disposition::Auto, found, &[], ctx)];
    actions.extend(closing(to, ctx.now, dialogue, found, ctx)?.map(Action::Close));
    let (reasons, dialogue) = (vec![dialogue.reason()], Some(dialogue.state.clone()));
    Ok(Verdict { disposition: Disposition::Auto, reasons, actions, dialogue })
}

/// Terms 5-2: from when on the mail is handled, and open then; now if it is.
fn opening(ctx: &Context) -> Option<Timestamp> {
    let arrived = ctx.seen.internal_date.unwrap_or(ctx.now);
    ctx.rules.calendar.turn(arrived, ctx.now, ctx.desk.out_of_hours)
}

/// Until when the sender's other mail waits: this one waits with it, also if the desk has opened meanwhile.
fn waiting(ctx: &Context) -> Option<Timestamp> {
    ctx.history.waiting.filter(|_| ctx.release.is_none()).map(|turn| turn.max(ctx.now))
}

/// Terms 3-1: direct customers and the partners themselves are answered, a partner's customers are sent to their partner, and who is unknown
/// is asked for the contract.
pub fn template_for(route: &Route) -> &'static str {
    match route.kind {
        RouteKind::Direct | RouteKind::PartnerStaff => "answer",
        RouteKind::Partner => REDIRECT,
        RouteKind::Unknown => ASK_CONTRACT,
    }
}

fn answer_with(
    template: &str,
    to: Mailbox,
    at: Option<Timestamp>,
    found: Findings,
    ctx: &Context,
) -> Result<Reply, TemplateError> {
    let scopes = if template == "answer" { all_scopes(found, ctx) } else { Vec::new() };
    let (route, dialogue) = (found.route, found.dialogue);
    let alarm = found.facts.urgent.as_ref();
    compose(Answer { template, to, scopes: &scopes, route, at, dialogue, alarm, memo: &[] }, found.own, ctx)
}

/// What the mail asks, behind what is asked by mail that waited and is answered with it.
fn all_scopes(found: Findings, ctx: &Context) -> Vec<String> {
    let mut scopes = Vec::new();
    if let Some(Role::AnswersFor(also)) = ctx.release.as_ref().map(|release| &release.role) {
        scopes.extend_from_slice(also);
    }
    let own = found.words.scopes.iter().filter(|scope| !scopes.contains(scope));
    scopes.extend(own.cloned().collect::<Vec<_>>());
    scopes
}

fn sent(reply: Reply, opening: Timestamp, found: Findings, ctx: &Context) -> Result<Verdict, TemplateError> {
    let drafted = ctx.desk.drafts == Drafts::All;
    let queued = reply.at.filter(|_| !drafted);
    let led = found.dialogue.filter(|dialogue| [dialogue.template(), "answer"].contains(&reply.template.as_str()));
    let queued_label = queued.map(|_| "queued");
    let extra: Vec<&str> = queued_label.into_iter().chain(led.and_then(Dialogue::label)).collect();
    let mut actions = vec![label(Disposition::Auto, found, &extra, ctx)];
    if queued.is_some() && acknowledged_at_once(&reply, found, ctx) {
        let mut early = answer_with("acknowledge", reply.to.clone(), Some(opening), found, ctx)?;
        early.until = early.at.take();
        actions.push(Action::Acknowledge(early));
    }
    let hands_over = !["flow-ask", "flow-solved", "flow-end", REDIRECT].contains(&reply.template.as_str());
    let said_already =
        reply.template == "acknowledge" && ctx.release.as_ref().is_some_and(|release| release.acknowledged);
    let mut reasons = Vec::new();
    reasons.extend(said_already.then(|| reason("acknowledged", "受付のご連絡は送信済みで、担当者が確認します")));
    if !found.goes_on() {
        reasons.push(reason("clear", "規則による判定が明確です"));
    }
    reasons.extend(led.map(Dialogue::reason));
    reasons.extend(reply.at.map(|_| reason("out-of-hours", "受付時間外のため、次の営業時間に送ります")));
    reasons
        .extend((reply.template == "notice").then(|| reason("notice", "お知らせの掲示中のため、その内容を返信します")));
    let forward = passed_on(&reply, found, ctx).unwrap_or_else(|error| {
        reasons.push(template_trouble(&error));
        None
    });
    let asked = reply.at.unwrap_or(ctx.now);
    let memo = match hands_over && queued.is_none() {
        true => memo_draft(&memo::lines(found.facts, found.dialogue, false), reply.to.clone(), found, ctx)?,
        false => None,
    };
    let close = match led.filter(|_| !drafted) {
        Some(dialogue) => closing(reply.to.clone(), asked, dialogue, found, ctx)?,
        None => None,
    };
    match (drafted, reply.template.as_str()) {
        _ if said_already => {}
        (true, _) => actions.push(Action::Draft(reply)),
        (_, REDIRECT) => actions.push(Action::Redirect(reply)),
        _ => actions.push(Action::Reply(reply)),
    }
    actions.extend(forward.map(Action::Forward));
    actions.extend(close.map(Action::Close));
    actions.extend(memo.map(Action::Draft));
    if hands_over {
        let at = Some(opening).filter(|at| *at > ctx.now && found.facts.urgent.is_none());
        actions.push(Action::HandOver { at });
    }
    match queued {
        Some(at) => actions.push(Action::Queue { at }),
        None => actions.extend(move_away(Disposition::Auto, found.words, ctx)),
    }
    let dialogue = led.map(|dialogue| dialogue.state.clone());
    Ok(Verdict { disposition: Disposition::Auto, reasons, actions, dialogue })
}

/// The mail that closes a dialogue in which the customer does not answer, ready for its day.
fn closing(
    to: Mailbox,
    asked: Timestamp,
    dialogue: &Dialogue,
    found: Findings,
    ctx: &Context,
) -> Result<Option<Reply>, TemplateError> {
    let at = dialogue.closes_at(asked, &ctx.rules.calendar);
    at.map(|at| answer_with("flow-closed", to, Some(at), found, ctx)).transpose()
}

/// Does mail that waits get an acknowledgement at once? Only the first of a sender, and only where the desk itself
/// will look at it, as its clauses say.
fn acknowledged_at_once(reply: &Reply, found: Findings, ctx: &Context) -> bool {
    let wanted = |id: &String| ctx.rules.pack.clause(id).is_some_and(|clause| clause.acknowledge);
    reply.template != REDIRECT
        && waiting(ctx).is_none()
        && ctx.release.is_none()
        && found.words.scopes.iter().any(wanted)
}

/// Terms 13-2: where the desk wants it, the partner gets the inquiry itself, if all of it was read.
fn passed_on(reply: &Reply, found: Findings, ctx: &Context) -> Result<Option<Reply>, TemplateError> {
    let wanted = ctx.desk.forward_to_partner && ctx.desk.drafts != Drafts::All;
    match wanted && reply.template == REDIRECT && found.own.inquiry.complete {
        true => reply::forward(reply, found.route, found.own, ctx),
        false => Ok(None),
    }
}

fn label(disposition: Disposition, found: Findings, extra: &[&str], ctx: &Context) -> Action {
    let ids = found.words.conduct.iter().chain(&found.words.scopes).map(String::as_str);
    let deadline = (!found.facts.deadlines.is_empty()).then_some("deadline");
    let urgent = found.facts.urgent.as_ref().filter(|_| disposition != Disposition::Ignore).map(|_| "urgent");
    let remarks = deadline.into_iter().chain(urgent);
    let names = std::iter::once(disposition.as_str()).chain(extra.iter().copied()).chain(remarks).chain(ids);
    Action::Label { labels: names.map(|name| format!("{}{name}", ctx.desk.label_prefix)).collect() }
}

/// Mail from before the desk began is only observed (invariant 6): not labelled, not moved.
pub(super) fn before_activation(ctx: &Context) -> bool {
    let arrived = ctx.seen.internal_date;
    ctx.seen.not_before.zip(arrived).is_some_and(|(not_before, arrived)| arrived < not_before)
}

/// The mail carries our labels already (the mailbox was rebuilt, the store restored): they tell what was decided
/// then, and another disposition beside it would only confuse.
fn labelled_before(ctx: &Context) -> bool {
    !ctx.desk.label_prefix.is_empty() && ctx.seen.flags.iter().any(|flag| flag.starts_with(&ctx.desk.label_prefix))
}

/// The folder of the strongest clause that has one, else of the disposition.
fn move_away(disposition: Disposition, words: &Classification, ctx: &Context) -> Option<Action> {
    let clauses = words.conduct.iter().chain(&words.scopes).map(String::as_str);
    let mut keys = clauses.chain([disposition.as_str()]);
    keys.find_map(|key| ctx.desk.folders.get(key)).map(|folder| Action::Move { folder: folder.clone() })
}
