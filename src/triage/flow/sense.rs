//! What Japanese (and plain English) words say by their form alone: negation, past, plan, question, and whether
//! something goes well. No flow needs to list these; they are read where its own words find nothing.

use std::sync::LazyLock;

use crate::triage::pattern::Pattern;

type Form = LazyLock<Pattern>;

fn form(pattern: &str) -> Pattern {
    Pattern::known(pattern.replace("{neg}", NEGATION).replace("{ill}", ILL))
}

/// What a deed that was asked for has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Done,
    /// Done, and no better.
    InVain,
    /// Not done, or put off.
    Undone,
    /// He asks about it, or does not understand it.
    Open,
}

/// 〜ない, 〜ません, 〜ず, 〜ん, 〜へん, 〜ねえ, 不可, 未 …
const NEGATION: &str = concat!(
    r"(?:な(?:い|か[っろ]|く|し|さ[そす])|ナシ|無[いしく]|ませ?ん|まへん|ないで|",
    r"[らわかがさたなばまえけせてでねべめれげじちしきみ](?:ず(?:に|、|。|$|じ)|ぬ(?:。|$|、)|ね(?:[えぇー。、]|$|が|は|じゃ))|",
    r"へん|ひん|[らわかがさたなばまれえけせてでねべめ]ん(?:です|$|。|、|けど|わ|で|の|や|かった|まま|と[よこ]|たい|ばい)|",
    r"ね[えぇー]|なんだ(?:$|。|、|わ|け)|不(?:可|能|明|通|在|調|良)|未|ゼロ|皆無|[×✕✖❌]|(?-u:\b)ng(?-u:\b)|",
    r"n.t(?-u:\b)|(?-u:\b)(?:cannot|not|no|never|neither|nothing|none|without|nobody|unable)(?-u:\b))"
);

/// Things and states that nobody wants, and words for "as bad as before".
const ILL: &str = concat!(
    r"(?:切れ|とぎれ|落ち|固ま|フリーズ|止ま|割れ|遅れ|遅延|遅く|ハウリング|ノイズ|雑音|無音|無言|無反応|",
    r"ザ[ーァア]+|ざあ|ザッ|ガ[ーァ]+|ガサ|プツ|ブツ|ぷつ|ぶつ|ツ[ーゥ]|ピ[ーィ]|ボソ|シ[ーィ]ン|しーん|エコー|エラー|",
    r"オフライン|空白|空っぽ|空欄|灰色|グレー|真っ?[白黒]|まっ(?:しろ|くろ)|赤く|また赤|ぐるぐる|くるくる|グルグル|クルクル|圏外|話し中|",
    r"接続(?:中|待ち)|全滅|壊滅|延々|いつまで|読み?込み?中|ロード中|消え|消失|欠[けく落]|二重|だめ|ダメ|ﾀﾞﾒ|駄目|アウト|無理|ムリ|むり|おかし|変[なにだで]|異[常状]|",
    r"不具合|症状|現象|事象|問題|支障|トラブル|障害|失敗|クラッシュ|強制終了|タイムアウト|バツ|むだ|無駄|お手上げ|",
    r"同じ|おなじ|同様|一緒|いっしょ|おんなじ|まま|まんま|相変わらず|依然|再発|逆戻り|あかん|アカン|いまいち|いまひとつ|残念|逆効果|悪化|足り|",
    r"(?-u:\b)(?:still|same|fail(?:s|ed|ing)?|error|offline|broken|dead|silent|drop(?:s|ped|ping)?|cuts?|worse|blank|grey|gray)(?-u:\b))"
);

/// Looks like a denial and is none.
static NO_DENIAL: Form = LazyLock::new(|| {
    form(concat!(
        r"申し?訳[^。、]{0,4}(?:ありません|ございません|ない|なく)|す[みい]ません|か(?:まい|もしれ|もわかり)ません|構いません|",
        r"(?:かも|に)?しれない|同じ(?:アプリ|lan|ネットワーク|回線|部屋|会社|事務所|フロア|ハブ|ルータ)|おんなじアプリ|間違い(?:は)?な[いくし]|相違(?:は)?(?:な[いくし]|ありません)|違いな[いく]|仕方(?:が)?な[いく]|しょうがない|とんでもな[いく]|",
        r"少な[いく]|危な[いく]|まも?なく|な(?:ければ|きゃ|くては)|だけ(?:で|じゃ)(?:は)?なく|のみなら?ず|にもかかわらず|",
        r"(?:^|、|。)まず|必ず|とりあえず|取りあえず|取り急ぎ|ひとまず|はず|少なからず|思わず|やむを得ず|ほどなく|何度も|",
        r"ありませんか|ませんでしょうか|ません\?|(?-u:\b)no(?-u:\b)[.:]|何の|no longer|not only|can.t wait",
    ))
});

/// Good and bad words with what is said of them, the longer reading first.
static VALUE: Form = LazyLock::new(|| {
    form(concat!(
        r"(?P<well>{ill}[^。、解改直治回復戻変鳴聞繋通使動話届]{0,10}?{neg})|(?P<ill>{ill}(?:が|は|も)?(?:出|発生|起[きこ]|残|続|あ[りる]|見られ|再現|確認)?|{neg})|(?P<good>鳴[るりっ]|聞こえ|聞き取れ|つなが|繋が|通じ|話せ|しゃべ|出られ|使え|使って|",
        r"動[きくい作]|受け[らてま]|[取と]れ[まるた]|届[きい]|(?:掛|か)か[るりっ]|かけられ|通話|会話|着信|発信|直[りっ]|治[りっ]|なお[りっ]|",
        r"復旧|復活|回復|解消|解決|改善|戻[りっ]|正常|良好|順調|快適|普通|ふつう|大丈夫|ばっちり|成功|一発|利用可能|緑|元(?:どお|通)り|",
        r"でき(?:ま|た|て|る)|でけ(?:ま|た|る)|なりました|(?-u:\b)(?:ok|okay|works?|working|rings?|fine|back|fixed|clear|available|perfect(?:ly)?|good)(?-u:\b))|",
        r"(?P<seen>開[いきけ]|ひら[いきけ]|見[えれらま]|みれ|表示|閲覧|読め|出[るまてた]|ある|あり|可(?:能)?|無事|[○◯〇⭕👍🙆])",
    ))
});

/// Something was done, and then something else is said: 「入れましたが、」「開いたら」「しても」.
static DONE_THEN: Form = LazyLock::new(|| {
    form(concat!(
        r"(?:[しっいんえけせてねべめれげじちびみきり][ただ](?:けれど|けど|が|ものの|のに|ところ|とこ|ら|っけ|後|あと|とたん|んですが|んですけど|んだけど|んやけど|のですが)も?|",
        r"まし(?:たところ|たら|たが|て)も?|[っしいんえけせてねべめれげじ][てで](?:も|からも|みても)|済み?(?:ですが|だが|→)|→|⇒|:|=|…+|→)、?",
    ))
});

static CONTRAST: Form = LazyLock::new(|| {
    form(
        r"(?:[ただ](?:けれど|けど|が|ものの|のに|んですが|んですけど|んだけど|んやけど|のですが)も?|[てで](?:も|みても)|済み?(?:ですが|だが)),?、?$",
    )
});

static PAST_END: Form = LazyLock::new(|| {
    form(concat!(
        r"(?:(?:[しっいんえけせてねべめれげじちびみきり][ただ]|ました|済み?|ずみ|すみ|完了|実施|終了|ok|done|[○◯〇✓✔])",
        r"(?:です|でした|だ|の|ん|こと|よ|わ|ね|さ|な|ぞ|ぜ|っす|とこ|ところ|ばかり|もの|ので|から|まで|し|り|が|けど|けれど|も|ど|じゃ|に|わい|たい|ばい|ある|あり|ます|ました|。|、|!|\.|,|\)| )*|",
        r"[っいしんえけせてねべめれげじちびみきり][てで](?:あ(?:る|ります)|おりま(?:す|して)|お(?:ります|いた|きました)|い(?:ます|る)|ます|る|、)?(?:。|、)?)$",
    ))
});

static PLAN: Form = LazyLock::new(|| {
    form(concat!(
        r"(?:あと|後|のち)(?:で|ほど|から|回し|日)|追って|改めて|別途|近日|近いうち|そのうち|(?:手|時間|暇)が(?:あ|空|でき|取れ|とれ)|落ち着|休み明け|土日|[月火水木金土日]曜(?:日)?(?:に|以降|まで|の)|あす|あした|明(?:日|朝|晩|後日|け)|明けて|今(?:夜|晩|度|日中)|来[週月]|週(?:末|明け)|翌(?:日|朝|週)|これから|今から|いまから|",
        r"予定|つもり|まだ|いまだ|未(?:実施|着手|了|確認|。|$|、|\))|(?:照会|確認|問い?合わせ|手配|申請|取り寄せ|検討|相談|準備|依頼|探索|捜索|作業|試行|調整|承認)中|待ち(?:です|。|$|、)|後回し|",
        r"じまい|手つかず|手付かず|パス(?:し|です|。|$)|スキップ|省略|見送|飛ばし|不要|保留(?:中|です|に)|(?:て|で|後|のち|あと)(?:から|に)?(?:やり|し|いたし|行い|試し|見|み)(?:ます|てみます|る)|",
        r"[てで]から[^。]{0,14}(?:ます|する|る|わ|よ|けん|たい|で)(?:。|$)|(?:だけ|のみ)が?残|",
        r"(?:たら|れば|次第|ときに|時に|際に|折に)[^。]{0,16}(?:ます|る|よう|ろう|わ|けん|で|たい)(?:。|$)|探して(?:います|い?る|おります|ます)|",
        r"て(?:みる|みます|おきます|ときます|とく|みとく|やる|やります|きます|もらいます|いただきます)(?:$|。|わ|ね|よ|けん|で|から)|さして|させて(?:もら|いただ|くだ|下)|",
        r"(?-u:\b)(?:later|tomorrow|tonight|will|going to|plan|yet|i.?ll|not yet|next week|this (?:evening|afternoon))(?-u:\b)",
    ))
});

/// He has not looked: no answer to a check.
static UNSEEN: Form = LazyLock::new(|| {
    form(concat!(
        r"(?:見て|みて|覗いて|のぞいて|調べて|聞いて|訊いて|尋ねて|試して|確かめて|確認して|確認でき|確認が?取れ|チェックして|開いて|やって|気にした|意識した|把握して)(?:み|は|い|お|も|まし|こと|る|た|が|と)*[^。、]{0,3}?(?:{neg}|へん|とらん)|",
        r"(?:見|確認|試し|確かめ|チェック|問い?合わせ)(?:は|も|ずに|とらん)[^。、]{0,3}(?:{neg})|見つけ(?:られ|れ)|(?:は|が|も)見当たら|",
        r"[^。、]*の?か(?:は|が|も|まで)?[^。、]{0,10}(?:分か|わか|判断|見当|判[らり]|つきかね|存じ)[^。、]{0,6}(?:{neg})|[^。、]*判断(?:が|に|は)?[^。、]{0,6}(?:つき|つか|でき|しかね|迷)|",
        r"不明|未(?:確認|検証|チェック|調査|着手|実施|回答)|(?:確認|問い?合わせ|照会|調査|手配)中|(?:てから|たら|後に?|次第)[^。]{0,12}(?:確かめ|確認|見|試|調べ|やっ|聞)[^。]{0,6}(?:ます|る|たい|予定)|(?:探|調べ|問い?合わせ|聞い|訊い)て(?:い|おり)?(?:ます|る)|回答待ち|返事待ち|待ち(?:です|。|$)|まだ(?:です|。|$|だ|や)|",
        r"[^。、]*[るいたすうく]か(?:どうか|は|いう|という|って)|(?:あと|後|のち)(?:で|ほど|日)|追って|改めて|あす|あした|明(?:日|朝)|今(?:夜|晩)|来週|これから|(?:戻り|帰り|でき|出社|終わり)次第|",
        r"(?-u:\b)(?:not sure|have ?n.t|has ?n.t|did ?n.t (?:check|look|try)|not (?:checked|looked|tried)|later|tomorrow|don.t know)(?-u:\b)",
    ))
});

/// 「終わってからと思っていました」: meant, and not done.
static MEANT: Form = LazyLock::new(|| {
    form(
        r"(?:よう|ろう)と(?:した|しま|しておりま)[^。]{0,24}(?:が|けど)|(?:よう|ろう|たい|から|後に|後で|あと|予定|つもり)(?:だ|か)?(?:と|に|で)(?:は)?(?:思|考え|おも|いた|おり|し(?:て|ま))|(?:予定|つもり)(?:だ|で)(?:った|した|す)|た(?:わけ|訳)(?:では|じゃ)",
    )
});

/// What is denied is the effect: 「では戻りません」
static IN_VAIN: Form = LazyLock::new(|| {
    form(
        r"(?:鳴|聞こえ|つなが|繋が|通じ|直|治|なお|戻|変わ|変化|改善|解消|解決|復旧|回復|効果?|届|出られ|使え|動[かき]|かか[りら]|かけられ)(?:が|は|も|に)?[^。、]{0,6}?(?:{neg})[^。、]{0,6}$",
    )
});

static ASKS: Form = LazyLock::new(|| {
    form(concat!(
        r"なん(?:の|です|でしょ|ですか|だ|ざん|や|か|なん)|何(?:の|です|を|が|か|でしょ|だ|や|と|ざん|処|事|ですの)|なに(?:を|が|か)|ど(?:(?:こ|れ)(?:に|を|で|から|が|の|です|か|だ|や|$)|う(?:や|すれ|い|したら|なって|でしょ|いた)|ない|げん|の(?:よう|機|画|ファ|メ|端|ア|窓))|",
        r"なじょ|いずこ|いかに|いかが|さっぱり|(?:分か|わか|判|存じ)(?:り(?:ま(?:せ|へ)|づら|にく|かね)|ら|ん|へん|ねえ)|見当(?:が|も)?つ|教えて(?:くだ|下|いただけ|頂け|もらえ|ほし|欲し)|意味|(?:知|し)ら(?:な|ず|ん)|自信|難し|むずかし|ちんぷん|チンプン|",
        r"(?-u:\b)(?:what|which|where|how|no idea|no clue|don.t (?:know|understand|see|get))(?-u:\b)",
    ))
});

/// Without what only looks like a denial.
fn plain(text: &str) -> String {
    NO_DENIAL.replace_all(text, "、").into_owned()
}

/// Does it go well? What is said last counts; None: nothing is said of it.
pub fn goes_well(text: &str) -> Option<bool> {
    let text = plain(text);
    let last = VALUE.captures_iter(&text).last()?;
    Some(last.name("ill").is_none() && !AS_BAD.is_match(&text))
}

/// As bad as what was told before.
static AS_BAD: Form = LazyLock::new(|| form(r"同じ|おなじ|おんなじ|同様|一緒|いっしょ|(?-u:\b)same(?-u:\b)"));

/// The same of calls: that something is seen or opened says nothing of them.
pub fn rings_well(text: &str) -> Option<bool> {
    let text = plain(text);
    let last = VALUE.captures_iter(&text).filter(|value| value.name("seen").is_none()).last()?;
    Some(last.name("ill").is_none())
}

static RECOVERED: Form = LazyLock::new(|| {
    form(concat!(
        r"戻[りっ]|直[りっ]|治[りっ]|復旧|復活|回復|解消|解決|元(?:どお|通)り|なくな[りっ]|順調|正常に|",
        r"(?:通話|会話|発信|着信|発着信|電話|転送|保留)[^。、]{0,6}(?:でき|でけ|可|する|しま|した|(?-u:\b)ok)|鳴[りるっ]|聞こえ|[つ繋]なが[りるっ]|使え[てるま]|かか[りっ]|",
        r"(?-u:\b)(?:back|works?|working|fixed|solved|resolved|again)(?-u:\b)",
    ))
});

/// It is told of the time before the trouble.
static BEFORE: Form =
    LazyLock::new(|| form(r"て(?:い)?(?:た|ました)(?:の|ん|が|けど)|まで(?:は|普通|ふつう)|以前|当初|もともと|はず"));

/// The trouble is over.
pub fn recovered(text: &str) -> bool {
    rings_well(text) == Some(true) && RECOVERED.is_match(text) && !BEFORE.is_match(text)
}

static RETOLD: Form = LazyLock::new(|| {
    form(
        r"(?:と|って|旨|よう(?:に|な事|なこと)?)(?:を)?、?(?:先ほど|前回|前便で)?(?:書|かい|申し?上げ|申し|お?伝え|答え|お答え|回答|報告|ご報告|返信|お返事|連絡|ご連絡|言[いっ])[^。、]{0,12}?(?:が|けど|けれど|けれども|のですが|んですが)、?",
    )
});

/// Length of what only repeats an earlier mail: 「読み込んだと書きましたが、」
pub fn retold(text: &str) -> usize {
    RETOLD.find(text).map_or(0, |found| found.end())
}

static UNCHANGED: Form = LazyLock::new(|| form(r"(?:変わ|かわ|変化|違い|相違|変更)[^。、]{0,8}?(?:{neg})"));

/// He says that something is as before.
pub fn unchanged(text: &str) -> bool {
    UNCHANGED.is_match(text)
}

/// Is anything wrong among what is said? None: nothing is said of it.
pub fn all_well(text: &str) -> Option<bool> {
    let text = plain(text);
    let text = UNCHANGED.replace_all(&text, "正常");
    let mut found = VALUE.captures_iter(&text).peekable();
    found.peek()?;
    Some(found.all(|value| value.name("ill").is_none()))
}

/// Nobody looked, or knows.
pub fn is_unseen(text: &str) -> bool {
    UNSEEN.is_match(text)
}

/// Where the text says that nobody looked, or knows.
pub fn unseen(text: &str) -> Option<std::ops::Range<usize>> {
    UNSEEN.find(text).map(|found| found.range())
}

/// He asks for an explanation.
pub fn asks(text: &str) -> bool {
    ASKS.is_match(text)
}

/// 「入れましたが、変わりません」 → (what was done, what came of it, is it said against it).
pub fn parts(text: &str) -> Option<(&str, &str, bool)> {
    let found = DONE_THEN.find(text)?;
    let (head, tail) = (&text[..found.end()], &text[found.end()..]);
    // 「紙のファイルでしたら」 is nothing done.
    if text[..found.start()].ends_with('で') && found.as_str().starts_with("した") {
        return None;
    }
    Some((head, tail, CONTRAST.is_match(head)))
}

/// What the words about a deed make of it; None: they have no verb.
pub fn deed(text: &str) -> Option<Deed> {
    let plain = plain(text);
    let end = plain.trim_end_matches(['。', '.', '!', ' ', '、']);
    match () {
        _ if MEANT.is_match(end) => Some(Deed::Undone),
        _ if end.ends_with("でした") || end.ends_with("だった") => None,
        _ if IN_VAIN.is_match(end) => Some(Deed::InVain),
        _ if PAST_END.is_match(end) && !DENIED_END.is_match(end) => Some(Deed::Done),
        _ if PLAN.is_match(end) || DENIED_END.is_match(end) => Some(Deed::Undone),
        _ if asks(end) => Some(Deed::Open),
        _ => None,
    }
}

static DENIED_END: Form = LazyLock::new(|| {
    form(
        r"{neg}(?:です|でした|だ|の|ん|よ|わ|ね|さ|が|けど|ので|から|し|った|たです|でして|状態|まま|じまい|おり|い|る|ます|ました|。|、|!|\)| )*$",
    )
});
