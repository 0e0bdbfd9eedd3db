//! A second process for tests that need one: this test program again, running one test of its own that does nothing
//! unless it is called from here.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const STORE: &str = "MADOGUCHI_TEST_STORE";
const TASK: &str = "MADOGUCHI_TEST_TASK";

/// In the child: the store's path and what to do. None in an ordinary run of the test program.
pub fn task() -> Option<(PathBuf, String)> {
    Some((std::env::var_os(STORE)?.into(), std::env::var(TASK).ok()?))
}

/// Tells the parent something.
pub fn say(words: impl std::fmt::Display) {
    println!("\nchild: {words}");
}

/// Does nothing until the parent kills us.
pub fn wait_for_death() -> ! {
    loop {
        std::thread::park();
    }
}

pub struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Runs the test `name` in a new process. `shell` is put before it: `ulimit …; exec "$@"` or the like.
    pub fn start(name: &str, store: &Path, task: &str, shell: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", shell, "sh"]).arg(std::env::current_exe().unwrap());
        command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
        command.env(STORE, store).env(TASK, task).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Process { child, lines }
    }

    /// What the child says next; none at its end.
    pub fn said(&mut self) -> Option<String> {
        self.lines.by_ref().map(Result::unwrap).find_map(|line| line.strip_prefix("child: ").map(str::to_owned))
    }

    /// SIGKILL, and what it still said before.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        std::iter::from_fn(|| self.said()).collect()
    }

    /// Waits for its own end; true if it was a good one.
    pub fn end(mut self) -> bool {
        while self.said().is_some() {}
        self.child.wait().unwrap().success()
    }
}

/// A test that fails leaves no process behind.
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
