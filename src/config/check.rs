//! What many keys share: is this an address, a host, a domain, a name that may become a file name or a label?

use lettre::Address;

use super::reader::{At, Value};

/// A mail address, in lower case: addresses are only ever compared.
pub fn address(value: Value<'_>) -> Option<At<String>> {
    let text = value.string()?;
    if text.value.parse::<Address>().is_err() || !text.value.contains('.') {
        value.error(format!("`{}` is not a mail address", text.value));
        return None;
    }
    Some(text.map(|text| text.to_lowercase()))
}

pub fn host(value: Value<'_>) -> Option<At<String>> {
    let text = value.string()?;
    if text.value.contains(|c: char| c.is_whitespace() || "/@\"'".contains(c)) {
        value.error_with(format!("`{}` is not a host name", text.value), "only the name: mail.example.jp");
        return None;
    }
    Some(text)
}

/// A domain of a company, in lower case.
pub fn domain(value: Value<'_>) -> Option<At<String>> {
    let text = value.string()?.map(|text| text.to_lowercase());
    let label = |label: &str| {
        let fits = label.chars().all(|c| c.is_alphanumeric() || c == '-');
        fits && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    if !text.value.contains('.') || !text.value.split('.').all(label) {
        value.error_with(format!("`{}` is not a domain", text.value), "only the domain: example.co.jp");
        return None;
    }
    Some(text)
}

/// A name that becomes part of labels, file names or keys: ASCII letters, digits, `-`, `_` and `.`.
pub fn name(value: Value<'_>) -> Option<At<String>> {
    let text = value.string()?;
    if !is_name(&text.value) {
        value.error(format!("`{}` may only have letters, digits, `-`, `_` and `.` (ASCII)", text.value));
        return None;
    }
    Some(text)
}

/// See [`name`]; not beginning with a dot, so that it never names a hidden or a parent folder.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}
