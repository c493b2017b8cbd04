//! `instructions.toml`: the counts that later ones are held against, and what they were made with. One line a
//! case, so that a change of it shows in a diff as what it is. Of TOML only `key = value` lines are read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEAD: &str = "\
# Instructions per operation of the hot pieces, as callgrind counts them (see instructions.rs).
# Written by `make bench-instructions ARGS=--accept`; say in the commit why a count rose.
";

/// Where the baseline is.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.toml")
}

/// What counts depend on besides this program: the compiler and the processor's kind.
pub fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!("{} on {}", version.unwrap_or_else(|_| "rustc unknown".to_owned()), std::env::consts::ARCH)
}

/// The committed counts.
pub struct Baseline {
    made_with: String,
    /// In the file's order.
    counts: Vec<(String, f64)>,
}

impl Baseline {
    /// Reads it; without a file it is empty.
    pub fn read() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_default();
        let mut baseline = Self { made_with: String::new(), counts: Vec::new() };
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let (key, value) = (key.trim().trim_matches('"'), value.trim().trim_matches('"'));
            if key == "made_with" {
                value.clone_into(&mut baseline.made_with);
            } else if let Ok(count) = value.parse() {
                baseline.counts.push((key.to_owned(), count));
            }
        }
        baseline
    }

    /// Whether counts of this compiler may be held against it.
    pub fn made_here(&self) -> Result<(), String> {
        if self.made_with == compiler() {
            return Ok(());
        }
        Err(format!("the baseline was made with {:?}", self.made_with))
    }

    /// The count of a case.
    pub fn of(&self, name: &str) -> Option<f64> {
        self.counts.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
    }

    /// Takes counts over, in the order of `names`; cases that are there no more go.
    pub fn accept(&mut self, counted: &[(&str, f64)], names: &[&str]) {
        if self.made_here().is_err() {
            self.counts.clear(); // counts of two compilers do not belong together
        }
        let of = |name: &str| counted.iter().find(|(known, _)| *known == name).map(|(_, count)| *count);
        let kept = names.iter().filter_map(|name| Some(((*name).to_owned(), of(name).or(self.of(name))?)));
        self.counts = kept.collect();
        self.made_with = compiler();
        let mut text = format!("{HEAD}made_with = \"{}\"\n\n[instructions]\n", self.made_with);
        for (name, count) in &self.counts {
            text.push_str(&format!("\"{name}\" = {count:.1}\n"));
        }
        fs::write(path(), text).unwrap();
    }
}
