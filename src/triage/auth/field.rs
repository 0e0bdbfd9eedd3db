//! One `Authentication-Results` field, parsed (RFC 8601 §2.2).
//!
//! Strict on purpose: a field that breaks the grammar proves nothing.

use thiserror::Error;

/// `dkim=pass header.d=example.jp`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodResult {
    /// Lower case, without version.
    pub method: String,
    /// Lower case.
    pub result: String,
    /// `header.d` → value as written; names in lower case.
    pub properties: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldError {
    #[error("comment or quoted string without end")]
    Unclosed,
    #[error("unknown version")]
    Version,
    #[error("not in the form of RFC 8601")]
    Grammar,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A run of characters and quoted strings, unquoted.
    Word(String),
    Equals,
    Semicolon,
}

impl MethodResult {
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// The authserv-id alone: whose field it is, even if the rest cannot be read.
pub fn authserv(raw: &str) -> Option<String> {
    let head = raw.split(';').next().unwrap_or_default();
    let id = tokens(raw).or_else(|_| tokens(head)).ok()?.into_iter().next();
    match id {
        Some(Token::Word(id)) => Some(id),
        _ => None,
    }
}

/// The results in the order of the field; empty for `none`.
pub fn parse(raw: &str) -> Result<Vec<MethodResult>, FieldError> {
    let tokens = tokens(raw)?;
    let segments = segments(&tokens);
    let (head, results) = segments.split_first().ok_or(FieldError::Grammar)?;
    check_head(head)?;
    if let [only] = results
        && is_none(only)
    {
        return Ok(Vec::new());
    }
    if results.is_empty() {
        return Err(FieldError::Grammar);
    }
    results.iter().map(|segment| parse_result(segment)).collect()
}

/// The results of a field as Microsoft 365 writes it: without authserv-id, and with the receiving domain between the
/// results, as if those were several fields.
pub fn parse_nameless(raw: &str) -> Result<Vec<MethodResult>, FieldError> {
    let tokens = tokens(raw)?;
    let segments = segments(&tokens);
    let results = segments.iter().filter(|segment| !is_host(segment));
    let results: Vec<MethodResult> = results.map(|segment| parse_result(segment)).collect::<Result<_, _>>()?;
    if results.is_empty() { Err(FieldError::Grammar) } else { Ok(results) }
}

fn segments(tokens: &[Token]) -> Vec<&[Token]> {
    let mut segments: Vec<&[Token]> = tokens.split(|t| *t == Token::Semicolon).collect();
    if segments.len() > 2 && segments.last().is_some_and(|s| s.is_empty()) {
        // Many services end the last result with a semicolon too.
        segments.pop();
    }
    segments
}

fn is_host(segment: &[Token]) -> bool {
    matches!(segment, [Token::Word(word)] if word.contains('.'))
}

/// `authserv-id [version]`; only version 1 exists (RFC 8601 §2.2).
fn check_head(head: &[Token]) -> Result<(), FieldError> {
    match head {
        [Token::Word(_)] => Ok(()),
        [Token::Word(_), Token::Word(version)] if version == "1" => Ok(()),
        [Token::Word(_), Token::Word(version)] if version.bytes().all(|b| b.is_ascii_digit()) => {
            Err(FieldError::Version)
        }
        _ => Err(FieldError::Grammar),
    }
}

fn is_none(segment: &[Token]) -> bool {
    matches!(segment, [Token::Word(word)] if word.eq_ignore_ascii_case("none"))
}

/// `method[/version]=result [reason=…] [ptype.property=value …]`
fn parse_result(segment: &[Token]) -> Result<MethodResult, FieldError> {
    let mut pairs = pairs(segment)?.into_iter();
    let (method, result) = pairs.next().ok_or(FieldError::Grammar)?;
    let method = match method.split_once('/') {
        None => method,
        Some((name, "1")) => name.to_string(),
        Some(_) => return Err(FieldError::Version),
    };
    Ok(MethodResult { method, result: result.to_ascii_lowercase(), properties: pairs.collect() })
}

/// `name = value` again and again. Comments and blanks may stand around the dot of `header . d` (RFC 8601 §2.2),
/// so all words before the equals sign make up the name.
fn pairs(segment: &[Token]) -> Result<Vec<(String, String)>, FieldError> {
    let mut pairs = Vec::new();
    let mut rest = segment;
    while let Some(at) = rest.iter().position(|t| *t == Token::Equals) {
        let name: String = rest[..at].iter().filter_map(word).collect();
        let value = rest.get(at + 1).and_then(word).ok_or(FieldError::Grammar)?;
        let proper = at == 1 || name.contains('.');
        if name.is_empty() || !proper {
            return Err(FieldError::Grammar);
        }
        pairs.push((name.to_ascii_lowercase(), value.to_string()));
        rest = &rest[at + 2..];
    }
    if rest.is_empty() { Ok(pairs) } else { Err(FieldError::Grammar) }
}

fn word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => Some(word),
        Token::Equals | Token::Semicolon => None,
    }
}

/// Cuts a field into tokens; comments (nested, RFC 5322 §3.2.2) and blanks only separate.
fn tokens(raw: &str) -> Result<Vec<Token>, FieldError> {
    let mut tokens = Vec::new();
    let mut open: Option<String> = None;
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => open.get_or_insert_default().push_str(&quoted(&mut chars)?),
            c if !c.is_whitespace() && !"(;=".contains(c) => open.get_or_insert_default().push(c),
            separator => {
                tokens.extend(open.take().map(Token::Word));
                match separator {
                    '(' => skip_comment(&mut chars)?,
                    ';' => tokens.push(Token::Semicolon),
                    '=' => tokens.push(Token::Equals),
                    _ => {}
                }
            }
        }
    }
    tokens.extend(open.map(Token::Word));
    Ok(tokens)
}

/// The rest of a quoted string, after its opening quote.
fn quoted(chars: &mut std::str::Chars) -> Result<String, FieldError> {
    let mut text = String::new();
    loop {
        match chars.next().ok_or(FieldError::Unclosed)? {
            '"' => return Ok(text),
            '\\' => text.push(chars.next().ok_or(FieldError::Unclosed)?),
            c => text.push(c),
        }
    }
}

/// The rest of a comment, after its opening parenthesis.
fn skip_comment(chars: &mut std::str::Chars) -> Result<(), FieldError> {
    let mut depth = 1;
    while depth > 0 {
        match chars.next().ok_or(FieldError::Unclosed)? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(chars.next()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results in one line: ` | method=result property=value … | …`, or the error.
    fn shown(parsed: Result<Vec<MethodResult>, FieldError>) -> String {
        let results = match parsed {
            Ok(results) => results,
            Err(error) => return error.to_string(),
        };
        let mut line = String::new();
        for result in results {
            line += &format!(" | {}={}", result.method, result.result);
            line.extend(result.properties.iter().map(|(name, value)| format!(" {name}={value}")));
        }
        line
    }

    /// [`shown`] with the id in front.
    fn shown_with_id(raw: &str) -> String {
        let id = if parse(raw).is_ok() { authserv(raw).unwrap() } else { String::new() };
        id + &shown(parse(raw))
    }

    const FIELDS: &[(&str, &str)] = &[
        ("mx.example.jp; none", "mx.example.jp"),
        ("mx.example.jp 1; none", "mx.example.jp"),
        ("\"mx.example.jp\"; spf=pass", "mx.example.jp | spf=pass"),
        ("mx; DKIM=Pass Header.D=Example.jp", "mx | dkim=pass header.d=Example.jp"),
        ("mx; dkim/1=pass header.d=a.jp", "mx | dkim=pass header.d=a.jp"),
        ("mx; dkim = pass header . d = a.jp", "mx | dkim=pass header.d=a.jp"),
        (
            "(c) mx (c) 1 (c); (c) spf (c) = (c) pass (c) smtp.mailfrom (c) = a.jp (c)",
            "mx | spf=pass smtp.mailfrom=a.jp",
        ),
        ("mx; dkim=pass (a (nested) \\) comment; dmarc=pass) header.d=a.jp", "mx | dkim=pass header.d=a.jp"),
        (
            "mx; spf=fail reason=\"no; dmarc=pass\" smtp.mailfrom=a.jp",
            "mx | spf=fail reason=no; dmarc=pass smtp.mailfrom=a.jp",
        ),
        ("mx; spf=pass smtp.mailfrom=\"a \\\"b\"@a.jp", "mx | spf=pass smtp.mailfrom=a \"b@a.jp"),
        (
            "mx; spf=pass smtp.mailfrom=a.jp; dkim=pass header.d=a.jp;",
            "mx | spf=pass smtp.mailfrom=a.jp | dkim=pass header.d=a.jp",
        ),
        ("mx 2; spf=pass", "unknown version"),
        ("mx; dkim/2=pass", "unknown version"),
        ("mx", "not in the form of RFC 8601"),
        ("", "not in the form of RFC 8601"),
        ("mx;", "not in the form of RFC 8601"),
        ("mx; ; spf=pass", "not in the form of RFC 8601"),
        ("mx; spf", "not in the form of RFC 8601"),
        ("mx; spf=", "not in the form of RFC 8601"),
        ("mx; =pass", "not in the form of RFC 8601"),
        ("mx; spf=pass stray", "not in the form of RFC 8601"),
        ("mx; spf=pass stray smtp=a.jp", "not in the form of RFC 8601"),
        ("mx; dkim=pass header.b=ab==", "not in the form of RFC 8601"),
        ("mx other; spf=pass", "not in the form of RFC 8601"),
        ("mx; spf=pass (open", "comment or quoted string without end"),
        ("mx; spf=pass reason=\"open", "comment or quoted string without end"),
    ];

    #[test]
    fn reads_the_grammar_and_nothing_else() {
        for (raw, expected) in FIELDS {
            assert_eq!(shown_with_id(raw), *expected, "{raw}");
        }
    }

    const NAMELESS: &[(&str, &str)] = &[
        (
            "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.jp; dkim=none (message not signed) header.d=none;dmarc=pass action=none header.from=a.jp;compauth=pass reason=100",
            " | spf=pass smtp.mailfrom=a.jp | dkim=none header.d=none | dmarc=pass action=none header.from=a.jp | compauth=pass reason=100",
        ),
        (
            "spf=temperror (sender IP is 192.0.2.1) smtp.helo=t.a.jp; desk.example; dkim=none (message not signed) header.d=none;desk.example; dmarc=none action=none header.from=a.jp;",
            " | spf=temperror smtp.helo=t.a.jp | dkim=none header.d=none | dmarc=none action=none header.from=a.jp",
        ),
        ("desk.example; dkim=pass header.d=a.jp", " | dkim=pass header.d=a.jp"),
        ("desk.example", "not in the form of RFC 8601"),
        ("spf=pass smtp.mailfrom=a.jp; desk", "not in the form of RFC 8601"),
        ("spf=pass smtp.mailfrom=a.jp; desk.example other.example", "not in the form of RFC 8601"),
        ("dmarc=none action=none header.from=;", "not in the form of RFC 8601"),
        ("", "not in the form of RFC 8601"),
    ];

    #[test]
    fn reads_what_microsoft_writes() {
        for (raw, expected) in NAMELESS {
            assert_eq!(shown(parse_nameless(raw)), *expected, "{raw}");
        }
    }

    #[test]
    fn knows_whose_field_it_is_even_if_the_rest_is_broken() {
        assert_eq!(authserv("(c) \"mx.a.jp\" 1; spf=pass (open").as_deref(), Some("mx.a.jp"));
        assert_eq!(authserv("mx.a.jp").as_deref(), Some("mx.a.jp"));
        assert_eq!(authserv("; spf=pass"), None);
        assert_eq!(authserv("(open"), None);
    }
}
