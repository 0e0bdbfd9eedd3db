//! What start tags say: is it a block, is it hidden, is it a quote?

/// An element name, cut to ten bytes: enough to tell them apart, and nothing to allocate.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Name([u8; 10]);

impl Name {
    pub fn of(tag: &[u8]) -> Name {
        let mut name = [0; 10];
        let len = tag.len().min(10);
        name[..len].copy_from_slice(&tag[..len]);
        Name(name)
    }

    pub fn get(&self) -> &[u8] {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        &self.0[..len]
    }
}

/// Elements whose content is no text.
fn is_silent(name: &[u8]) -> bool {
    matches!(name, b"script" | b"style" | b"title" | b"template" | b"object" | b"iframe" | b"svg" | b"select" | b"xml")
}

/// Elements without content.
fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"img" | b"input" | b"meta" | b"link" | b"col" | b"wbr" | b"area" | b"base" | b"source" | b"br" | b"hr"
    )
}

/// Elements that begin and end a line.
#[rustfmt::skip]
fn is_block(name: &[u8]) -> bool {
    matches!(
        name,
        b"p" | b"div" | b"blockquote" | b"li" | b"ul" | b"ol" | b"tr" | b"table" | b"tbody" | b"thead" | b"pre"
        | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"dl" | b"dt" | b"dd" | b"section" | b"article" | b"header"
        | b"footer" | b"address" | b"center" | b"body" | b"form" | b"hr"
    )
}

/// An element, as far as its start tag says.
#[derive(Default)]
pub struct Element {
    pub name: Name,
    /// It has no content.
    pub void: bool,
    /// Its content is no text (`script`), or it lies in an element like that.
    pub silent: bool,
    /// Hidden by style, or lies in an element that is.
    pub hidden: bool,
    /// White space counts here: `<pre>`, or within one.
    pub pre: bool,
    /// Begins and ends a line.
    pub block: bool,
    /// Where its quoted text begins.
    pub quote: Option<usize>,
    /// Where the text of a Gmail quote container begins: quoted as a whole, unless it holds a `blockquote`.
    pub container: Option<usize>,
    /// Outlook puts this before the other mail: all that follows is quoted.
    pub rest_is_quoted: bool,
    /// `MsoNormal`, `margin:0`: a line, no paragraph.
    pub tight: bool,
    pub indent: bool,
}

impl Element {
    pub fn of(tag: &[u8]) -> Element {
        Element {
            name: Name::of(tag),
            void: is_void(tag),
            silent: is_silent(tag),
            block: is_block(tag),
            pre: tag == b"pre",
            ..Element::default()
        }
    }

    /// Takes over what holds for everything inside `parent`.
    pub fn inherit(&mut self, parent: &Element) {
        self.silent |= parent.silent;
        self.hidden |= parent.hidden;
        self.pre |= parent.pre;
    }

    /// Takes in one attribute; `here`: where its text will begin.
    pub fn add(&mut self, attribute: Attribute, value: &str, here: usize) {
        let is = |word: &str| value.eq_ignore_ascii_case(word);
        match attribute {
            Attribute::Style => value.split(';').for_each(|declaration| self.style(declaration)),
            Attribute::Class => self.class(value, here),
            Attribute::Id if is("mail-editor-reference-message-container") => self.quote = Some(here),
            Attribute::Id if is("divRplyFwdMsg") || is("appendonsend") => self.rest_is_quoted = true,
            Attribute::Type if is("cite") => self.quote = Some(here),
            _ => {}
        }
    }

    /// One `property: value` of a style.
    fn style(&mut self, declaration: &str) {
        let Some((property, value)) = declaration.split_once(':') else { return };
        let (property, value) = (property.trim(), value.trim());
        let is = |name: &str| property.eq_ignore_ascii_case(name);
        let begins = |word: &str| value.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        let zero = || begins("0") && !value[1..].starts_with(|c: char| ".123456789".contains(c));
        self.hidden |= is("font-size") && zero()
            || is("display") && begins("none")
            || is("visibility") && begins("hidden")
            || is("mso-hide") && begins("all");
        self.tight |= is("margin") && begins("0");
        self.indent |= is("border") && begins("none");
    }

    fn class(&mut self, value: &str, here: usize) {
        self.tight |= value.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("mso"));
        for class in value.split_ascii_whitespace() {
            let is = |name: &str| class.eq_ignore_ascii_case(name);
            if is("gmail_attr") || is("moz-cite-prefix") || is("yahoo_quoted") {
                self.quote = Some(here);
            } else if is("gmail_quote") || is("gmail_quote_container") {
                self.container = Some(here);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    Style,
    Class,
    Id,
    Type,
    Other,
}

impl Attribute {
    pub fn of(name: &[u8]) -> Attribute {
        match name {
            b"style" => Attribute::Style,
            b"class" => Attribute::Class,
            b"id" => Attribute::Id,
            b"type" => Attribute::Type,
            _ => Attribute::Other,
        }
    }
}
