//! Words and rules that do nothing in a corpus, or are in nearly every mail of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::screen::Language;
use crate::cli::sources;
use crate::config::Claims;
use crate::fit::corpus;
use crate::triage::classify::classify;
use crate::triage::inquiry::Inquiry;
use crate::triage::own_words::OwnWords;
use crate::triage::pack::{Muted, Pack, Place, Rule, Term};
use crate::triage::read;
use crate::triage::rulebook::Rulebook;

/// A word in this share of the mails tells nothing about any of them.
const NEARLY_ALL: f64 = 0.9;

pub fn print(pack: Pack, claims: &Claims, corpus: &[PathBuf], language: Language) -> anyhow::Result<()> {
    let mails = mails(corpus, &pack.id)?;
    let probe = Rulebook::compile(Arc::new(probe(&pack, claims)))?;
    let book = Rulebook::compile(Arc::new(pack))?;
    let mut of_term = vec![0_usize; claims.terms.len()];
    let mut fired = BTreeSet::new();
    for mail in &mails {
        let own = OwnWords::of(mail);
        fired.extend(classify(&own, &book).evidence.into_iter().map(|evidence| evidence.rule));
        let seen = classify(&own, &probe).evidence.into_iter().filter_map(|evidence| evidence.rule.parse().ok());
        seen.collect::<BTreeSet<usize>>().into_iter().for_each(|term| of_term[term] += 1);
    }
    let (never, all) = (
        language.say("一度も現れません", "is in no mail"),
        language.say("ほぼ全件にあります", "is in nearly every mail"),
    );
    for (written, count) in claims.terms.iter().zip(&of_term) {
        let said = match *count {
            0 => never,
            many if many as f64 > mails.len() as f64 * NEARLY_ALL => all,
            _ => continue,
        };
        anstream::println!("{}: {} {said}", written.place, shown(&written.term));
    }
    let silent: Vec<&str> =
        book.pack.rules.iter().map(|rule| rule.id.as_str()).filter(|id| !fired.contains(*id)).collect();
    let unused = of_term.iter().filter(|count| **count == 0).count();
    anstream::println!(
        "{} {unused}/{}; {} {}{}{}",
        language.say("一度も現れない語:", "words in no mail:"),
        of_term.len(),
        language.say("適用されない規則:", "rules that never applied:"),
        silent.len(),
        if silent.is_empty() { "" } else { ": " },
        silent.join(", ")
    );
    Ok(())
}

fn mails(paths: &[PathBuf], pack: &str) -> anyhow::Result<Vec<Inquiry>> {
    let labelled = |path: &&PathBuf| Path::new(path).extension().is_some_and(|extension| extension == "jsonl");
    let files: Vec<PathBuf> = paths.iter().filter(labelled).cloned().collect();
    let others: Vec<PathBuf> = paths.iter().filter(|path| !labelled(path)).cloned().collect();
    let mut mails = Vec::new();
    if !files.is_empty() {
        mails.extend(corpus::read(&files, pack)?.iter().map(corpus::Record::inquiry));
    }
    for source in sources::mails(&others) {
        let raw = source.raw.map_err(|error| anyhow::anyhow!("{}: {error}", source.name))?;
        mails.push(read::read(&raw, raw.len() as u64, true));
    }
    Ok(mails)
}

/// The pack with a rule for each term that is written somewhere, named by its number.
fn probe(pack: &Pack, claims: &Claims) -> Pack {
    let clause = pack.clauses.first().map(|clause| clause.id.clone()).unwrap_or_default();
    let rule = |(n, term): (usize, &Term)| Rule {
        id: n.to_string(),
        clause: clause.clone(),
        score: 1.0,
        any: vec![term.clone()],
        all: Vec::new(),
        none: Vec::new(),
        near: None,
        question: false,
        place: Place::Anywhere,
        examples: Vec::new(),
        counterexamples: Vec::new(),
    };
    let rules = claims.terms.iter().map(|written| &written.term).enumerate().map(rule).collect();
    Pack { rules, muted: Muted::default(), ..pack.clone() }
}

fn shown(term: &Term) -> String {
    match term {
        Term::Literal(text) => format!("`{text}`"),
        Term::Pattern(pattern) => format!("`/{pattern}/`"),
        Term::Product(product) => format!("`@{}`", product.name()),
    }
}
