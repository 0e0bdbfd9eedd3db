//! What each rule means, in words for staff.

/// A rule's meaning in Japanese and English; its number alone if it is unknown.
pub fn title(rule: &str) -> (&str, &str) {
    match rule {
        "R1" => ("差出人なしのメール（配送エラーなど）", "sent by no one (a bounce)"),
        "R2" => ("自動送信されたメール", "sent automatically"),
        "R3" => ("メーリングリスト", "a mailing list"),
        "R4" => ("配送通知・開封通知", "a delivery or read report"),
        "R5" => ("一斉配信のメール", "bulk mail"),
        "R6" => ("自動返信を断っているメール", "asks for no automatic answer"),
        "R7" => ("自動応答プログラムの印", "the mark of an autoresponder"),
        "R8" => ("メーリングリストのソフトの印", "the mark of list software"),
        "R9" => ("人ではない差出人アドレス", "an address that is no person's"),
        "R10" => ("メールシステムからの通知", "from a mail system"),
        "R11" => ("自分の窓口からのメール", "from ourselves"),
        "R12" => ("自分が送ったメール", "our own mail"),
        "R13" => ("この窓口宛てではないメール", "not addressed to this desk"),
        "R14" => ("差出人が一人に定まらない", "not exactly one sender"),
        "R15" => ("転送の繰り返し", "too many hops"),
        "R16" => ("件名が自動応答・通知のもの", "an automatic subject"),
        "R17" => ("問い合わせの本文がない", "no inquiry in it"),
        "R18" => ("迷惑メールの判定", "marked as spam"),
        "R19" => ("古いメール、または処理済み", "old, or handled already"),
        "R20" => ("同じメールが届いている", "came before"),
        "R21" => ("自動返信の上限", "budget of automatic answers used up"),
        "R22" => ("このやり取りには自動返信済み", "this thread had its automatic answer"),
        "R23" => ("届かない宛先", "an address that bounced"),
        "R24" => ("返信できない宛先", "an address that cannot be answered"),
        "R26" => ("自動転送されたメール", "forwarded by a rule"),
        "R27" => ("本文を正しく読めない", "cannot be read right"),
        "R28" => ("本文が自動送信・通知のもの", "an automatic text"),
        other => (other, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_words() {
        for (rule, _) in super::super::RULES {
            assert_ne!(title(rule).0, *rule, "{rule}");
        }
    }
}
