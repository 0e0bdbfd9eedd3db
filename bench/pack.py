#!/usr/bin/env python3
"""A pack and a configuration for the generator's mails: what anybody would write for these 300 phrases.

    pack.py CORPUS OUT [--imap PORT] [--smtp PORT] [--connections N]

Writes OUT/madoguchi.toml, OUT/rules/bench, OUT/templates/bench and the register as OUT/customers.csv, OUT/partners.csv.
Each category is a clause with one rule; mail that asks none of them is `other`, which every sentence speaks for a little.
"""

import argparse
import csv
import json
import os
import shutil

HEAD = """id = "bench"
name = "計測用の窓口"
version = "1"
effective = 2026-01-01

[thresholds]
scope = 1.0
margin = 0.0
conduct = 3.0
"""

ALWAYS_OPEN = 'time_zone = "Asia/Tokyo"\nholidays = "none"\n\n[week]\n' + "".join(
    f'{day} = ["00:00-24:00"]\n'
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
)

CONFIGURATION = """[store]
path = "state/madoguchi.db"

[packs]
rules = "rules"
templates = "templates"

[[desk]]
id = "bench"
name = "サポート窓口"
address = "support@desk.example.co.jp"
pack = "bench"
authentication = "off"
register = ["partners.csv", "customers.csv"]
label_prefix = "cat_"
max_age_hours = 0
answer_since = 2020-01-01T00:00:00Z
sent_copy = false
batch = 500

[desk.mailbox]
kind = "imap"
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "support"
password = {{ file = "password" }}

[desk.outbox]
kind = "smtp"
host = "127.0.0.1"
port = {smtp}
tls = "none"
bounce_address = "bounce@desk.example.co.jp"
connections = {connections}

[desk.budgets]
sender_per_day = 1000
domain_per_hour = 100000
desk_per_hour = 100000
"""


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def clause(category):
    return f'\n[[clause]]\nid = {quoted(category["id"])}\ntitle = {quoted(category["name"])}\nkind = "in-scope"\n'


def rule(category, score):
    terms = ", ".join(map(quoted, category["phrases"]))
    return f'[[rule]]\nid = "{category["id"]}"\nclause = "{category["id"]}"\nscore = {score}\nany = [{terms}]\n\n'


def pack(categories, out):
    other = {"id": "other", "name": "その他", "phrases": ["/^./"], "reply": "お問い合わせを受け付けました。"}
    rules = "".join(rule(category, 10.0) for category in categories) + rule(other, 1.0)
    categories = [*categories, other]
    write(f"{out}/rules/bench/pack.toml", HEAD + "".join(map(clause, categories)))
    write(f"{out}/rules/bench/rules.toml", rules)
    write(f"{out}/rules/bench/calendar.toml", ALWAYS_OPEN)
    templates = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "templates", "optim-biz")
    shutil.copytree(templates, f"{out}/templates/bench", ignore=shutil.ignore_patterns("parts"))
    for category in categories:
        write(f"{out}/templates/bench/parts/{category['id']}.txt", category["reply"] + "\n")


def register(corpus, out):
    with open(f"{corpus}/registry.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    partners = sorted({row["partner"] for row in rows} - {""})
    with open(f"{out}/partners.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "contact"])
        writer.writerows([f"p{n}", name, "03-0000-0000"] for n, name in enumerate(partners))
    with open(f"{out}/customers.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "address", "contract", "route"])
        for row in rows:
            route = f"p{partners.index(row['partner'])}" if row["partner"] else "direct"
            writer.writerow([row["customer_id"], row["company"], row["email"], row["contract"], route])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("out")
    parser.add_argument("--imap", type=int, default=31143)
    parser.add_argument("--smtp", type=int, default=31025)
    parser.add_argument("--connections", type=int, default=4)
    args = parser.parse_args()
    for folder in ("rules", "templates"):
        shutil.rmtree(f"{args.out}/{folder}", ignore_errors=True)
    with open(f"{args.corpus}/rules.json", encoding="utf-8") as file:
        pack(json.load(file)["categories"], args.out)
    register(args.corpus, args.out)
    write(f"{args.out}/madoguchi.toml", CONFIGURATION.format(imap=args.imap, smtp=args.smtp, connections=args.connections))
    write(f"{args.out}/password", "pw\n")
    os.chmod(f"{args.out}/password", 0o600)


if __name__ == "__main__":
    main()
