//! `format=flowed` (RFC 3676): soft line breaks back to paragraphs, so that no word is split between lines.

/// Joins flowed lines. `delsp`: the space before a soft break was added by the mailer (Japanese text).
pub fn unflow(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // quote depth of the paragraph that goes on
    let mut open: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let content = line[depth..].strip_prefix(' ').unwrap_or(&line[depth..]);
        let signature = content == "-- ";
        if open != Some(depth) || signature {
            begin(&mut out, depth);
        }
        let soft = content.ends_with(' ') && !signature;
        out.push_str(if soft && delsp { &content[..content.len() - 1] } else { content });
        open = soft.then_some(depth);
    }
    if text.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn begin(out: &mut String, depth: usize) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.extend(std::iter::repeat_n('>', depth));
    if depth > 0 {
        out.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, delsp: bool, expected: &str) {
        assert_eq!(unflow(text, delsp), expected);
    }

    #[test]
    fn joins_soft_breaks() {
        check("a \nb\nc\n", false, "a b\nc\n");
        check("端末が同 \n期しません\n", true, "端末が同期しません\n");
        check("a\n\nb", false, "a\n\nb");
        check("", false, "");
    }

    #[test]
    fn does_not_join_other_depths_or_the_signature() {
        check("> a \n> b \nc", false, "> a b \nc");
        check("> a \n>> b", false, "> a \n>> b");
        check("x \n-- \n山田", false, "x \n-- \n山田");
        check(" >not quoted\n From x", false, ">not quoted\nFrom x");
    }
}
