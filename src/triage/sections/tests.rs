//! Each case is a mail with its sections written one below the other: `B` body, `Q` quoted, `F` forwarded,
//! `S` signature, `L` legal footer, `N` banner, `G` greeting, `C` closing.

use super::*;

fn kind(letter: &str) -> SectionKind {
    match letter {
        "B" => SectionKind::Body,
        "Q" => SectionKind::Quoted,
        "F" => SectionKind::Forwarded,
        "S" => SectionKind::Signature,
        "L" => SectionKind::Footer,
        "N" => SectionKind::Banner,
        "G" => SectionKind::Greeting,
        _ => SectionKind::Closing,
    }
}

fn check_with(hints: &Hints, expected: &[(&str, &str)]) {
    let text: String = expected.iter().map(|(_, text)| *text).collect();
    let found = split(&text, hints);
    let found: Vec<_> = found.iter().map(|s| (s.kind, &text[s.start..s.end])).collect();
    let expected: Vec<_> = expected.iter().map(|(letter, text)| (kind(letter), *text)).collect();
    assert_eq!(found, expected);
}

fn check(expected: &[(&str, &str)]) {
    check_with(&Hints::default(), expected);
}

#[test]
fn an_empty_text_has_no_sections() {
    check(&[]);
    check(&[("B", "\n\n")]);
}

#[test]
fn a_text_that_says_nothing_but_courtesies_has_no_body() {
    check(&[("G", "お世話になっております。\n"), ("C", "よろしくお願いします。\n")]);
}

#[test]
fn greetings_are_lines_that_say_nothing_else() {
    check(&[("G", "サポート担当者様\n\nはじめまして。\n"), ("B", "端末の件です。\n")]);
    check(&[("G", "㈱あおばの山田です。いつもお世話になっております。\n"), ("B", "動きません。")]);
    check(&[
        ("G", "拝啓　晩秋の候、貴社ますますご清栄のこととお慶び申し上げます。\n"),
        ("B", "さて、端末の件です。\n"),
        ("C", "敬具\n"),
    ]);
    check(&[("G", "お世話になっております、"), ("B", "端末が動きません。\n")]);
    check(&[("G", "お世話になっております。山田と申します。"), ("B", "解約したいです。\n")]);
}

#[test]
fn what_only_looks_like_a_greeting_stays() {
    for text in [
        "お世話になっておりますが、端末が動きません。\n",
        "ライセンスの追加の件です。\n",
        "株式会社あおばの端末の不具合です。\n",
        "総務部の端末です。\n",
        "質問です。\n",
        "解約を希望する山田と申します。\n",
        "対象：全国のお客様\n",
        "突然画面が消えました。\n",
        "ありがとうございました。解決しました。\n",
    ] {
        check(&[("B", text)]);
    }
}

#[test]
fn a_greeting_further_down_stays() {
    check(&[("B", "端末の件です。\nお世話になっております。\n動きません。\n")]);
}

#[test]
fn closings_are_near_the_end_and_say_nothing_else() {
    check(&[("B", "動きません。\n"), ("C", "お忙しいところ恐れ入りますが、ご確認のほどよろしくお願いいたします。\n")]);
    check(&[("B", "動きません。\nよろしくお願いいたします、と部長も申しております。\n")]);
    check(&[("B", "ご確認をお願いします。\n")]);
    check(&[("B", "動きません。\n"), ("C", "以上です。\n"), ("B", "追伸　端末は3台です。\n")]);
}

#[test]
fn data_after_the_closing_stays() {
    check(&[("B", "動きません。\n"), ("C", "よろしくお願いします。\n\n"), ("B", "端末：Pixel 8\nOS：15\n")]);
    check(&[("B", "動きません。\n"), ("C", "よろしくお願いします。\n\n"), ("B", "・Pixel 8\n・Pixel 9\n")]);
    check(&[("B", "請求します。\n"), ("C", "敬具\n\n"), ("B", "令和八年七月十三日\n"), ("S", "山田\n")]);
}

#[test]
fn signatures_have_two_signs() {
    check(&[("B", "動きません。\n\n"), ("S", "あおば銀行　総務部　山田\n")]);
    check(&[("B", "動きません。\n"), ("S", "-- \n山田 太郎\nyamada@kaisha.example.jp\n")]);
    check(&[("B", "動きません。\n\n"), ("S", "━━━━━━━\n㈱あおば　山田\n営業時間 9:00-18:00\n━━━━━━━\n")]);
    check(&[("B", "動きません。\n\n"), ("S", "有限会社あおば\n山田\nTEL 03-0000-0000\n訪問修理も承ります\n")]);
}

#[test]
fn what_only_looks_like_a_signature_stays() {
    for text in [
        "動きません。\n\n山田\n",
        "動きません。\n\n----------\n次の質問です。電話 03-0000-0000 に掛けても出ません。\n",
        "動きません。\n\n折り返しは総務部の山田（TEL 03-0000-0000）までお願いします。\n",
        "変更後は次のとおりです。\n\n株式会社あおば\nTEL 03-0000-0000\n",
        "登録を変えてください。\n\n会社名：株式会社あおば\n電話：03-0000-0000\n",
        "ログです。\n-----\n2026-11-20 https://kaisha.example.jp/ error\n-----\n以上のログが出ます。\n",
        "株式会社あおば\n総務部\nTEL 03-0000-0000\n",
    ] {
        check(&[("B", text)]);
    }
}

#[test]
fn a_signature_above_a_quote_is_found() {
    check(&[
        ("B", "動きません。\n\n"),
        ("S", "-----\n株式会社あおば\n総務部　山田\n-----\n\n"),
        ("Q", "2026年11月19日(木) 10:00 窓口 <s@desk.example>:\n> 手順です。\n"),
    ]);
}

#[test]
fn legal_footers_need_two_signs() {
    check(&[
        ("B", "動きません。\n\n"),
        ("L", "-----\nThis e-mail is confidential. If you are not the intended recipient, please delete it.\n-----\n"),
    ]);
    check(&[("B", "先週の件です。\n\nこのメールは削除してください。\n")]);
    check(&[("B", "本メールを誤って受信しました。削除してよいですか？\n")]);
}

#[test]
fn banners_stand_at_the_top() {
    check(&[("N", "CAUTION: This email originated from outside of the organization.\n\n"), ("B", "動きません。\n")]);
    check(&[("B", "「社外から送信されています」と出ます。消せますか。\n")]);
    check(&[("B", "a\nb\nc\nd\ne\n[外部メール] 社外からのメールです\n")]);
}

#[test]
fn answers_between_quotes_stay() {
    check(&[("Q", "> OSは？\n\n"), ("B", "15です。\n\n"), ("Q", "> 台数は？\n\n"), ("B", "3台です。\n")]);
    check(&[
        ("Q", "-----Original Message-----\nFrom: s@desk.example\nSubject: Re: a\n\n> OSは？\n"),
        ("B", "15です。\n"),
        ("Q", "> 台数は？\n"),
    ]);
}

#[test]
fn one_sign_does_not_cut() {
    for text in [
        "On 2026/11/20 10:00, it stopped:\nerror 5\n",
        "差出人: の欄\n件名: の欄\nが空です。\n",
        "2026/11/19 10:00 のメール：\n「終了します」\nとありますが、なぜですか。\n",
        "山田さんのメール:\n届いていません。\n",
        "From: a@x.example\nTo: b@y.example\nSubject: c\n\nというメールが届きました。\n",
        "__________\n動きません。\n",
    ] {
        check(&[("B", text)]);
    }
}

#[test]
fn header_lines_below_own_words_begin_a_quote() {
    let block = "From: a@x.example\nDate: 2026/11/20\n To: b@y.example\nSubject: c\n\n手順です。\n";
    check(&[("B", "動きません。\n\n"), ("Q", block)]);
    check_with(&Hints { forwarded: true, quoted: &[] }, &[("B", "下記です。\n\n"), ("F", block)]);
    check_with(&Hints { forwarded: true, quoted: &[] }, &[("F", block)]);
}

#[test]
fn forwards_are_not_quotes() {
    check(&[("B", "下記です。\n"), ("F", "Begin forwarded message:\n\n> From: a@x.example\n> 動きません。\n")]);
    check(&[("F", "-------- 転送メッセージ --------\n差出人: 部長\n\n動きません。\n")]);
}

#[test]
fn ranges_of_html_are_quoted() {
    let quoted = "動きません。\n".len().."動きません。\n手順です。\n".len();
    let hints = Hints { quoted: std::slice::from_ref(&quoted), forwarded: false };
    check_with(&hints, &[("B", "動きません。\n"), ("Q", "手順です。\n"), ("B", "見ました。")]);
    let hints = Hints { forwarded: true, ..hints };
    check_with(&hints, &[("B", "動きません。\n"), ("F", "手順です。\n"), ("B", "見ました。")]);
}
