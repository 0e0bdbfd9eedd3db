//! The register's files: the good ones all say the same, the bad ones say what is wrong, and nothing is half imported.
//!
//! `tests/registers/good` holds one register as people and spreadsheets save it; `tests/registers/bad` files that must not
//! be imported, each with its messages beside it (`.txt`).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use madoguchi::store::{RegisterChange, Store, StoreError, StoredRegister, change_register, read_register};
use madoguchi::triage::register::Customer;
use tempfile::TempDir;

const NOW: &str = "2026-11-24T10:00:00+09:00";

const CONFIG: &str = r#"
[store]
path = "store.db"
[[desk]]
id = "test"
name = "試験窓口"
address = "support@desk.example"
pack = "biz-phone"
authentication = "strong"
trusted_authserv = "mx.desk.example"
register = "store"
[desk.mailbox]
kind = "maildir"
path = "mail"
[desk.outbox]
kind = "folder"
path = "sent"
[desk.departments]
sales = { name = "営業窓口", contact = "sales@desk.example" }
"#;

/// A folder with a configuration.
struct Site(TempDir);

impl Site {
    fn new() -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        fs::write(site.0.path().join("madoguchi.toml"), CONFIG.to_owned() + &departments()).unwrap();
        site
    }

    /// With the good register imported.
    fn filled() -> Site {
        let site = Site::new();
        let good = [good("partners.csv"), good("utf8.csv")];
        assert_eq!(site.import(&good.each_ref().map(String::as_str)).1, "added 3, changed 0, removed 0\n");
        site
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("store.db")
    }

    fn stored(&self) -> StoredRegister {
        read_register(&self.store()).unwrap()
    }

    fn import(&self, args: &[&str]) -> (bool, String) {
        let (ok, out, err) = self.run(&[&["register", "import"], args].concat());
        (ok, out + &err)
    }

    /// Success, output, messages.
    fn run(&self, args: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
        command.args(args).arg("-c").arg(self.0.path().join("madoguchi.toml"));
        let output = command.env("LC_ALL", "C").output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", self.0.path().display()), "");
        (output.status.success(), text(output.stdout), text(output.stderr))
    }
}

/// Those that the pack asks for, whatever it is.
fn departments() -> String {
    let pack = madoguchi::config::embedded_pack("biz-phone").unwrap();
    let mut names: Vec<&str> = pack.clauses.iter().filter_map(|clause| clause.department.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    let others = names.into_iter().filter(|name| *name != "sales");
    others.map(|name| format!("{name} = {{ name = \"窓口\", contact = \"{name}@desk.example\" }}\n")).collect()
}

fn good(file: &str) -> String {
    format!("tests/registers/good/{file}")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_way_of_saving_a_register_is_read_the_same() {
    let site = Site::filled();
    let before = site.stored();
    assert_eq!(before.customers.len(), 2);
    assert_eq!((before.customers[0].monthly_fee, before.customers[1].contracts[0].as_str()), (Some(12_000), "0012345"));
    let mut count = 0;
    for file in files("tests/registers/good").iter().filter(|file| !file.ends_with("partners.csv")) {
        count += 1;
        let (ok, said) = site.import(&["--diff", file.to_str().unwrap()]);
        assert!(ok && said == "added 0, changed 0, removed 0\n", "{}:\n{said}", file.display());
    }
    assert!(count >= 12, "only {count} registers");
    assert_eq!(site.stored(), before);
}

/// With `UPDATE_EXPECTED=1` the messages are written instead of compared; read the diff before you commit it.
#[test]
fn bad_registers_say_what_is_wrong_and_change_nothing() {
    let site = Site::filled();
    let before = site.stored();
    let (mut count, mut failures) = (0, Vec::new());
    for file in files("tests/registers/bad").iter().filter(|file| file.extension().is_some_and(|end| end != "txt")) {
        count += 1;
        let (ok, said) = site.import(&[file.to_str().unwrap()]);
        let said = said.replace("tests/registers/bad/", "");
        assert!(!ok, "{} was imported", file.display());
        let expected = file.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).ok().as_ref() != Some(&said) {
            failures.push(format!("{}:\n{said}", file.display()));
        }
        assert_eq!(site.stored(), before, "{} was imported in part", file.display());
    }
    assert!(count >= 30, "only {count} bad registers");
    assert!(failures.is_empty(), "{}", failures.join("\n----\n"));
}

#[test]
fn one_bad_file_of_several_keeps_all_out() {
    let site = Site::new();
    let (ok, said) = site.import(&[&good("partners.csv"), "tests/registers/bad/dates-wrong.csv"]);
    assert!(!ok && said.ends_with("nothing was changed\n"), "{said}");
    assert!(!site.store().exists());
}

#[test]
fn a_dry_run_shows_the_changes_and_makes_none() {
    let site = Site::filled();
    let file = site.0.path().join("new.csv");
    fs::write(
        &file,
        "id,name,domains,partner\nc-2,みなと運輸,minato.example.jp,\nc-3,新規商店,c3.example.jp,tokyo-it\n",
    )
    .unwrap();
    let before = site.stored();
    let (ok, said) = site.import(&["--dry-run", file.to_str().unwrap()]);
    let expected = "\
~ customer c-2: contracts [\"0012345\"] → -, addresses [\"kanri@minato.example.jp\"] → -, partner \"tokyo-it\" → -, \
        valid {\"from\":\"2026-04-01\",\"until\":\"2027-03-31\"} → {}
+ customer c-3
- customer c-1
added 1, changed 1, removed 1
";
    assert!(ok);
    assert_eq!(said, expected);
    assert_eq!(site.stored(), before);
    assert!(site.import(&[file.to_str().unwrap()]).0);
    assert_eq!(site.stored().customers.len(), 2);
}

#[test]
fn half_an_export_is_not_taken_for_a_whole_one() {
    let site = Site::new();
    let row = |n: usize| format!("c-{n},客先{n},c{n}.example.jp\n");
    let all: String = (0..100).map(row).collect();
    let half: String = (0..50).map(row).collect();
    let file = site.0.path().join("customers.csv");
    let path = file.to_str().unwrap().to_owned();
    fs::write(&file, format!("id,name,domains\n{all}")).unwrap();
    assert!(site.import(&[&path]).0);
    fs::write(&file, format!("id,name,domains\n{half}")).unwrap();
    let (ok, said) = site.import(&[&path]);
    assert!(!ok && said.contains("more than a tenth"), "{said}");
    assert_eq!(site.stored().customers.len(), 100);
    assert!(site.import(&["--allow-removals", &path]).0);
    assert_eq!(site.stored().customers.len(), 50);
}

/// As a working desk sees it: it holds the store open, and has read the register before.
#[tokio::test]
async fn an_import_beside_a_working_desk_counts_from_the_next_look() {
    let site = Site::new();
    let store = Store::open(&site.store(), NOW.parse().unwrap()).unwrap();
    assert!(store.register().await.unwrap().is_empty());
    let imported = site.import(&[&good("partners.csv"), &good("utf8.csv")]);
    assert!(imported.0, "{}", imported.1);
    let register = store.register().await.unwrap();
    assert_eq!(register.by_domain("minato.example.jp")[0].0.id(), "c-2");
    assert!(std::sync::Arc::ptr_eq(&register, &store.register().await.unwrap()), "packed once");
}

#[test]
fn two_imports_at_once_do_not_mix() {
    let site = Site::filled();
    let customer = Customer { id: "x".into(), name: "x".into(), ..Customer::default() };
    let change = RegisterChange { customers: vec![customer], ..RegisterChange::default() };
    let now = NOW.parse().unwrap();
    change_register(&site.store(), 1, &change, now).unwrap();
    assert!(matches!(change_register(&site.store(), 1, &change, now), Err(StoreError::RegisterChanged)));
    assert_eq!((site.stored().version, site.stored().customers.len()), (2, 3));
}

#[test]
fn who_tells_the_route_and_what_an_answer_may_say() {
    let site = Site::filled();
    for (who, kind, shown) in [
        ("taro+x@mail.aozora.example.jp", true, "direct customer (domain aozora.example.jp)"),
        ("Kanri@minato.example.jp", true, "customer of a partner (address)"),
        ("ob1001", true, "direct customer (contract number)"),
        ("taro@aoz0ra.example.jp", false, "looks like aozora.example.jp"),
        ("nobody@else.example", false, "unknown (not in the register)"),
    ] {
        let (ok, said, _) = site.run(&["who", who, "--at", NOW]);
        assert!(ok == kind && said.contains(shown), "{who}:\n{said}");
    }
    let (ok, said, _) = site.run(&["who", "kanri@minato.example.jp", "--at", "2027-04-01T10:00+09:00", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(!ok && said["route"]["doubt"] == "expired" && said["findings"][0]["holds"] == false, "{said}");
    assert_eq!(said["answers"][2]["template"], "acknowledge");
}

#[test]
fn a_missing_register_of_a_configuration_is_no_register() {
    assert!(matches!(read_register(Path::new("no/such/store.db")), Err(StoreError::Missing { .. })));
}
