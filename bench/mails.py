#!/usr/bin/env python3
"""Invented Japanese mails to a support desk, and what each of them asks. Mail i depends on the seed and i alone.

    mails.py --out DIR [-n 2000] [--seed 1] [--big 0.05] [--big-size 0]

Writes DIR/registry.csv (10,000 customers), DIR/rules.json (20 categories of 15 phrases, in the order of their
precedence), DIR/truth.jsonl (one object a mail) and DIR/mail, a Maildir. Of the truth: `category` is what the customer's
own words of today ask ("other" for nothing), `flat` what a plain search for the phrases finds, `traps` why they differ.
"""

import argparse
import base64
import csv
import json
import os
import quopri
import random
import re
import time

CATS = [
    (
        "lost",
        "紛失・盗難",
        "端末を紛失 盗難 リモートロック リモートワイプ 遠隔消去 位置情報の取得 紛失モード 置き忘れ 緊急でロック 初期化コマンド ロック解除コード 回線停止 拾得 警察に届け 情報漏えいの恐れ",
    ),
    (
        "outage",
        "障害",
        "障害が発生 つながりません 接続できない サービスが停止 応答がない タイムアウトに 復旧見込み 復旧時刻 全拠点で 断続的に切断 サーバーエラー 503エラー 画面が真っ白 通信断 障害情報",
    ),
    (
        "sla",
        "品質保証・補償",
        "稼働率 可用性 返金対象 減額 品質保証 SLAの 補償を 停止時間の証明 障害報告書 再発防止策 原因報告 経緯説明 損害 影響範囲の報告 是正措置",
    ),
    (
        "login",
        "ログイン・認証",
        "ログインできない パスワードを忘れ パスワード再発行 二段階認証 認証コードが届かない アカウントがロック サインインできない ワンタイムパスワード 認証エラー ログイン画面に戻される SSOの設定 シングルサインオン パスワードの有効期限 ログインIDが不明 初回ログイン",
    ),
    (
        "cancel",
        "解約",
        "解約したい 解約手続き 契約を終了 更新しない 退会 解約金 違約金 最低利用期間 契約の更新を停止 利用停止を希望 解約日 解約通知書 途中解約 解約予定 オプションを外し",
    ),
    (
        "billing",
        "請求・支払い",
        "請求書の再発行 請求金額が 二重請求 口座振替 お支払い方法 支払期限 請求先の変更 インボイス番号 適格請求書 領収書を発行 振込先を 入金の確認 課金されて 消費税額 請求書が届いて",
    ),
    (
        "contract",
        "契約内容の変更",
        "契約プラン プラン変更 ライセンス追加 ライセンス数 増席 名義変更 社名変更 住所変更 担当者変更 管理者の変更 契約内容の確認 アップグレードを希望 ダウングレード 契約台数 申込書の",
    ),
    (
        "privacy",
        "個人情報・監査",
        "個人情報 開示請求 削除依頼 個人データ プライバシーポリシー 利用目的 第三者提供 委託先管理 データの消去証明 情報セキュリティチェックシート ISMS Pマーク セキュリティ調査票 脆弱性診断 監査対応",
    ),
    (
        "hardware",
        "機器・故障",
        "故障交換 電源が入らない バッテリーが膨張 画面割れ 代替機 機器返却 返送先 貸出端末 充電できない SIMカード 初期不良 修理依頼 機器の交換 水濡れ 保証期間",
    ),
    (
        "phone",
        "通話",
        "音が聞こえない 音質が悪い 着信しない 発信できない 保留音 転送設定 内線番号 片通話 ノイズが入る 着信転送 留守番電話 通話録音 IVRの 呼び出し音 通話が切れ",
    ),
    (
        "kitting",
        "キッティング・登録",
        "キッティング 自動登録 ADEトークン DEPの登録 Apple Business Manager ゼロタッチ登録 端末の初期化 構成プロファイル MDMプロファイル デバイス登録 シリアル番号を追加 プッシュ証明書 APNs証明書 証明書の更新 エンロール",
    ),
    (
        "apps",
        "アプリ配信",
        "アプリ配信 アプリの配布 VPPトークン マネージドGoogle Play アプリがインストールされない 自動更新を止め 配信グループ 社内アプリ アプリカタログ サイレントインストール アプリ権限 禁止アプリ ストア非公開 配信状況 アプリを削除",
    ),
    (
        "data",
        "データ・帳票",
        "CSVエクスポート 一括登録 インポートに失敗 レポートの出力 監査ログ 操作履歴 データ移行 バックアップ データを復元 ダウンロードできない 集計が合わない 項目の追加 帳票 文字数制限 取り込みエラー",
    ),
    (
        "support_os",
        "対応機種・OS",
        "対応機種 対応OS 動作環境 iOS 27 Android 17 サポート対象端末 最新OSへの対応 推奨ブラウザ Windows 11 動作確認済み端末 タブレット端末での 対応バージョン 検証済み機種 端末の一覧 OSバージョン",
    ),
    (
        "notice",
        "お知らせへの質問",
        "メンテナンスのお知らせ 計画停止 事前通知 バージョンアップのお知らせ 仕様変更のお知らせ メンテナンス日程 作業時間帯 ご案内メールの件 お知らせの内容 停止予定時刻 延期は可能 アップデート通知 変更点の詳細 リリースノート 提供終了のお知らせ",
    ),
    (
        "request",
        "要望",
        "要望 改善してほしい 機能追加 実装予定 追加をご検討 対応時期 リリース予定 今後のロードマップ 使いづらい 追加してほしい 次期バージョン 対応予定は 不便に感じ できるようにして 検討状況",
    ),
    (
        "sales",
        "見積・導入",
        "お見積り 見積書 発注書 注文書 トライアル 導入を検討 価格表 新規申込 デモを希望 資料請求 納期を 稟議 競合製品 代理店契約 ボリュームディスカウント",
    ),
    (
        "bug",
        "不具合",
        "不具合が 動作しない エラーメッセージ 強制終了 フリーズ 反映されない 表示が崩れ 文字化け 処理が終わらない 想定と異なる動作 再起動しても直らない 同期されない 落ちてしま 固まって バグでは",
    ),
    (
        "howto",
        "操作・設定手順",
        "設定方法 手順を教え 操作方法 やり方が分から マニュアルの場所 どのように設定 設定画面の 初期設定 手順書 使い方を 登録の仕方 設定例 推奨設定 チュートリアル 操作がわから",
    ),
    (
        "spec",
        "仕様",
        "仕様を教え 機能はありますか 可能でしょうか 上限数 保存期間 仕様でしょうか 最大サイズ 対応していますか 制限事項 API仕様 連携は可能 動作仕様 ログの保管 同時接続数 暗号化方式",
    ),
]
MULTI = ("Apple Business Manager", "マネージドGoogle Play", "iOS 27", "Android 17", "Windows 11")


def phrases(s):
    for m in MULTI:
        s = s.replace(m, m.replace(" ", "\0"))
    return [p.replace("\0", " ") for p in s.split(" ")]


RULES = [
    {
        "id": c,
        "name": n,
        "flag": "cat_" + c,
        "phrases": phrases(p),
        "reply": f"「{n}」に関するお問い合わせを受け付けました。担当より折り返しご連絡いたします。",
    }
    for c, n, p in CATS
]
assert len(RULES) == 20 and all(len(r["phrases"]) == 15 for r in RULES)

FRAME = [
    "{p}状況です。ご確認をお願いいたします。",
    "{p}件について教えてください。",
    "弊社で{p}との報告が上がっております。",
    "先日から{p}ようで、対処に困っております。",
    "{p}について、至急ご回答いただけますと幸いです。",
    "お客様から「{p}」との申告を受けました。",
    "{p}場合はどのようにすればよいでしょうか。",
    "下記、{p}についての問い合わせです。",
]
FILL = [
    "いつも大変お世話になっております。",
    "お忙しいところ恐れ入ります。",
    "詳細は以下のとおりです。",
    "なお、社内では三名が同じ状態です。",
    "念のため画面の写しも用意しております。",
    "必要でしたら追加の資料もお送りします。",
    "先週の打ち合わせではありがとうございました。",
    "本件は上長にも共有済みです。",
    "東京本社と大阪支店の双方で確認しました。",
    "別の利用者では問題ございませんでした。",
    "時間帯は主に午前九時から十時ごろです。",
    "当方の環境は以前から変わっておりません。",
    "お手数をおかけしますが、よろしくお願い申し上げます。",
    "ご不明な点がございましたらご連絡ください。",
    "電話でのご説明でも差し支えありません。",
    "回答は本メールへの返信でお願いいたします。",
    "前回の担当者様は鈴木様だったと記憶しています。",
    "現場からの声が強く、早めの返事をいただけると助かります。",
    "週明けの会議で報告する必要があります。",
    "参考までに当日の記録を貼り付けます。",
    "こちらで試した内容は以下のとおりです。",
    "結果は変わりませんでした。",
    "以上、よろしくお願いいたします。",
    "資料は共有フォルダに置いてあります。",
    "担当の者が席を外しているため、代わってご連絡しております。",
    "利用者は営業部の五十名ほどです。",
    "昨年度にも似た事例がありました。",
    "そのときはお電話で解決いたしました。",
    "今回は様子が違うように見受けられます。",
    "お返事をお待ちしております。",
]
OPEN = [
    "株式会社サンプルサポート　御中",
    "サポートご担当者様",
    "ヘルプデスク御中",
    "ご担当者様",
    "お世話になっております。",
]
SUBJ = [
    "お問い合わせ",
    "ご確認のお願い",
    "【至急】ご相談",
    "質問です",
    "Re: お問い合わせの件",
    "ご連絡",
    "問い合わせ（{co}）",
    "Fwd: 社内からの質問",
]
OTHERS = [
    "年末のご挨拶を申し上げます。本年も大変お世話になりました。",
    "このたび弊社では人材紹介の新サービスを始めました。一度お話をさせてください。",
    "先ほどの件は自己解決いたしました。ありがとうございました。",
    "了解いたしました。引き続きよろしくお願いします。",
    "セミナー開催のご案内です。会場は品川です。",
]
SUR = "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤 清水".split()
GIV = "太郎 花子 健一 美咲 翔太 陽子 大輔 直樹 裕子 誠 恵 浩二 真由美 拓也 彩 隆 久美子 剛 千尋 亮".split()
CO1 = "東亜 日新 大和 北斗 三栄 光洋 朝日 富士見 新興 中央 南部 星野 丸一 共栄 港 若葉 青葉 旭 双葉 瑞穂".split()
CO2 = "商事 工業 物流 製作所 システムズ 建設 食品 不動産 電機 運輸 印刷 薬品 興業 情報 サービス 機械 化学 紙業 観光 医療".split()
PARTNERS = ["販売パートナー%02d株式会社" % i for i in range(1, 41)]


def registry(seed):
    r = random.Random(f"registry-{seed}")
    rows = []
    for i in range(10000):
        partner = r.random() < 0.35
        pid = r.randrange(len(PARTNERS))
        co = r.choice(["株式会社%s", "%s株式会社", "有限会社%s", "%s"]) % (r.choice(CO1) + r.choice(CO2))
        rows.append(
            {
                "customer_id": "C%05d" % i,
                "company": co,
                "contact": r.choice(SUR) + " " + r.choice(GIV),
                "email": "user%d@c%05d.example.co.jp" % (r.randrange(1, 9), i),
                "channel": "partner" if partner else "direct",
                "partner": PARTNERS[pid] if partner else "",
                "contract": "OB-%07d" % (1000000 + i * 37 % 8999999),
            }
        )
    return rows


def flat_hits(texts):
    return [c["id"] for c in RULES if any(p in t for t in texts for p in c["phrases"])]


def wrap(s, w):
    return "\n".join(s[i : i + w] for i in range(0, len(s), w)) if w else s


def z2(s):  # ASCII letters and digits to full width
    return "".join(chr(ord(c) + 0xFEE0) if "!" < c < "~" else c for c in s)


def hdr(s, cs, kind):
    """RFC 2047, folded, one encoded word per <= 12 characters (never splits one)."""
    if all(ord(c) < 128 for c in s):
        return s
    out = []
    for i in range(0, len(s), 12):
        b = s[i : i + 12].encode(cs[1])
        if kind == "q":
            q = "".join(chr(x) if chr(x).isalnum() and x < 128 else "=%02X" % x for x in b)
            # keep each word <= 75
            for j in range(0, len(s[i : i + 12]), 4):
                b = s[i + j : i + min(j + 4, 12)].encode(cs[1])
                if b:
                    out.append(
                        "=?%s?Q?%s?="
                        % (cs[0], "".join(chr(x) if x < 128 and chr(x).isalnum() else "=%02X" % x for x in b))
                    )
        else:
            out.append("=?%s?B?%s?=" % (cs[0], base64.b64encode(b).decode()))
    return "\n ".join(out)


def b64(b):
    return base64.encodebytes(b) if len(b) < 1 << 16 else re.sub(rb"(.{76})", rb"\1\n", base64.b64encode(b)) + b"\n"


def leaf(ctype, text, cs, cte):
    raw = text.encode(cs[1])
    body = {
        "base64": lambda: b64(raw),
        "quoted-printable": lambda: quopri.encodestring(raw),
        "8bit": lambda: raw,
        "7bit": lambda: raw,
    }[cte]()
    if not body.endswith(b"\n"):
        body += b"\n"
    return ("Content-Type: %s; charset=%s\nContent-Transfer-Encoding: %s\n\n" % (ctype, cs[0], cte)).encode() + body


def multi(sub, parts, bnd):
    out = ('Content-Type: multipart/%s; boundary="%s"\n\n' % (sub, bnd)).encode()
    for p in parts:
        out += b"--" + bnd.encode() + b"\n" + p + b"\n"
    return out + b"--" + bnd.encode() + b"--\n"


def html_of(paras, quoted, r):
    css = "p.MsoNormal{margin:0mm;font-size:10.5pt;font-family:'MS Gothic',sans-serif}" * (1 + r.randrange(3))
    esc = lambda s: s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    h = (
        '<html><head><meta http-equiv="Content-Type" content="text/html"><style>%s</style></head><body lang="JA">\n'
        % css
    )
    for p in paras:
        h += '<p class="MsoNormal"><span lang="JA">%s</span></p>\n' % (esc(p) or "&nbsp;")
    if quoted:
        h += (
            '<blockquote style="border-left:solid #ccc 1px">\n'
            + "".join("<div>%s</div>\n" % (esc(q) or "<br>") for q in quoted)
            + "</blockquote>\n"
        )
    return h + "</body></html>\n"


ENC = [
    ("utf-8 base64", ("UTF-8", "utf-8"), "base64", 34),
    ("utf-8 qp", ("utf-8", "utf-8"), "quoted-printable", 14),
    ("utf-8 8bit", ("UTF-8", "utf-8"), "8bit", 16),
    ("iso-2022-jp", ("ISO-2022-JP", "iso2022_jp"), "7bit", 24),
    ("sjis base64", ("Shift_JIS", "cp932"), "base64", 8),
    ("sjis 8bit", ("Shift_JIS", "cp932"), "8bit", 4),
]


def make(seed, i, reg, bigp, bigsize=0):
    r = random.Random(f"mail-{seed}-{i}")
    traps = []
    known = r.random() < 0.93
    cust = reg[r.randrange(len(reg))]
    addr = cust["email"] if known else "person%d@unknown%d.example.com" % (i, i % 997)
    enc, cs, cte, _ = r.choices(ENC, [e[3] for e in ENC])[0]
    auto = r.random() < 0.01
    cat = (
        None
        if auto or r.random() < 0.06
        else r.choices(RULES, [3 if c["id"] in ("howto", "spec", "bug", "billing", "contract") else 2 for c in RULES])[
            0
        ]
    )
    # --- the customer's own text
    w = r.choice([0, 0, 34, 38])
    own = [r.choice(OPEN), "", "%sの%sです。" % (cust["company"], cust["contact"].split()[0]), r.choice(FILL[:2]), ""]
    if cat is None:
        own += [r.choice(OTHERS)]
    else:
        for _ in range(r.choice([1, 1, 2, 3])):
            p = r.choice(cat["phrases"])
            if re.search("[A-Za-z0-9]", p) and r.random() < 0.15:
                p = z2(p)
                traps.append("fullwidth")
            line = r.choice(FRAME).format(p=p)
            own.append(
                "".join(r.choice(FILL) for _ in range(r.randrange(1, 4))) + line + r.choice(FILL)
                if r.random() < 0.6
                else line
            )  # a long line may be wrapped inside the phrase
            if r.random() < 0.6:
                own.append(r.choice(FILL))
    target = min(30000, max(900, r.lognormvariate(8.6, 0.8)))  # bytes of text, median about 5 KB
    own_goal = target * (0.35 if r.random() < 0.5 else 0.8)
    while sum(len(x) for x in own) * 3 < own_goal * 0.5:
        own.append("".join(r.choice(FILL) for _ in range(r.randrange(1, 4))))
    if enc.startswith("sjis") and r.random() < 0.15:
        own.append("①㈱の件　②以上です。")
        traps.append("cp932")
    own.append("以上、よろしくお願いいたします。")
    sig = [
        "",
        "-- " if r.random() < 0.3 else "━━━━━━━━━━━━━━━━━━",
        cust["company"] + "　情報システム部",
        cust["contact"],
        "〒100-%04d 東京都千代田区%d-%d" % (r.randrange(10000), r.randrange(1, 9), r.randrange(1, 30)),
        "TEL: 03-%04d-%04d" % (r.randrange(10000), r.randrange(10000)),
        "E-mail: " + addr,
    ]
    if r.random() < 0.12:
        sig.append("本メールには個人情報が含まれる場合があります。誤送信の際は破棄してください。")
        traps.append("footer")
    quoted = []
    if r.random() < 0.45:
        q = r.choice(RULES)
        quoted = [
            "-----Original Message-----"
            if r.random() < 0.5
            else "2026年11月%d日(月) 10:%02d サポート窓口 <support@desk.example.co.jp>:"
            % (r.randrange(1, 28), r.randrange(60)),
            cust["company"] + "　" + cust["contact"] + " 様",
            "お問い合わせありがとうございます。サポート窓口です。",
        ]
        if r.random() < 0.5:
            quoted.append(r.choice(FRAME).format(p=r.choice(q["phrases"])))
            traps.append("quoted")
        while sum(len(x) for x in quoted) * 3 < target * 0.45:
            quoted.append("".join(r.choice(FILL) for _ in range(r.randrange(1, 3))))
        if r.random() < 0.3:
            quoted += [">> " + x for x in quoted[1:4]]
    body = own + sig
    plain = "\n".join(wrap(x, w) for x in body) + "\n"
    if quoted:
        plain += "\n" + "\n".join("> " + y for x in quoted for y in wrap(x, w).split("\n")) + "\n"
    # --- structure
    shape = r.choices(["plain", "alt", "html"], [52, 38, 10])[0]
    hcte = "quoted-printable" if shape != "plain" and cte == "8bit" and r.random() < 0.5 else cte
    texts = []
    if shape != "html":
        texts.append(plain)
    html = html_of(body, quoted, r) if shape != "plain" else None
    if html:
        texts.append("\n".join(body + quoted))
    bnd = lambda k: "----=_Part_%d_%d.%d%06d" % (k, i, seed, r.randrange(10**6))
    if shape == "plain":
        top = leaf("text/plain", plain, cs, cte)
    elif shape == "html":
        top = leaf("text/html", html, cs, hcte)
    else:
        top = multi("alternative", [leaf("text/plain", plain, cs, cte), leaf("text/html", html, cs, hcte)], bnd(1))
    natt = 0
    if r.random() < bigp:
        natt, size = 1, bigsize or int(200_000 * 25 ** r.random())
    elif r.random() < 0.03:
        natt, size = 1, r.randrange(1000, 8000)
    if natt:
        name, ct = r.choice(
            [
                ("画面.png", "image/png"),
                ("資料.pdf", "application/pdf"),
                ("一覧.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                ("log.zip", "application/zip"),
            ]
        )
        h = (
            'Content-Type: %s; name="%s"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment;\n filename="%s"\n\n'
            % (ct, hdr(name, ("UTF-8", "utf-8"), "b"), hdr(name, ("UTF-8", "utf-8"), "b"))
        )
        top = multi("mixed", [top, h.encode() + b64(r.randbytes(size))], bnd(2))
    # --- headers
    subj = r.choice(SUBJ).format(co=cust["company"])
    if cat and r.random() < 0.35:
        subj = r.choice(cat["phrases"]) + "について"
    if auto:
        subj = "自動応答: 不在のお知らせ"
    t = time.gmtime(1793491200 + i * 53)
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0900", t)
    hk = "q" if enc == "utf-8 qp" else "b"
    mid = "<%08x.%d.%d@mail.%s>" % (r.getrandbits(32), seed, i, addr.split("@")[1])
    H = ["Return-Path: <%s>" % addr, "Delivered-To: support@desk.example.co.jp"]
    for k in range(r.randrange(1, 5)):
        H.append(
            "Received: from mx%d.%s (mx%d.%s [192.0.2.%d])\n\tby in%d.desk.example.co.jp (Postfix) with ESMTPS id %010X\n\tfor <support@desk.example.co.jp>; %s"
            % (k, addr.split("@")[1], k, addr.split("@")[1], r.randrange(1, 255), k, r.getrandbits(40), date)
        )
    if r.random() < 0.5:
        H.append(
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=s1;\n h=from:to:subject:date:message-id; bh=%s;\n b=%s"
            % (
                addr.split("@")[1],
                base64.b64encode(r.randbytes(32)).decode(),
                "\n  ".join(base64.b64encode(r.randbytes(48)).decode() for _ in range(5)),
            )
        )
    H += [
        "From: %s <%s>" % (hdr(cust["contact"], cs, hk), addr),
        "To: %s <support@desk.example.co.jp>" % hdr("サポート窓口", cs, hk),
        "Subject: " + hdr(subj, cs, hk),
        "Date: " + date,
        "Message-ID: " + mid,
        "MIME-Version: 1.0",
        "X-Mailer: "
        + r.choice(
            ["Microsoft Outlook 16.0", "Becky! ver. 2.81.06", "Apple Mail (2.3776)", "Thunderbird 140", "Gmail"]
        ),
    ]
    if quoted:
        H += [
            "In-Reply-To: <%08x@desk.example.co.jp>" % r.getrandbits(32),
            "References: <%08x@desk.example.co.jp>\n <%08x@desk.example.co.jp>"
            % (r.getrandbits(32), r.getrandbits(32)),
        ]
    if auto:
        H += ["Auto-Submitted: auto-replied", "Precedence: bulk"]
    raw = "\n".join(H).encode("ascii") + b"\n" + top
    allhits = flat_hits([subj] + texts)
    truth = cat["id"] if cat else "other"
    if (
        shape == "plain"
        and w
        and cat
        and flat_hits(["\n".join(own)]) != flat_hits(["\n".join(wrap(x, w) for x in own)])
    ):
        traps.append("wrapped")
    return raw, {
        "i": i,
        "message_id": mid,
        "from": addr,
        "known": known,
        "channel": cust["channel"] if known else "unknown",
        "category": truth,
        "flat": (allhits or ["other"])[0],
        "flat_all": allhits,
        "auto": auto,
        "enc": enc,
        "shape": shape,
        "attach": size if natt else 0,
        "size": len(raw),
        "traps": sorted(set(traps)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--big", type=float, default=0.05, help="share of mails with a large attachment")
    parser.add_argument("--big-size", type=int, default=0, help="bytes of each; 0: 0.2 to 5 MB")
    args = parser.parse_args()
    for part in ("cur", "new", "tmp"):
        os.makedirs(f"{args.out}/mail/{part}", exist_ok=True)
    customers = registry(args.seed)
    with open(f"{args.out}/registry.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(customers[0]))
        writer.writeheader()
        writer.writerows(customers)
    with open(f"{args.out}/rules.json", "w", encoding="utf-8") as file:
        json.dump({"categories": RULES}, file, ensure_ascii=False, indent=1)
    with open(f"{args.out}/truth.jsonl", "w", encoding="utf-8") as file:
        for i in range(args.n):
            raw, truth = make(args.seed, i, customers, args.big, args.big_size)
            sizes = f"S={len(raw)},W={len(raw) + raw.count(bytes([10]))}"
            truth["file"] = f"{1793491200 + i * 53}.M{i:06d}.bench,{sizes}:2,"
            with open(f"{args.out}/mail/cur/{truth['file']}", "wb") as mail:
                mail.write(raw)
            file.write(json.dumps(truth, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
