//! A real Dovecot with a folder and ports of its own, for as long as a test runs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]
#![allow(dead_code, reason = "every test file uses its own part")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use madoguchi::mailbox::ImapSettings;
use madoguchi::net::Tls;
use tempfile::TempDir;

pub const USER: &str = "desk@example.jp";
/// Every kind of character that a sloppy LOGIN trips over.
pub const PASSWORD: &str = r#"p"a\ss {5} %u 窓口"#;

/// Folders of a Japanese mail program, found by their marks only.
pub const MARKED: &str = r#"
  mailbox "下書きフォルダ" {
    auto = create
    special_use = \Drafts
  }
  mailbox "Out" {
    auto = create
    special_use = \Sent
  }
"#;

pub struct Dovecot {
    dir: TempDir,
    pub port: u16,
    pub tls_port: u16,
    child: Option<Child>,
    mail_owner: u32,
    delivered: AtomicU32,
}

impl Dovecot {
    pub fn start() -> Dovecot {
        Dovecot::start_with(MARKED, "")
    }

    /// `folders`: `mailbox` blocks of the namespace. `extra`: settings at the top level.
    pub fn start_with(folders: &str, extra: &str) -> Dovecot {
        let dir = tempfile::tempdir().unwrap();
        let is_root = fs::metadata(dir.path()).unwrap().uid() == 0;
        // Dovecot's login processes run as somebody else, and it refuses to let root own mail.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mail_owner = if is_root { 65534 } else { fs::metadata(dir.path()).unwrap().uid() };
        let mut dovecot = Dovecot { dir, port: 0, tls_port: 0, child: None, mail_owner, delivered: AtomicU32::new(0) };
        dovecot.write_certificate();
        dovecot.make_mailbox();
        for _ in 0..5 {
            (dovecot.port, dovecot.tls_port) = free_ports();
            dovecot.write_config(is_root, folders, extra);
            if dovecot.try_start() {
                return dovecot;
            }
        }
        panic!("dovecot does not start:\n{}", dovecot.log());
    }

    /// Ends the server as an operator would: clients get a BYE.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let told = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        assert!(told.is_ok_and(|status| status.success()), "cannot stop dovecot");
        child.wait().unwrap();
    }

    /// Ends every process of the server at once, as a power cut would.
    pub fn crash(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let killed = Command::new("kill").arg("-KILL").arg("--").arg(format!("-{}", child.id())).status();
        assert!(killed.is_ok_and(|status| status.success()), "cannot kill dovecot");
        child.wait().unwrap();
    }

    /// Holds every process of the server where it is: connections stay, and nothing is answered.
    pub fn freeze(&self) {
        let Some(child) = &self.child else { return };
        let held = Command::new("kill").arg("-STOP").arg("--").arg(format!("-{}", child.id())).status();
        assert!(held.is_ok_and(|status| status.success()), "cannot hold dovecot");
    }

    /// Starts again on the same ports and the same mail, after a crash if it was running.
    pub fn restart(&mut self) {
        self.crash();
        unlock(self.dir.path());
        assert!(self.try_start(), "dovecot does not start again:\n{}", self.log());
    }

    /// From the next login on.
    pub fn change_password(&self, password: &str) {
        fs::write(self.dir.path().join("users"), format!("{USER}:{password}\n")).unwrap();
    }

    /// Plain text to 127.0.0.1, home folder INBOX.
    pub fn settings(&self) -> ImapSettings {
        ImapSettings {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            tls: Tls::None,
            user: USER.to_owned(),
            credential: PASSWORD.into(),
            folder: "INBOX".to_owned(),
            poll: Duration::from_secs(600),
            noop: None,
            timeout: Duration::from_secs(20),
            head_bytes: 64 * 1024,
        }
    }

    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    pub fn maildir(&self) -> PathBuf {
        self.dir.path().join("mail/Maildir")
    }

    /// Delivers to INBOX as an MTA does, through `tmp/` and `new/`.
    pub fn deliver(&self, raw: &[u8]) {
        self.deliver_sparse(raw, 0);
    }

    /// Delivers a mail of `head` and `hole` bytes of nothing, which take no disk.
    pub fn deliver_sparse(&self, head: &[u8], hole: u64) {
        let number = self.delivered.fetch_add(1, Ordering::Relaxed);
        let name = format!("17{number:08}.M{number}.test");
        let written = self.maildir().join("tmp").join(&name);
        fs::write(&written, head).unwrap();
        fs::File::options().write(true).open(&written).unwrap().set_len(head.len() as u64 + hole).unwrap();
        self.give_to_owner(&written);
        fs::rename(written, self.maildir().join("new").join(name)).unwrap();
    }

    /// What another mail program of the desk would see or do; trimmed standard output.
    pub fn doveadm(&self, args: &[&str]) -> String {
        let (command, rest) = args.split_first().unwrap();
        let mut doveadm = Command::new("doveadm");
        doveadm.arg("-c").arg(self.config()).args(command.split(' ')).args(["-u", USER]).args(rest);
        let output = doveadm.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "{args:?}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Gives all mail files to the server, as they are where one user runs both.
    pub fn own_mail(&self) {
        let owner = format!("{0}:{0}", self.mail_owner);
        let status = Command::new("chown").arg("-R").arg(owner).arg(self.maildir()).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot give the mail to dovecot");
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("dovecot.conf")
    }

    fn give_to_owner(&self, path: &Path) {
        chown(path, Some(self.mail_owner), Some(self.mail_owner)).unwrap();
    }

    fn make_mailbox(&self) {
        for part in ["mail", "mail/Maildir", "mail/Maildir/new", "mail/Maildir/cur", "mail/Maildir/tmp"] {
            let part = self.dir.path().join(part);
            fs::create_dir(&part).unwrap();
            self.give_to_owner(&part);
        }
        fs::write(self.dir.path().join("users"), format!("{USER}:{PASSWORD}\n")).unwrap();
    }

    fn write_certificate(&self) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certified = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(self.ca_file(), certified.cert.pem()).unwrap();
        fs::write(self.dir.path().join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    }

    fn write_config(&self, is_root: bool, folders: &str, extra: &str) {
        let dir = self.dir.path().display();
        let Dovecot { port, tls_port, mail_owner: owner, .. } = self;
        let rootless = if is_root { String::new() } else { rootless() };
        let config = format!(
            r#"base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = no
auth_username_format = %u
mail_location = maildir:{dir}/mail/Maildir
first_valid_uid = 1
first_valid_gid = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={dir}/mail
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
{folders}
}}
{rootless}
{extra}
"#
        );
        fs::write(self.config(), config).unwrap();
    }

    /// False if the ports were taken meanwhile.
    fn try_start(&mut self) -> bool {
        let mut server = Command::new("dovecot");
        server.arg("-F").arg("-c").arg(self.config()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        server.process_group(0);
        let mut child = server.spawn().expect("dovecot is not installed");
        for _ in 0..2000 {
            if greets(self.port) {
                self.child = Some(child);
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }
}

/// A server that is killed while it makes an index leaves the lock behind, and the next one waits two minutes for nobody.
fn unlock(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&path);
        } else if path.extension().is_some_and(|extension| extension == "lock") {
            _ = fs::remove_file(path);
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("dovecot's log:\n{}", self.log());
        }
        self.crash();
    }
}

fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut greeting = String::new();
    BufReader::new(stream).read_line(&mut greeting).is_ok() && greeting.starts_with("* OK")
}

fn free_ports() -> (u16, u16) {
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (one, two) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    (port(&one), port(&two))
}

/// What Dovecot needs to run entirely as the user who runs the tests.
fn rootless() -> String {
    let id = |flag: &str| {
        let output = Command::new("id").arg(flag).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let (user, group) = (id("-un"), id("-gn"));
    format!(
        "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
         service anvil {{\n  chroot =\n}}\nservice imap-login {{\n  chroot =\n}}\n"
    )
}
