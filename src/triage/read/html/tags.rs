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

    pub fn is_in(&self, list: &[&str]) -> bool {
        list.iter().any(|name| name.as_bytes() == self.get())
    }
}

/// Elements whose content is no text.
const NO_TEXT: &[&str] = &["script", "style", "title", "template", "object", "iframe", "svg", "select", "xml"];
/// Elements without content.
pub const VOID: &[&str] = &["img", "input", "meta", "link", "col", "wbr", "area", "base", "source", "br", "hr"];
/// Elements that begin and end a line.
#[rustfmt::skip]
const BLOCK: &[&str] = &[
    "p", "div", "blockquote", "li", "ul", "ol", "tr", "table", "tbody", "thead", "pre", "h1", "h2", "h3",
    "h4", "h5", "h6", "dl", "dt", "dd", "section", "article", "header", "footer", "address", "center", "body",
    "form", "hr",
];

/// An element, as far as its start tag says.
#[derive(Default)]
pub struct Element {
    pub name: Name,
    /// Its content is no text (`script`).
    pub silent: bool,
    /// Hidden by style.
    pub hidden: bool,
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
        let name = Name::of(tag);
        Element { name, silent: name.is_in(NO_TEXT), block: name.is_in(BLOCK), ..Element::default() }
    }

    /// Takes in one attribute; `here`: where its text will begin.
    pub fn add(&mut self, attribute: Attribute, value: &str, here: usize) {
        let value = value.to_ascii_lowercase();
        let quote = Some(here);
        match attribute {
            Attribute::Style => {
                let style: String = value.split_whitespace().collect();
                self.hidden |= hides(&style);
                self.tight |= style.contains("margin:0");
                self.indent |= style.contains("border:none");
            }
            Attribute::Class => {
                let class = |c: &str| value.split_whitespace().any(|v| v == c);
                self.tight |= value.starts_with("mso");
                if class("gmail_attr") || class("moz-cite-prefix") || class("yahoo_quoted") {
                    self.quote = quote;
                } else if class("gmail_quote") || class("gmail_quote_container") {
                    self.container = quote;
                }
            }
            Attribute::Id if value == "mail-editor-reference-message-container" => self.quote = quote,
            Attribute::Id if value == "divrplyfwdmsg" || value == "appendonsend" => self.rest_is_quoted = true,
            Attribute::Type if value == "cite" => self.quote = quote,
            _ => {}
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

/// Does a style (without white space, lower case) hide the text?
fn hides(style: &str) -> bool {
    let zero =
        style.split("font-size:0").nth(1).is_some_and(|rest| !rest.starts_with(|c: char| ".123456789".contains(c)));
    zero || style.contains("display:none") || style.contains("visibility:hidden") || style.contains("mso-hide:all")
}
