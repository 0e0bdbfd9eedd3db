//! A flow's patterns, compiled: one regular expression a list.

use std::sync::Arc;

use super::finder::Names;
use super::{Claim, Device, Flow, Words};
use crate::triage::fold::{Folding, fold_term};
use crate::triage::pack::Term;
use crate::triage::pattern::Pattern;

/// A flow made ready for reading mails.
#[derive(Debug)]
pub struct FlowBook {
    pub flow: Arc<Flow>,
    /// What each pattern found means.
    pub(super) patterns: Vec<(Meaning, Pattern)>,
    pub(super) devices: Vec<Pattern>,
    pub(super) versions: Vec<(usize, Pattern)>,
    /// See [`super::Evidence::seen`], for each step.
    pub(super) seen: Vec<Option<Pattern>>,
    /// See [`super::Evidence::whole`], for each step.
    pub(super) whole: Vec<Vec<Pattern>>,
    /// Says that something is not so.
    pub(super) denial: Option<Pattern>,
    pub(super) later: Option<Pattern>,
    pub(super) refusal: Option<Pattern>,
    pub(super) anger: Option<Pattern>,
    /// Names that dialogues taught.
    pub(super) names: Names,
}

/// What words mean; step and group numbers are indices into the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Topic(usize),
    /// Names the step only if it was asked for.
    AskedTopic(usize),
    Group(usize),
    /// A place in our last mail, counted from 0.
    Place(usize),
    Says(usize, Claim),
    Word(usize, Claim),
    Done,
    Undone,
    NoEffect,
    Still,
    Fixed,
    Unsure,
    Unclear,
    Yes,
    No,
    All,
    Rest,
    /// The last place in our last mail.
    Last,
    /// The first two of three places, or the last two.
    Half(bool),
    /// The same answer as before.
    Same,
    Matter,
    Good,
    Bad,
    Nothing,
}

impl Meaning {
    /// It names steps.
    pub(super) fn names(self) -> bool {
        use Meaning::{AskedTopic, Group, Half, Last, Place, Topic};
        matches!(self, Topic(_) | AskedTopic(_) | Group(_) | Place(_) | Last | Half(_))
    }
}

impl FlowBook {
    pub fn compile(flow: Arc<Flow>) -> FlowBook {
        let mut patterns = Vec::new();
        let mut add = |meaning, terms: &[Term]| patterns.extend(union(terms).map(|pattern| (meaning, pattern)));
        for (index, step) in flow.steps.iter().enumerate() {
            let evidence = &step.evidence;
            add(Meaning::Topic(index), &evidence.topic);
            add(Meaning::Topic(index), &[Term::Literal(step.id.clone())]);
            add(Meaning::AskedTopic(index), &evidence.asked);
            for (claim, terms) in &evidence.says {
                add(Meaning::Says(index, *claim), terms);
            }
            for (claim, terms) in &evidence.word {
                add(Meaning::Word(index, *claim), terms);
            }
        }
        for (index, group) in flow.groups.iter().enumerate() {
            add(Meaning::Group(index), &group.topic);
        }
        for place in 0..flow.ask {
            add(Meaning::Place(place), &[Term::Pattern(place_names(place))]);
        }
        add(Meaning::Last, &[Term::Pattern("最後の(?:もの|やつ|項目|手順|確認|[はもをがで])".into())]);
        for (first, names) in HALVES {
            add(Meaning::Half(first), &[Term::Pattern(names.into())]);
        }
        for (meaning, terms) in general(&flow.words) {
            add(meaning, terms);
        }
        let never = || Pattern::known(NEVER);
        let devices = flow.devices.iter().map(|device| union(&device.names).unwrap_or_else(never)).collect();
        let versions = versions(&flow);
        let seen = flow.steps.iter().map(|step| union(&step.evidence.seen)).collect();
        let whole = flow.steps.iter().map(|step| each(&step.evidence.whole)).collect();
        let words = &flow.words;
        let denial = union(&words.denial);
        let (later, refusal, anger) = (union(&words.later), union(&words.refusal), union(&words.anger));
        let names = flow.weights.as_ref().map(|weights| Names::of(&flow.ids(), &weights.names)).unwrap_or_default();
        FlowBook { patterns, devices, versions, seen, whole, denial, later, refusal, anger, names, flow }
    }
}

/// Two of three places.
const HALVES: [(bool, &str); 2] = [
    (true, "(?:最初|はじめ|初め|上|前|先)の?(?:二|2|ふた)(?:つ|個|点|項目|手順)"),
    (
        false,
        "(?:最後|下|後ろ?|あと|残[りる]|ほか|他)の?(?:二|2|ふた)(?:つ|個|点|項目|手順)|(?:二|2|ふた)(?:つ目|番目?|つめ)以(?:降|下|後)",
    ),
];

/// 「2番」「二つ目」「ふたつめ」「2は」「(2)」; the first also 「最初の手順」.
fn place_names(place: usize) -> String {
    const NAMES: [&str; 9] = ["一|ひと", "二|ふた", "三|みっ|みつ", "四", "五", "六", "七", "八", "九"];
    let (number, name) = (place + 1, NAMES.get(place).copied().unwrap_or(NEVER));
    let kanji = name.split('|').next().unwrap_or(NEVER);
    let first = if place == 0 {
        "|(?:最初|はじめ|初め)の(?:もの|やつ|項目|手順|確認|件|方法|ほう|[はもをが])"
    } else {
        ""
    };
    let middle = if place == 1 {
        "|(?:真ん中|まんなか|中央)の(?:もの|やつ|項目|手順|[はもをが])"
    } else {
        ""
    };
    let bare = format!(r"\({number}\)|#{number}|{number}(?:[はもをとのが]|だけ|のみ)|{kanji}[をはもと]");
    format!("(?:{number}|{name})(?:番(?:目|[のはもをとがで、:]|だけ|$)|つ目|つめ|個目|点目){first}{middle}|{bare}")
}

/// Can a place be named behind this? 「11は」「14.1の」「唯一は」 name none.
pub(super) fn can_stand_behind(before: &str) -> bool {
    let stands = |c: char| !(c.is_ascii_alphanumeric() || ".-:/第約".contains(c) || ('一'..='龠').contains(&c));
    before.chars().next_back().is_none_or(stands)
}

fn general(words: &Words) -> [(Meaning, &[Term]); 16] {
    [
        (Meaning::Done, &words.done),
        (Meaning::Undone, &words.undone),
        (Meaning::NoEffect, &words.no_effect),
        (Meaning::Still, &words.still),
        (Meaning::Fixed, &words.fixed),
        (Meaning::Unsure, &words.unsure),
        (Meaning::Unclear, &words.unclear),
        (Meaning::Yes, &words.yes),
        (Meaning::No, &words.no),
        (Meaning::All, &words.all),
        (Meaning::Rest, &words.rest),
        (Meaning::Same, &words.same),
        (Meaning::Matter, &words.matter),
        (Meaning::Good, &words.good),
        (Meaning::Bad, &words.bad),
        (Meaning::Nothing, &words.ignore),
    ]
}

/// Each pattern with the index of its device.
fn versions(flow: &Flow) -> Vec<(usize, Pattern)> {
    let of_device = |(index, device): (usize, &Device)| {
        let patterns = device.version.iter().flat_map(|version| &version.patterns);
        patterns.map(move |pattern| (index, Pattern::known(pattern.as_str()))).collect::<Vec<_>>()
    };
    flow.devices.iter().enumerate().flat_map(of_device).collect()
}

/// One expression that finds any of the terms; none if there are none.
pub fn union(terms: &[Term]) -> Option<Pattern> {
    let parts: Vec<String> = terms.iter().map(source).collect();
    (!parts.is_empty()).then(|| Pattern::known(parts.join("|")))
}

fn each(terms: &[Term]) -> Vec<Pattern> {
    terms.iter().map(|term| Pattern::known(source(term))).collect()
}

/// Matches nothing.
const NEVER: &str = r"[^\s\S]";

/// ASCII words are not found inside longer ones.
fn source(term: &Term) -> String {
    match term {
        // Borders of Latin words only: those of all scripts keep the expression from being searched in the fast way, and
        // 「okです」 has none behind its 「ok」.
        Term::Pattern(pattern) => format!("(?:{})", pattern.replace(r"(?-u:\b)", r"\b").replace(r"\b", r"(?-u:\b)")),
        // `config` allows tables in rules only.
        Term::Product(_) => NEVER.to_owned(),
        Term::Literal(text) => {
            let text = fold_term(text, Folding::default());
            let border = |c: Option<char>| if c.is_some_and(|c| c.is_ascii_alphanumeric()) { r"(?-u:\b)" } else { "" };
            let (before, behind) = (border(text.chars().next()), border(text.chars().next_back()));
            format!("{before}{}{behind}", regex::escape(&text))
        }
    }
}
