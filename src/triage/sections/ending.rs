//! The end of what a customer wrote: closing words and signature.
//!
//! A rule line alone proves nothing (it may separate topics): a signature needs two signs below it, such as a firm,
//! a department, a telephone number. Without a rule it must be the last paragraph, or short lines after the closing.

use super::lines::{Line, is_delimiter, is_prose, is_rule, own_runs};
use super::vocabulary::CLOSING;
use crate::triage::inquiry::SectionKind;
use crate::triage::word_set::WordSet;

/// A signature is no longer than this.
const MAX_SIGNATURE: usize = 15;
/// Closing words stand among this many last lines.
const TAIL: usize = 10;

pub fn mark(lines: &mut [Line]) {
    for run in own_runs(lines) {
        ruled_signature(lines, &run);
    }
    if let Some(run) = own_runs(lines).pop() {
        closing(lines, &run);
        unruled_signature(lines, &run);
    }
}

fn set(lines: &mut [Line], indices: &[usize], kind: SectionKind) {
    for index in indices {
        lines[*index].found = Some(kind);
    }
}

/// Marks a signature, but not the date of a letter that stands with it: that says when it was written.
fn set_signature(lines: &mut [Line], indices: &[usize]) {
    for index in indices {
        if !is_date(lines[*index].text) {
            lines[*index].found = Some(SectionKind::Signature);
        }
    }
}

/// 「令和八年十一月二十日」
fn is_date(text: &str) -> bool {
    text.ends_with('日') && text.contains('月') && text.chars().count() <= 16
}

/// A rule line with a signature below it, up to the next rule or the end.
fn ruled_signature(lines: &mut [Line], run: &[usize]) {
    let mut at = 1;
    while at < run.len() {
        if is_rule(lines[run[at]].text) {
            let block = block_below(lines, run, at);
            let end = at + 1 + block.len();
            let framed = run.get(end).is_some_and(|i| is_rule(lines[*i].text));
            let end = end + usize::from(framed);
            let candidate = Ruled { rule: run[at], block, framed, before: run[at - 1], after: &run[end..] };
            if candidate.is_signature(lines) {
                set_signature(lines, &run[at..end]);
                at = end;
                continue;
            }
        }
        at += 1;
    }
}

/// The lines below a rule: up to the next rule, or to prose that begins a new paragraph.
fn block_below<'a>(lines: &[Line], run: &'a [usize], rule: usize) -> &'a [usize] {
    let below = &run[rule + 1..];
    let end = below.iter().enumerate().position(|(n, i)| {
        let paragraph = n > 0 && below[n - 1] + 1 < *i;
        is_rule(lines[*i].text) || (paragraph && is_prose(lines[*i].text))
    });
    &below[..end.unwrap_or(below.len())]
}

/// What stands below a rule line, and what is around it.
struct Ruled<'a> {
    rule: usize,
    block: &'a [usize],
    /// A second rule closes it.
    framed: bool,
    before: usize,
    after: &'a [usize],
}

impl Ruled<'_> {
    fn is_signature(&self, lines: &[Line]) -> bool {
        let Some(first) = self.block.first() else { return false };
        let prose = self.block.iter().filter(|i| is_prose(lines[**i].text)).count();
        let matter = self.block.len() > MAX_SIGNATURE || is_prose(lines[*first].text) || prose * 2 > self.block.len();
        if matter || is_announcement(lines[self.before].text) || self.block.iter().any(|i| is_labelled(lines[*i].text))
        {
            return false;
        }
        let last = self.after.iter().all(|i| is_rule(lines[*i].text) || is_postscript(lines[*i].text));
        if !last {
            // a frame in the middle may be what the mail is about: "please change to the above"
            let refers = self.after.first().is_some_and(|i| lines[*i].text.starts_with(['上', '↑']));
            return self.framed && prose == 0 && !refers && signs(lines, self.block) >= 2;
        }
        let short = self.block.len() <= 3 && prose == 0;
        let shape = is_delimiter(lines[self.rule].text) || self.framed || short;
        signs(lines, self.block) + u32::from(shape) >= 2
    }
}

fn is_postscript(text: &str) -> bool {
    ["追伸", "P.S", "PS", "ps"].iter().any(|p| text.starts_with(p))
}

/// Closing lines near the end, and short lines after them.
fn closing(lines: &mut [Line], run: &[usize]) {
    let own: Vec<usize> = run.iter().copied().filter(|i| lines[*i].is_own()).collect();
    let tail = &own[own.len().saturating_sub(TAIL)..];
    let found: Vec<usize> = tail.iter().copied().filter(|i| CLOSING.covers(lines[*i].text)).collect();
    let Some(last) = found.last() else { return };
    let after = &tail[tail.partition_point(|i| i <= last)..];
    if after.iter().all(|i| is_name_line(lines[*i].text)) {
        set_signature(lines, after);
    }
    set(lines, &found, SectionKind::Closing);
}

/// After the closing: a name, a firm; no sentence, no list, no `label: value` but for addresses.
fn is_name_line(text: &str) -> bool {
    let short = text.chars().count() <= 40;
    let label = text.contains([':', '：']) && signs_of(text) == 0;
    let list =
        text.starts_with(['・', '-', '※', '●', '○', '■', '①', '②', '③', '→', '【', '[', '1', '2', '3', '１', '２']);
    (short || signs_of(text).count_ones() >= 2) && !label && !list && !is_prose(text)
}

/// The last paragraph, with two signs and nothing that reads like a matter.
fn unruled_signature(lines: &mut [Line], run: &[usize]) {
    let own: Vec<usize> = run.iter().copied().filter(|i| lines[*i].is_own()).collect();
    let Some(block) = own.chunk_by(|a, b| b - a == 1).next_back() else { return };
    if block.len() > 8 {
        return;
    }
    let Some(before) = own.len().checked_sub(block.len() + 1).map(|n| lines[own[n]].text) else { return };
    let Some((last, head)) = block.split_last() else { return };
    let matter = |i: &usize| is_prose(lines[*i].text) || is_labelled(lines[*i].text) || is_rule(lines[*i].text);
    // 「訪問修理承ります」: advertising below a name
    let advertising =
        || !lines[*last].text.contains(['。', '？', '?']) && !is_labelled(lines[*last].text) && signs(lines, head) >= 2;
    let says_something = head.iter().any(matter) || (matter(last) && !advertising());
    if !is_announcement(before) && !says_something && signs(lines, block) >= 2 {
        set_signature(lines, block);
    }
}

/// 「変更後は下記のとおりです。」: what follows is the matter.
fn is_announcement(text: &str) -> bool {
    text.ends_with([':', '：', '記']) || ["下記", "以下", "次の", "変更後", "新しい"].iter().any(|w| text.contains(w))
}

/// `会社名：…`: the customer tells us something.
fn is_labelled(text: &str) -> bool {
    const LABELS: &[&str] =
        words!("会社名" "法人名" "部署" "氏名" "お名前" "名前" "住所" "契約" "担当者" "ID" "旧" "新");
    text.contains([':', '：', '→'])
        && LABELS.iter().any(|l| text.trim_start_matches(['・', '■', '●', ' ', '　']).starts_with(l))
}

fn signs(lines: &[Line], block: &[usize]) -> u32 {
    block.iter().map(|i| signs_of(lines[*i].text)).fold(0, |all, signs| all | signs).count_ones()
}

static FIRM: WordSet = WordSet::of(words!(
    "株式会社" "㈱" "（株）" "(株)" "有限会社" "㈲" "（有）" "(有)" "合同会社" "社団法人" "財団法人" "学校法人"
    "医療法人" "福祉法人" "NPO法人" "協同組合" "Inc." "Ltd" "Corp" "Co.,"
));
const DEPARTMENT: &[&str] = words!(
    "部" "課" "室" "係" "支店" "本社" "本店" "センター" "グループ" "事業所" "営業所" "事務局" "法人本部" "出張所" "店"
);
static TELEPHONE: WordSet =
    WordSet::of(&["TEL", "Tel", "tel", "電話", "FAX", "Fax", "fax", "携帯", "Mobile", "PHS", "ＴＥＬ", "ＦＡＸ", "℡"]);
static WEB: WordSet = WordSet::of(words!("http://" "https://" "www."));
static TRADE: WordSet = WordSet::of(words!(
    "営業時間" "定休" "承ります" "受付中" "受付時間" "お問い合わせは" "ご相談" "許可 " "登録番号" "適格請求書" "へ）"
));

/// What a line shows of a signature, one bit a kind.
fn signs_of(text: &str) -> u32 {
    // a department ends its word: 「総務部　山田」, not 「部品」
    let department =
        text.split([' ', '　', '/', '・']).any(|w| DEPARTMENT.iter().any(|d| w.ends_with(d) && w.len() > d.len()));
    let trade = TRADE.is_in(text) || text.ends_with("まで") || text.ends_with('へ');
    let signs = [
        FIRM.is_in(text),
        department,
        text.contains('〒'),
        TELEPHONE.is_in(text) || has_telephone(text),
        has_mail(text),
        WEB.is_in(text),
        trade,
        is_name(text),
    ];
    signs.iter().enumerate().map(|(bit, sign)| u32::from(*sign) << bit).sum()
}

fn has_mail(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_graphic())
        .any(|w| w.split_once('@').is_some_and(|(l, d)| !l.is_empty() && d.contains('.')))
}

/// `03-0000-0000`
fn has_telephone(text: &str) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '-');
    numbers.into_iter().any(|n| {
        let digits = n.bytes().filter(u8::is_ascii_digit).count();
        n.starts_with('0') && (9..=11).contains(&digits) && n.matches('-').count() == 2
    })
}

/// 「○○課　山田 太郎」: short words with spaces between, the last one a name by its form.
fn is_name(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain = !text.contains(['。', '、', '：', ':', '？', '「', '（', '(', '/', '／', '='])
        && !text.contains(|c: char| c.is_ascii_digit());
    let name =
        |w: &&str| (1..=5).contains(&w.chars().count()) && w.chars().all(|c| c >= '\u{3041}' && c.is_alphabetic());
    plain && words.len() >= 2 && words.last().is_some_and(name) && text.chars().count() <= 30
}
