//! Japanese verbs: from the form of the dictionary to patterns of what is said with them in mails. A flow names its
//! verbs once (「鳴る」); what people make of them (鳴りました、鳴っています、鳴らず、鳴るようになり…) follows.

/// What is said with a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// 鳴りました、鳴った; not 鳴っていました, which tells of the time before.
    Past,
    /// 鳴って、鳴り、
    Then,
    /// 鳴る、鳴ります、鳴っている
    Now,
    /// 鳴りません、鳴らず、鳴っていない
    Not,
    /// 鳴るようになり、鳴るように戻り
    Again,
    /// 鳴らなくなり
    NoMore,
}

/// Each form with the name under which patterns call for it: `<works-past>` of the verbs `works`.
pub const FORMS: [(&str, Form); 6] = [
    ("past", Form::Past),
    ("then", Form::Then),
    ("now", Form::Now),
    ("not", Form::Not),
    ("again", Form::Again),
    ("no-more", Form::NoMore),
];

/// A pattern that finds any of the verbs in this form; they stand in the form of the dictionary. None if there are
/// none, or one of them is no verb.
pub fn pattern(verbs: &[String], form: Form) -> Option<String> {
    let each: Option<Vec<String>> = verbs.iter().map(|verb| one(verb, form)).collect();
    each.filter(|each| !each.is_empty()).map(|each| each.join("|"))
}

fn one(verb: &str, form: Form) -> Option<String> {
    let stems = stems(verb)?;
    let each = stems.iter().map(|stem| stem.say(verb, form));
    Some(each.collect::<Vec<_>>().join("|"))
}

/// What endings are put to.
struct Stem {
    /// 鳴ら(ない)
    not: String,
    /// 鳴り(ます)
    polite: String,
    /// 鳴っ: before た and て, or before だ and で.
    past: String,
    voiced: bool,
}

impl Stem {
    fn say(&self, verb: &str, form: Form) -> String {
        let Stem { not, polite, past, voiced } = self;
        let (ta, te) = if *voiced { ("だ", "で") } else { ("た", "て") };
        match form {
            Form::Past => format!("{polite}まし[たて]|{past}{ta}"),
            Form::Then => format!("{past}{te}|{polite}、"),
            Form::Now => format!("{verb}|{polite}ます|{past}{te}(?:い?る|い?ます|おります|おり、)"),
            // 「ません」 is no 「せん」.
            Form::Not if not.ends_with('せ') => format!("{not}(?:ず|へん)"),
            Form::Not => format!(
                "{not}(?:な[いくか]|ず|ん(?:$|[。、!のでか])|へん|ね[えぇー。]?)|{polite}ま(?:せん|へん)|\
                 {past}{te}は?い?(?:な[いくか]|ま(?:せん|へん)|ません|おりません|おらず|へん)|{past}とら?(?:ん|りません)"
            ),
            Form::Again => format!("{verb}(?:よう)?に(?:は?な[りっ]|戻)"),
            Form::NoMore => format!("{not}なくな[りっ]"),
        }
    }
}

/// By the last kana. Verbs in る bend in two ways; nobody writes the wrong one, so both are looked for.
fn stems(verb: &str) -> Option<Vec<Stem>> {
    let stem = |base: &str, not: &str, polite: &str, past: &str, voiced: bool| Stem {
        not: format!("{base}{not}"),
        polite: format!("{base}{polite}"),
        past: format!("{base}{past}"),
        voiced,
    };
    if let Some(base) = verb.strip_suffix("する") {
        return Some(vec![stem(base, "し", "し", "し", false), stem(base, "せ", "し", "し", false)]);
    }
    let last = verb.chars().next_back()?;
    let base = &verb[..verb.len() - last.len_utf8()];
    let one = |not, polite, past, voiced| Some(vec![stem(base, not, polite, past, voiced)]);
    match last {
        'る' => Some(vec![stem(base, "", "", "", false), stem(base, "ら", "り", "っ", false)]),
        'う' => one("わ", "い", "っ", false),
        'く' => one("か", "き", if base.ends_with('行') { "っ" } else { "い" }, false),
        'ぐ' => one("が", "ぎ", "い", true),
        'す' => one("さ", "し", "し", false),
        'つ' => one("た", "ち", "っ", false),
        'ぶ' => one("ば", "び", "ん", true),
        'む' => one("ま", "み", "ん", true),
        'ぬ' => one("な", "に", "ん", true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_found_in_what_people_make_of_them() {
        let cases = [
            ("鳴る", Form::Past, "鳴りました 鳴った"),
            ("鳴る", Form::Now, "鳴る 鳴ります 鳴っています 鳴ってる 鳴っております"),
            (
                "鳴る",
                Form::Not,
                "鳴りません 鳴らない 鳴らず 鳴らなかった 鳴っていません 鳴りまへん 鳴らへん 鳴っておりません",
            ),
            ("鳴る", Form::Again, "鳴るようになりました 鳴るようになった"),
            ("鳴る", Form::NoMore, "鳴らなくなりました"),
            ("聞こえる", Form::Past, "聞こえました 聞こえた"),
            ("聞こえる", Form::Not, "聞こえない 聞こえず 聞こえていません"),
            ("読み込む", Form::Past, "読み込みました 読み込んだ"),
            ("動く", Form::Past, "動きました 動いた"),
            ("行う", Form::Not, "行っておりません 行わない 行いませんでした"),
            ("試す", Form::Then, "試して 試し、"),
            ("発信する", Form::Not, "発信しません 発信しない 発信せず"),
        ];
        for (verb, form, texts) in cases {
            let pattern = pattern(&[verb.to_owned()], form).unwrap();
            let regex = regex::Regex::new(&pattern).unwrap();
            for text in texts.split(' ') {
                assert!(regex.is_match(text), "{verb} {form:?}: {text}");
            }
        }
        assert_eq!(pattern(&["静か".to_owned()], Form::Past), None);
    }
}
