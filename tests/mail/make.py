#!/usr/bin/env python3
"""Writes the mails of this folder and what reading them must give: NAME.eml beside NAME.toml.

    python3 tests/mail/make.py

Bytes that no editor shows (ISO-2022-JP, Shift_JIS, NUL …) are built here; the expectations are written by hand beside
them. Only the keys given are compared. All senders are invented.
"""
import base64
import json
import pathlib
import quopri

HERE = pathlib.Path(__file__).parent
COUNT = 0
FROM = b"From: Yamada <yamada@kaisha.example.jp>\r\n"


def crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def write(name, raw, **expected):
    """`raw`: the bytes as they are. `sections`: [(kind, text), …]; `oddities`: codes, `serious`: those that are."""
    global COUNT
    COUNT += 1
    sections = expected.pop("sections", None)
    lines = [f"{key.removesuffix('_is')} = {toml(value)}" for key, value in expected.items()]
    if sections is not None:
        lines.append("sections = [")
        lines += [f"    [{toml(kind)}, {toml(text)}]," for kind, text in sections]
        lines.append("]")
    (HERE / f"{name}.eml").write_bytes(raw)
    (HERE / f"{name}.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def mail(name, body, head=b"", kind=b"text/plain; charset=UTF-8", subject=b"Subject: test\r\n", **expected):
    """A mail of one part."""
    kind = b"Content-Type: " + kind + b"\r\n" if kind else b""
    write(name, FROM + subject + head + b"MIME-Version: 1.0\r\n" + kind + b"\r\n" + crlf(body), **expected)


def text(name, body, **expected):
    """A plain UTF-8 mail: for what the words mean."""
    mail(name, body.encode(), b"Content-Transfer-Encoding: 8bit\r\n", **expected)


def html(name, body, **expected):
    mail(name, body.encode(), b"Content-Transfer-Encoding: 8bit\r\n", b"text/html; charset=UTF-8", **expected)


def subject(name, raw, decoded, **expected):
    mail(name, b"text\n", subject=b"Subject: " + raw + b"\r\n", subject_is=decoded, **expected)


def parts(name, *entities, kind="mixed", end=b"--edge--\r\n", **expected):
    """A multipart of raw entities (header, empty line, body)."""
    raw = FROM + b"Subject: test\r\nMIME-Version: 1.0\r\n"
    raw += f"Content-Type: multipart/{kind}; boundary=edge\r\n\r\n".encode()
    raw += b"".join(b"--edge\r\n" + crlf(entity) + b"\r\n" for entity in entities)
    write(name, raw + end, **expected)


def entity(content, kind="text/plain; charset=UTF-8", head=""):
    return f"Content-Type: {kind}\n{head}\n{content}".encode()


def jis(s):
    return s.encode("iso2022_jp")


def sjis(s):
    return s.encode("cp932")


def word(label, raw, how="B"):
    if how == "B":
        return b"=?" + label + b"?B?" + base64.b64encode(raw) + b"?="
    return b"=?" + label + b"?Q?" + "".join(f"={b:02X}" for b in raw).encode() + b"?="


CLEAN = {"oddities": []}
NIHONGO = "日本語の本文です。\n端末が同期しません。\n"


def charsets():
    declared = lambda name, used: {"charset": [name, used], **CLEAN}
    mail("jis", jis(NIHONGO), kind=b"text/plain; charset=ISO-2022-JP", text_is=NIHONGO,
         **declared("ISO-2022-JP", "ISO-2022-JP"))
    for label in ("CP50220", "CP50221", "CP50222", "ISO-2022-JP-MS", "iso-2022-jp-1", "ISO-2022-JP-2", "ISO-2022-JP-3"):
        mail(f"jis-label-{label.lower()}", jis(NIHONGO), kind=b"text/plain; charset=" + label.encode(),
             text_is=NIHONGO, **declared(label, "ISO-2022-JP"))
    for label in ("CP932", "Windows-31J", "MS_Kanji", "x-ms-cp932", "Shift_JIS-2004"):
        mail(f"sjis-label-{label.lower()}", sjis("①㈱髙﨑です\n"), kind=b"text/plain; charset=" + label.encode(),
             text_is="①㈱髙﨑です\n", **declared(label, "Shift_JIS"))
    for label in ("EUC-JP", "eucJP-ms", "CP51932"):
        mail(f"euc-label-{label.lower()}", NIHONGO.encode("euc_jp"), kind=b"text/plain; charset=" + label.encode(),
             text_is=NIHONGO, **declared(label, "EUC-JP"))
    jis_kind = b"text/plain; charset=ISO-2022-JP"
    mail("jis-nec-row-13", b"\x1b$B-!-j|b\x1b(B\n", kind=jis_kind, text_is="①㈱髙\n", **CLEAN)
    mail("jis-kana-by-escape", b"\x1b(I1=CK\x1b(B\n", kind=jis_kind, text_is="ｱｽﾃﾋ\n", **CLEAN)
    mail("jis-kana-by-shift", b"\x1b$B%\"\x1b(B\x0e1=\x0f1\n", kind=jis_kind, text_is="アｱｽ1\n", **CLEAN)
    mail("jis-kana-8bit", jis("カナ") + b"\xb1\xbd" + jis("です\n"), kind=jis_kind, text_is="カナｱｽです\n", **CLEAN)
    mail("jis-x0212", b"\x1b$(D0!\x1b(B\n", kind=jis_kind, text_is="丂\n", **CLEAN)
    mail("jis-empty-escapes", b"\x1b$BF|\x1b(B\x1b$BK\\\x1b(B\x1b(B\n", kind=jis_kind, text_is="日本\n", **CLEAN)
    mail("jis-line-without-return", b"\x1b$BF|K\\\r\nabc\r\n", kind=jis_kind, text_is="日本\nabc\n", **CLEAN)
    mail("jis-base64", base64.encodebytes(jis(NIHONGO)), b"Content-Transfer-Encoding: base64\r\n", jis_kind,
         text_is=NIHONGO, **CLEAN)
    mail("sjis-quoted-printable", quopri.encodestring(sjis(NIHONGO)),
         b"Content-Transfer-Encoding: Quoted-Printable\r\n", b"text/plain; charset=Shift_JIS", text_is=NIHONGO, **CLEAN)
    mail("label-in-single-quotes", sjis(NIHONGO), kind=b"text/plain; charset='shift_jis'", text_is=NIHONGO, **CLEAN)
    mail("wave-dash", b"\x1b$B!A!]!B\x1b(B\n", kind=jis_kind, text_is="～－∥\n", **CLEAN)
    wrong = {"oddities": ["charset-mismatch"], "serious": []}
    mail("label-ascii-bytes-jis", jis(NIHONGO), kind=b"text/plain; charset=us-ascii", text_is=NIHONGO,
         charset=["us-ascii", "ISO-2022-JP"], **wrong)
    mail("label-utf8-bytes-sjis", sjis(NIHONGO), text_is=NIHONGO, charset=["UTF-8", "Shift_JIS"], **wrong)
    mail("label-jis-bytes-utf8", NIHONGO.encode(), kind=jis_kind, text_is=NIHONGO,
         charset=["ISO-2022-JP", "UTF-8"], **wrong)
    mail("label-jis-bytes-sjis", sjis(NIHONGO), kind=jis_kind, text_is=NIHONGO,
         charset=["ISO-2022-JP", "Shift_JIS"], **wrong)
    mail("label-latin1-bytes-utf8", NIHONGO.encode(), kind=b"text/plain; charset=iso-8859-1", text_is=NIHONGO,
         charset=["iso-8859-1", "UTF-8"], **wrong)
    guess = {"oddities": ["charset-guessed"], "serious": []}
    mail("no-label-jis", jis(NIHONGO), kind=b"text/plain", text_is=NIHONGO, charset=["", "ISO-2022-JP"], **guess)
    mail("no-label-euc", NIHONGO.encode("euc_jp"), kind=b"text/plain", text_is=NIHONGO, charset=["", "EUC-JP"], **guess)
    mail("no-content-type-utf8", NIHONGO.encode(), kind=b"", text_is=NIHONGO, charset=["", "UTF-8"], **guess)
    mail("unknown-8bit-sjis", sjis(NIHONGO), kind=b"text/plain; charset=unknown-8bit", text_is=NIHONGO, **guess)
    mail("utf-7", b"+ZeVnLIqe-\n", kind=b"text/plain; charset=UTF-7", serious=["charset-unsupported"])
    mail("garbled", b"\x81\xff\xfe\x81 ab \xff\x80\xfd\n", serious=["garbled"])
    mail("meta-charset-contradicts", b"<meta charset=\"Shift_JIS\"><p>" + "日本語".encode(),
         kind=b"text/html; charset=UTF-8", text_is="日本語", charset=["UTF-8", "UTF-8"], **CLEAN)
    mail("meta-charset-alone", b"<META http-equiv=Content-Type content=\"text/html; charset=euc-jp\"><p>"
         + "日本語".encode("euc_jp"), kind=b"text/html", text_is="日本語", charset=["", "EUC-JP"], **CLEAN)
    mail("utf8-byte-order-mark", b"\xef\xbb\xbf" + NIHONGO.encode(), text_is=NIHONGO, **CLEAN)


def headers():
    subject("subject-jis-word", word(b"ISO-2022-JP", jis("端末の件")), "端末の件", **CLEAN)
    subject("subject-words-joined", word(b"ISO-2022-JP", jis("端末の")) + b"\r\n " + word(b"ISO-2022-JP", jis("件")),
            "端末の件")
    whole = "端末の件について".encode()
    subject("subject-character-split", word(b"UTF-8", whole[:4]) + b"\r\n " + word(b"UTF-8", whole[4:]), "端末の件について")
    whole = jis("端末の件")
    subject("subject-escape-split", word(b"ISO-2022-JP", whole[:7]) + b"\r\n " + word(b"ISO-2022-JP", whole[7:]),
            "端末の件")
    subject("subject-word-glued", b"Re:" + word(b"UTF-8", "端末".encode()) + b"#1", "Re:端末#1")
    subject("subject-raw-sjis", sjis("表示の不具合"), "表示の不具合")
    subject("subject-raw-jis", jis("表示の不具合"), "表示の不具合")
    subject("subject-raw-utf8", "表示の不具合".encode(), "表示の不具合")
    subject("subject-q-with-space", b"=?UTF-8?Q?=E7=AB=AF=E6=9C=AB a_b?=", "端末 a b")
    subject("subject-line-break-inside", word(b"UTF-8", b"a\r\nBcc: x@y.example"), "a  Bcc: x@y.example")
    subject("subject-missing-padding", b"=?UTF-8?B?56uv5pyrYQ?=", "端末a")
    write("from-jis-name", b"From: " + word(b"ISO-2022-JP", jis("山田太郎")) + b" <yamada@kaisha.example.jp>\r\n"
          b"Message-ID: <a.1@kaisha.example.jp>\r\nIn-Reply-To: <b@desk.example>\r\n"
          b"References: <a@desk.example>\r\n <b@desk.example>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0900 (JST)\r\n\r\nx\r\n",
          from_is=["山田太郎 <yamada@kaisha.example.jp>"], message_id="a.1@kaisha.example.jp",
          in_reply_to=["b@desk.example"], references=["a@desk.example", "b@desk.example"],
          date="2026-11-20T01:00:00Z", **CLEAN)
    write("from-quoted-word", b"From: \"" + word(b"UTF-8", "山田, 太郎".encode()) + b"\" <a@kaisha.example.jp>\r\n\r\nx\r\n",
          from_is=["山田, 太郎 <a@kaisha.example.jp>"])
    write("from-raw-sjis", b"From: \"" + sjis("表 ソ") + b"\" <a@kaisha.example.jp>\r\n\r\nx\r\n",
          from_is=["表 ソ <a@kaisha.example.jp>"])
    write("from-mobile", b"From: taro..yamada.@docomo.example.jp\r\n\r\nx\r\n",
          from_is=[" <taro..yamada.@docomo.example.jp>"], **CLEAN)
    write("from-two", b"From: a@x.example, b@y.example\r\nFrom: c@z.example\r\n\r\nx\r\n",
          from_is=[" <a@x.example>", " <b@y.example>", " <c@z.example>"], serious=["duplicate-header"])
    write("duplicate-subject", FROM + b"Subject: a\r\nSubject: b\r\n\r\nx\r\n", subject_is="a",
          serious=["duplicate-header"])
    write("repeated-same-header", FROM + FROM + b"To: a@x.example\r\nTo: b@x.example\r\n\r\nx\r\n",
          oddities=["repeated-header"], serious=[])
    write("mbox-from-line", b"From yamada Fri Nov 20 10:00:00 2026\n" + FROM + b"\nbody\n", text_is="body\n", **CLEAN)
    write("header-line-broken", FROM + b"this is no field\r\nSubject: a\r\n\r\nx\r\n", subject_is="a",
          serious=["broken-header"])
    write("header-too-long", FROM + b"Subject: " + b"a" * 70_000 + b"\r\n\r\nx\r\n", text_is="x\n",
          serious=["header-too-long"])
    write("no-headers", "ヘッダーがありません。\n".encode(), text_is="ヘッダーがありません。\n", serious=["no-headers"])
    write("empty", b"", text_is="", serious=["no-headers"])
    write("only-line-feeds", b"Subject: a\n" + FROM.replace(b"\r", b"") + b"\nb\nc\n", text_is="b\nc\n", **CLEAN)


def structure():
    plain, page = entity("プレーン\n"), entity("<p>HTML</p>", "text/html; charset=UTF-8")
    parts("alternative", plain, page, kind="alternative", text_is="プレーン\n", attachments=[],
          parts=["multipart/alternative", "text/plain", "text/html"], **CLEAN)
    parts("alternative-empty-plain", entity(" \n"), page, kind="alternative", text_is="HTML", **CLEAN)
    parts("html-with-plain-footer", page, entity("-- \nML\n"), text_is="HTML\n-- \nML\n", **CLEAN)
    parts("text-picture-text", plain, entity("AAAA", "image/png; name=a.png", "Content-Transfer-Encoding: base64\n"),
          entity("後半\n"), text_is="プレーン\n後半\n", attachments=["a.png"])
    names = [
        ("filename-2231", "attachment; filename*=iso-2022-jp''%1B%24B8%2B%40Q%1B%28B.pdf", "見積.pdf"),
        ("filename-2231-split", "attachment; filename*0*=utf-8''%E8%A6%8B%E7; filename*1*=%A9%8D.pdf", "見積.pdf"),
        ("filename-2047", "attachment; filename=\"=?UTF-8?B?6KaL56mN?= =?UTF-8?B?LnBkZg==?=\"", "見積.pdf"),
    ]
    for name, disposition, expected in names:
        parts(name, plain, entity("AAAA", "application/pdf", f"Content-Disposition: {disposition}\n"),
              text_is="プレーン\n", attachments=[expected], **CLEAN)
    parts("filename-raw-sjis", plain,
          b"Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"" + sjis("表.pdf") + b"\"\n\nAAAA",
          attachments=["表.pdf"])
    parts("attached-text-is-not-read", plain, entity("log", head="Content-Disposition: attachment; filename=a.log\n"),
          text_is="プレーン\n", attachments=["a.log"], **CLEAN)
    parts("attached-message", plain, entity("Subject: 解約\n\n解約したい\n", "message/rfc822"), text_is="プレーン\n",
          attachments=[""], parts=["multipart/mixed", "text/plain", "message/rfc822"], **CLEAN)
    parts("no-text", entity("AAAA", "application/pdf"), text_is="", serious=["no-text"])
    parts("final-boundary-missing", plain, end=b"", text_is="プレーン\n\n", serious=["truncated"])
    parts("too-many-parts", *[entity("x")] * 1_100, serious=["too-many-parts"])
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200))
    write("too-deep", FROM + deep + b"\r\ntext\r\n", serious=["too-deep", "truncated", "no-text"])
    write("nested-messages", b"Content-Type: message/rfc822\r\n\r\n" * 2_000, serious=["no-text"])
    mail("base64-no-padding", b"56uv5pyrYQ", b"Content-Transfer-Encoding: base64\r\n", text_is="端末a", **CLEAN)
    mail("base64-with-footer", b"56uv5pyrYQ==\n--\n", b"Content-Transfer-Encoding: base64\r\n", text_is="端末a", **CLEAN)
    mail("unknown-transfer-encoding", b"x", b"Content-Transfer-Encoding: x-uuencode\r\n", serious=["transfer-encoding"])
    mail("nul-bytes", b"a\0b\n", text_is="ab\n", serious=["nul-bytes"])
    mail("control-characters", b"a\x07b\x1b[0m\tc\rd\n", text_is="ab[0m\tc\nd\n", oddities=["control-characters"], serious=[])
    mail("flowed", "端末が \n同期しません。\n> 引用 \n> です\n\n-- \n山田\n".encode(), kind=b"text/plain; charset=UTF-8; format=flowed",
         text_is="端末が 同期しません。\n> 引用 です\n\n-- \n山田\n", **CLEAN)
    mail("flowed-delsp", "端末が \n同期しません。\n".encode(), kind=b"text/plain; charset=UTF-8; format=flowed; delsp=yes",
         text_is="端末が同期しません。\n", **CLEAN)


def pages():
    html("html-only", "<html><head><style>p{}</style></head><body><p>端末が<br>動きません&amp;困ります</p><p>以上</p></body>",
         text_is="端末が\n動きません&困ります\n\n以上", **CLEAN)
    html("html-hidden", "<div style=\"display: none\">解約したい</div><p>端末の件です。</p>", text_is="端末の件です。",
         oddities=["hidden-text"], serious=[])
    html("html-outlook", "<p class=MsoNormal>お世話になっております。</p><p class=MsoNormal>端末が動きません。</p>"
         "<div id=\"divRplyFwdMsg\"><b>差出人:</b> 窓口 &lt;s@desk.example&gt;<br><b>送信日時:</b> 2026年11月19日 10:00<br>"
         "<b>宛先:</b> 山田<br><b>件名:</b> Re: 端末</div><div>解約の手順です。</div>",
         sections=[("greeting", "お世話になっております。\n"), ("body", "端末が動きません。\n"),
                   ("quoted", "差出人: 窓口 <s@desk.example>\n送信日時: 2026年11月19日 10:00\n宛先: 山田\n件名: Re: 端末\n解約の手順です。")])
    html("html-gmail-interleaved", "<div>回答します。</div><div class=\"gmail_quote\"><div class=\"gmail_attr\">2026年11月19日(木) 10:00 "
         "窓口 &lt;s@desk.example&gt;:<br></div><blockquote class=\"gmail_quote\">OSは？</blockquote><div>iOS 26 です。</div>"
         "<blockquote class=\"gmail_quote\">台数は？</blockquote><div>3台です。</div></div>",
         sections=[("body", "回答します。\n"), ("quoted", "2026年11月19日(木) 10:00 窓口 <s@desk.example>:\nOSは？\n"),
                   ("body", "iOS 26 です。\n"), ("quoted", "台数は？\n"), ("body", "3台です。")])


def sections():
    body = "端末が同期しません。\n"
    text("greeting-and-closing", "○○株式会社 サポート御中\n\nお世話になっております。\n株式会社あおば 総務部の山田です。\n\n" + body
         + "\n以上、よろしくお願いいたします。\n",
         sections=[("greeting", "○○株式会社 サポート御中\n\nお世話になっております。\n株式会社あおば 総務部の山田です。\n\n"),
                   ("body", body + "\n"), ("closing", "以上、よろしくお願いいたします。\n")])
    text("greeting-and-question-on-one-line", "お世話になっております。アプリの件で質問です。\n動きません。\n",
         sections=[("greeting", "お世話になっております。"), ("body", "アプリの件で質問です。\n動きません。\n")])
    text("matter-is-no-introduction", "ライセンス追加の依頼です。\n10台お願いします。\n",
         sections=[("body", "ライセンス追加の依頼です。\n10台お願いします。\n")])
    text("signature-ruled", body + "\n-----------------\n株式会社あおば\n総務部　山田\nTEL 03-0000-0000\n-----------------\n",
         sections=[("body", body + "\n"),
                   ("signature", "-----------------\n株式会社あおば\n総務部　山田\nTEL 03-0000-0000\n-----------------\n")])
    text("signature-without-rule", body + "\n株式会社あおば\n山田\nTEL 03-0000-0000\n",
         sections=[("body", body + "\n"), ("signature", "株式会社あおば\n山田\nTEL 03-0000-0000\n")])
    text("name-after-closing", body + "よろしくお願いします。\n\n山田\n",
         sections=[("body", body), ("closing", "よろしくお願いします。\n\n"), ("signature", "山田\n")])
    text("rule-between-topics", "1つ目です。\n-----------------\n2つ目です。総務部の端末も動きません。\n",
         sections=[("body", "1つ目です。\n-----------------\n2つ目です。総務部の端末も動きません。\n")])
    text("new-address-is-no-signature", "住所を変更します。新しい住所は下記です。\n\n株式会社あおば\n〒000-0000 東京都\nTEL 03-0000-0000\n",
         sections=[("body", "住所を変更します。新しい住所は下記です。\n\n株式会社あおば\n〒000-0000 東京都\nTEL 03-0000-0000\n")])
    text("text-below-the-signature", body + "-----------------\n株式会社あおば\nTEL 03-0000-0000\n-----------------\n別件ですが、"
         "見積もください。\n",
         sections=[("body", body), ("signature", "-----------------\n株式会社あおば\nTEL 03-0000-0000\n-----------------\n"),
                   ("body", "別件ですが、見積もください。\n")])
    text("legal-footer", body + "\n本メールには秘密情報が含まれます。誤って受信された場合は破棄してください。\n",
         sections=[("body", body + "\n"), ("footer", "本メールには秘密情報が含まれます。誤って受信された場合は破棄してください。\n")])
    text("mail-deleted-by-mistake", "先週の件です。\n\nこのメールを誤って削除してしまいました。再送してください。\n",
         sections=[("body", "先週の件です。\n\nこのメールを誤って削除してしまいました。再送してください。\n")])
    text("gateway-banner", "[外部メール] このメールは社外から送信されています。\nリンクや添付ファイルにご注意ください。\n\n" + body,
         sections=[("banner", "[外部メール] このメールは社外から送信されています。\nリンクや添付ファイルにご注意ください。\n\n"),
                   ("body", body)])
    text("phone-footer", body + "\niPhoneから送信\n", sections=[("body", body + "\n"), ("signature", "iPhoneから送信\n")])
    quotes = [
        ("gmail", "2026年11月19日(木) 10:00 窓口 <s@desk.example>:\n> 解約の手順です。\n"),
        ("gmail-wrapped", "2026年11月19日(木) 10:00 サポート窓口\n<s@desk.example>:\n> 解約の手順です。\n"),
        ("thunderbird", "On 2026/11/19 10:00, 窓口 wrote:\n> 解約の手順です。\n"),
        ("apple", "2026/11/19 10:00、窓口 <s@desk.example>のメール:\n\n> 解約の手順です。\n"),
        ("wide-sign", "窓口さんは書きました：\n＞解約の手順です。\n"),
        ("al-mail", "2026/11/19 10:00 に 窓口 <s@desk.example> さんは書きました:\n窓口> 解約の\n窓口> 手順です。\n"),
        ("outlook", "-----Original Message-----\nFrom: s@desk.example\nSent: Thu\nTo: 山田\nSubject: Re: 件\n\n解約の手順です。\n"),
        ("outlook-ja", "________________________________\n差出人： 窓口\n送信日時： 2026年11月19日\n宛先： 山田\n件　名： Re: 件\n\n解約の手順です。\n"),
        ("yahoo", "----- 元のメッセージ -----\n差出人: 窓口\n日付: 2026/11/19\n\n解約の手順です。\n"),
    ]
    for name, quote in quotes:
        text(f"quote-{name}", body + "\n" + quote, sections=[("body", body + "\n"), ("quoted", quote)])
    text("quote-interleaved", "回答します。\n> OSは？\niOS 26 です。\n> 台数は？\n3台です。\n",
         sections=[("body", "回答します。\n"), ("quoted", "> OSは？\n"), ("body", "iOS 26 です。\n"),
                   ("quoted", "> 台数は？\n"), ("body", "3台です。\n")])
    forward = "---------- Forwarded message ---------\nFrom: 部長 <b@kaisha.example.jp>\nSubject: 端末\n\n端末が動きません。\n"
    text("forward", "下記の件です。\n\n" + forward, sections=[("body", "下記の件です。\n\n"), ("forwarded", forward)])
    text("forward-only", forward, sections=[("forwarded", forward)])
    by_subject = "差出人: 部長\n宛先: 山田\n件名: 端末\n\n端末が動きません。\n"
    mail("forward-by-subject", by_subject.encode(), subject="Subject: FW: 端末\r\n".encode(), sections=[("forwarded", by_subject)])
    text("header-words-in-prose", "From: の欄が空です。\nどうすればよいですか。\n",
         sections=[("body", "From: の欄が空です。\nどうすればよいですか。\n")])
    text("separator-without-headers", "文面です。\n\n-----Original Message-----\n上の文を送っておいて。\n",
         sections=[("body", "文面です。\n\n-----Original Message-----\n上の文を送っておいて。\n")])
    text("table-is-no-quote", "| 機種 | 台数 |\n| A | 3 |\n", sections=[("body", "| 機種 | 台数 |\n| A | 3 |\n")])


for old in list(HERE.glob("*.eml")) + list(HERE.glob("*.toml")):
    old.unlink()
for group in (charsets, headers, structure, pages, sections):
    group()
print(f"{COUNT} mails")
