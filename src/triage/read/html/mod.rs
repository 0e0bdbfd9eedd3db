//! HTML → the text a reader sees, and which ranges of it the mail program marked as quoted.
//!
//! Tokens only, no tree: a stack of open elements is enough to know what is hidden and what is quoted, and mis-nested
//! tags only ever end it early.

mod tags;

use std::convert::Infallible;
use std::ops::Range;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Emitter, ForwardingEmitter, Span, Tokenizer};

use self::tags::{Attribute, Element, Name};
use super::charset::lossy;

/// Open elements beyond this are not tracked.
const MAX_OPEN: usize = 256;

/// The visible text of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visible {
    pub text: String,
    /// Sorted, not overlapping, on line borders.
    pub quoted: Vec<Range<usize>>,
    /// Characters hidden by style (`display:none` …).
    pub hidden: usize,
}

/// Reads a document. Linear, never fails.
pub fn visible(html: &str) -> Visible {
    let mut page = Page::default();
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
        page.event(event);
        None
    });
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, Uncritical(emitter)).finish();
    page.finish()
}

/// An emitter that does not want to hear of errors: looking at each character for them took a quarter of the time.
struct Uncritical<E>(E);

impl<E: Emitter> ForwardingEmitter for Uncritical<E> {
    type Token = E::Token;

    fn inner(&mut self) -> &mut impl Emitter<Token = E::Token> {
        &mut self.0
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }
}

/// The charset that a document claims in its first kilobyte (`<meta charset>`, `http-equiv`).
pub fn meta_charset(html: &[u8]) -> Option<&str> {
    let head = &html[..html.len().min(1024)];
    let start = head.windows(8).position(|w| w.eq_ignore_ascii_case(b"charset="))? + 8;
    let value = head[start..].trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let end = value.iter().position(|b| !b.is_ascii_alphanumeric() && !b"-_.:".contains(b)).unwrap_or(value.len());
    std::str::from_utf8(&value[..end]).ok().filter(|name| !name.is_empty())
}

#[derive(Default)]
struct Page {
    out: Visible,
    open: Vec<Element>,
    /// The start tag being read.
    tag: Element,
    attribute: Option<Attribute>,
    /// From here on everything is quoted.
    rest: Option<usize>,
    /// The current line has text.
    line: bool,
    space: Option<Space>,
}

/// White space that waits for a word behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Blank,
    /// With a line end: nothing between two Japanese characters, a blank elsewhere.
    Wrap,
    Cell,
}

impl Page {
    fn event(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name: tag } => {
                self.tag = Element::of(tag);
                self.attribute = None;
            }
            CallbackEvent::AttributeName { name } => {
                self.tag.hidden |= name == b"hidden";
                self.attribute = Some(Attribute::of(name));
            }
            CallbackEvent::AttributeValue { value } => {
                let attribute = self.attribute.unwrap_or(Attribute::Other);
                self.tag.add(attribute, &lossy(value), self.out.text.len());
            }
            CallbackEvent::CloseStartTag { .. } => self.start(),
            CallbackEvent::EndTag { name: tag } => self.end(Name::of(tag)),
            CallbackEvent::String { value } => self.string(&lossy(value)),
            _ => {}
        }
    }

    fn start(&mut self) {
        let mut tag = std::mem::take(&mut self.tag);
        let name = tag.name;
        match name.get() {
            b"br" => self.line_end(),
            b"td" | b"th" => self.space = Some(Space::Cell).filter(|_| self.line),
            b"p" | b"li" => self.end_open(name),
            _ => {}
        }
        if tag.block {
            self.block();
            self.paragraph(&tag);
        }
        if !tag.void && self.open.len() < MAX_OPEN {
            self.mark_quote(&mut tag);
            if let Some(parent) = self.open.last() {
                tag.inherit(parent);
            }
            self.open.push(tag);
        }
    }

    /// Where the text of a quote begins. A `blockquote` inside a Gmail container means that what stands between is
    /// the customer's interleaved answer; one without border is how Gmail indents.
    fn mark_quote(&mut self, tag: &mut Element) {
        let here = self.out.text.len();
        let indent = tag.indent && tag.quote.is_none() && tag.container.is_none();
        if tag.name.get() == b"blockquote" && !indent {
            tag.quote = Some(here);
            tag.container = None;
            self.open.iter_mut().for_each(|e| e.container = None);
        }
        if tag.rest_is_quoted {
            self.rest.get_or_insert(here);
        }
        tag.quote = tag.quote.map(|_| here);
        tag.container = tag.container.map(|_| here);
    }

    /// A `<p>` or `<li>` ends the one before it.
    fn end_open(&mut self, name: Name) {
        if self.open.last().is_some_and(|e| e.name == name) {
            self.end(name);
        }
    }

    fn end(&mut self, name: Name) {
        if let Some(at) = self.open.iter().rposition(|e| e.name == name) {
            while self.open.len() > at {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let Some(element) = self.open.pop() else { return };
        if element.block {
            self.block();
            self.paragraph(&element);
        }
        if let Some(start) = element.quote.or(element.container) {
            self.out.quoted.push(start..self.out.text.len());
        }
    }

    fn string(&mut self, value: &str) {
        match self.open.last() {
            Some(inside) if inside.silent => {}
            Some(inside) if inside.hidden => self.out.hidden += value.chars().filter(|c| !c.is_whitespace()).count(),
            Some(inside) if inside.pre => self.preformatted(value),
            _ => self.flow(value),
        }
    }

    fn flow(&mut self, value: &str) {
        let mut rest = value;
        while !rest.is_empty() {
            let word = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
            if word > 0 {
                self.word(&rest[..word]);
            }
            let after = rest[word..].find(|c: char| !c.is_ascii_whitespace()).map_or(rest.len(), |n| word + n);
            if after > word {
                let wrapped = self.space == Some(Space::Wrap) || rest[word..after].contains('\n');
                let space = if wrapped { Space::Wrap } else { Space::Blank };
                self.space = Some(space).filter(|_| self.line && self.space != Some(Space::Cell)).or(self.space);
            }
            rest = &rest[after..];
        }
    }

    fn word(&mut self, word: &str) {
        let before = self.out.text.chars().next_back();
        match self.space.take() {
            Some(Space::Cell) => self.out.text.push('\t'),
            Some(Space::Wrap) if before.is_some_and(is_wide) && word.starts_with(is_wide) => {}
            Some(_) => self.out.text.push(' '),
            None => {}
        }
        // a no-break space is a blank that counts
        let mut pieces = word.split('\u{a0}');
        self.out.text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.out.text.push(' ');
            self.out.text.push_str(piece);
        }
        self.line = true;
    }

    fn preformatted(&mut self, value: &str) {
        for line in value.split_inclusive('\n') {
            let text = line.strip_suffix('\n').unwrap_or(line);
            if !text.is_empty() {
                self.space = None;
                self.out.text.push_str(text);
                self.line = true;
            }
            if line.len() > text.len() {
                self.line_end();
            }
        }
    }

    /// `<br>`: ends the line, also an empty one.
    fn line_end(&mut self) {
        self.space = None;
        let text = self.out.text.trim_end_matches([' ', '\t']).len();
        self.out.text.truncate(text);
        self.out.text.push('\n');
        self.line = false;
    }

    /// A block begins or ends: so does a line.
    fn block(&mut self) {
        if self.line {
            self.line_end();
        }
        self.space = None;
    }

    /// Paragraphs have an empty line between them.
    fn paragraph(&mut self, element: &Element) {
        let gap = element.name.get() == b"p" && !element.tight;
        if gap && !self.out.text.is_empty() && !self.out.text.ends_with("\n\n") {
            self.out.text.push('\n');
        }
    }

    fn finish(mut self) -> Visible {
        while !self.open.is_empty() {
            self.close();
        }
        let mut out = self.out;
        out.quoted.extend(self.rest.map(|start| start..out.text.len()));
        out.text.truncate(out.text.trim_end().len());
        out.quoted = merge(std::mem::take(&mut out.quoted), out.text.len());
        out
    }
}

/// Sorts ranges, joins those that touch, drops empty ones.
fn merge(mut ranges: Vec<Range<usize>>, len: usize) -> Vec<Range<usize>> {
    ranges.sort_by_key(|r| r.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        let range = range.start..range.end.min(len);
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ if range.start < range.end => merged.push(range),
            _ => {}
        }
    }
    merged
}

/// Japanese text is broken between any two characters; a line end there is no blank.
fn is_wide(c: char) -> bool {
    c >= '\u{2e80}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, text: &str) {
        assert_eq!(visible(html).text, text, "{html}");
    }

    fn quoted(html: &str) -> Vec<String> {
        let page = visible(html);
        page.quoted.iter().map(|r| page.text[r.clone()].to_string()).collect()
    }

    #[test]
    fn shows_what_a_reader_sees() {
        check("<p>a&amp;b</p><p>c</p>", "a&b\n\nc");
        check("a<br>\nb<br><br>c", "a\nb\n\nc");
        check("<div>a</div><div><br></div><div>b</div>", "a\n\nb");
        check("<p class=MsoNormal>a</p><p class=MsoNormal>&nbsp;</p><p class=\"MsoNormal\">b</p>", "a\n\nb");
        check("<ul><li>a<li>b</ul>c", "a\nb\nc");
        check("<table><tr><td>項目</td><td>値</td></tr><tr><td>x</table>", "項目\t値\nx");
        check("a\n  b &#x3042;<b>い</b>", "a b あい");
        check("日本\r\n語 text\nword", "日本語 text word");
        check("<pre>a\n  b</pre>c", "a\n  b\nc");
    }

    #[test]
    fn hidden_text_is_dropped_and_counted() {
        check("<head><title>t</title><style>p{}</style></head><body>a<script>x</script>", "a");
        check("<!-- c -->a<o:p></o:p>", "a");
        check("<div style='DISPLAY: none'>x<p>y</div>a", "a");
        check("<span style=\"font-size:0px\">x</span><span style='font-size:0.9em'>a</span>", "a");
        check("<p hidden id=i>x</p>a", "a");
        check("<p style='color:red; Visibility : HIDDEN !important'>x</p>a", "a");
        check("<p style='mso-hide:all'>x</p><p style='font-size:0'>x</p>a", "a");
        check("<p style='border:none;font-size:0.5em;display'>a</p>", "a");
        check("<div style=display:none><p>x<pre>x</pre></div><pre>a\n <b> b</b></pre>", "a\n  b");
        assert_eq!(visible("<i style=display:none>秘 密</i>").hidden, 2);
    }

    #[test]
    fn unclosed_elements_hide_nothing_behind_their_parent() {
        check("<div><span style='display:none'>x</div>a", "a");
        check("<p style='display:none'>x<p>a", "a");
        check("</div></p>a", "a");
    }

    #[test]
    fn quotes_are_ranges() {
        assert_eq!(quoted("a<blockquote type=cite>b<blockquote>c</blockquote></blockquote>d"), ["b\nc\n"]);
        assert_eq!(quoted("a<div class=\"gmail_quote\"><div class=gmail_attr>x:</div>b</div>"), ["x:\nb"]);
        assert_eq!(quoted("a<div id=divRplyFwdMsg>b</div><div>c</div>"), ["b\nc"]);
        assert_eq!(quoted("a<blockquote style='margin:0 0 0 40px;border:none'>b</blockquote>"), [""; 0]);
    }

    #[test]
    fn answers_between_gmail_quotes_are_not_quoted() {
        let html = "<div class='gmail_quote gmail_quote_container'><div class=gmail_attr>x:</div>\
            <blockquote class=gmail_quote>q1</blockquote><div>answer</div><blockquote class=gmail_quote>q2</blockquote></div>";
        assert_eq!(quoted(html), ["x:\nq1\n", "q2"]);
    }

    #[test]
    fn finds_the_charset_it_claims() {
        assert_eq!(meta_charset(b"<meta charset=\"Shift_JIS\">"), Some("Shift_JIS"));
        assert_eq!(meta_charset(b"<META content='text/html; charset=iso-2022-jp'>"), Some("iso-2022-jp"));
        assert_eq!(meta_charset(b"<p>charset=</p>"), None);
    }

    #[test]
    fn hostile_nesting_is_linear() {
        check(&format!("{}a{}", "<div>".repeat(20_000), "</span>".repeat(20_000)), "a");
        check(&"<".repeat(100_000), &"<".repeat(100_000));
    }
}
