//! The packs are embedded, and rust-embed follows only the files it found last time: new ones need a rebuild, too.

fn main() {
    println!("cargo:rerun-if-changed=rules");
    println!("cargo:rerun-if-changed=templates");
}
