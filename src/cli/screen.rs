//! What people see on a terminal: the language of labels, colours, tables.

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use unicode_width::UnicodeWidthStr;

use crate::triage::decision::{Disposition, Reason};
use crate::triage::gate;

/// The language of labels and messages; mail and rules stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Ja,
    En,
}

impl Language {
    /// As the user's locale says (POSIX order: LC_ALL, LC_MESSAGES, LANG).
    pub fn of_locale() -> Language {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).unwrap_or_default();
        if locale.starts_with("ja") { Language::Ja } else { Language::En }
    }

    /// Picks the words of this language.
    pub fn say<'a>(self, ja: &'a str, en: &'a str) -> &'a str {
        match self {
            Language::Ja => ja,
            Language::En => en,
        }
    }

    /// A reason's words; the codes are the same in both languages.
    pub fn reason(self, reason: &Reason) -> String {
        match self {
            Language::Ja => format!("{} ({})", reason.text, reason.code),
            Language::En => format!("{} ({})", english(&reason.code).unwrap_or(&reason.text), reason.code),
        }
    }
}

fn english(code: &str) -> Option<&str> {
    Some(match code {
        "clear" => "the rules are clear",
        "out-of-hours" => "out of hours: waits for the next opening",
        "unclear" => "no clause reaches its threshold",
        "no-own-words" => "only courtesies or a quote: no words that ask for something",
        "forwarded" => "only a forwarded mail: its author is not the sender",
        "low-margin" => "two clauses are too close",
        "low-confidence" => "not sure enough",
        "suspicion" => "perhaps prohibited conduct",
        "conduct" => "may be prohibited conduct: staff decide, no reply",
        "no-safe-address" => "no address that is safe to answer",
        "form" => "of a web form: what was typed there is not proved",
        "ppap" => "brings the password of an attachment",
        "follow-up" => "more about a case that is in hand: see its story by the receipt number",
        "route-conflict" => "the register contradicts itself about the sender",
        "contract-expired" => "no contract runs on the day of the mail",
        "other-desk" => "the contract is served at another desk",
        "look-alike" => "a domain that could be taken for one of the register",
        "partner-staff" => "from the staff of a partner",
        "redirected-before" => "the sender was sent to the partner lately",
        "asked-before" => "the contract was asked for lately, and is still not known",
        "deadline" => "the customer sets a deadline: not promised",
        "acknowledged" => "acknowledged when it came: staff answer",
        "answered-together" => "answered together with a later mail of the same sender",
        "withdrawn" => "the sender says that it is settled",
        "wrote-again" => "the sender wrote again, and not all of it is clear",
        "urgent" => "staff must see it at once",
        "flow-ask" => "asks the customer for the next steps of the flow",
        "flow-later" => "the customer will make the steps later: waits for the result",
        "flow-solved" => "it works again",
        "flow-end" => "the flow ended at something that the customer does",
        "flow-handover" => "the flow ended with staff",
        "notice" => "a notice is in force: its words are the answer",
        "never-open" => "the calendar has no next opening",
        gate => gate::title(gate.strip_prefix("gate-")?).1,
    })
}

pub fn colour(disposition: Disposition) -> Style {
    let colour = match disposition {
        Disposition::Auto => AnsiColor::Green,
        Disposition::Review => AnsiColor::Yellow,
        Disposition::Hold => AnsiColor::Red,
        Disposition::Ignore => AnsiColor::BrightBlack,
    };
    colour.on_default().bold()
}

pub fn dim() -> Style {
    Style::new().dimmed()
}

pub fn marked() -> Style {
    AnsiColor::Cyan.on_default().bold().underline()
}

/// `error:` in red where colours are shown.
pub fn error_word() -> String {
    let style = AnsiColor::Red.on_default().bold();
    format!("{style}error:{style:#}")
}

/// What became of standard output: `… | head` is no error.
pub fn written(result: std::io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}

/// `text` cut or padded to `columns` terminal columns (a kanji takes two).
pub fn fit(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut width = 0;
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        let next = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if width + next > columns.saturating_sub(1) && text.width() > columns {
            out.push('…');
            width += 1;
            break;
        }
        out.push(c);
        width += next;
    }
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_wide_characters_into_columns() {
        assert_eq!(fit("窓口", 6), "窓口  ");
        assert_eq!(fit("窓口です", 5), "窓口…");
        assert_eq!(fit("窓口です", 8), "窓口です");
        assert_eq!(fit("a\nb", 4), "a b ");
    }
}
