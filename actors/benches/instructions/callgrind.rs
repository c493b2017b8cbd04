//! Runs this program once more under callgrind and reads how many instructions it counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{COUNTED, counting};

/// Where the profiles are put.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions")
}

/// Which valgrind there is.
pub fn version() -> Result<String, String> {
    let output = Command::new("valgrind").arg("--version").output().map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The instructions that one operation of a case takes.
pub fn count(name: &str) -> f64 {
    fs::create_dir_all(folder()).unwrap();
    let profile = folder().join(format!("{}.out", name.replace('/', ".")));
    let program = std::env::current_exe().unwrap();
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg("--cache-sim=no")
        .arg("--branch-sim=no")
        .arg(format!("--toggle-collect={}", counting::COLLECTED))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args([COUNTED, name])
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let counted = total(&fs::read_to_string(&profile).unwrap());
    assert!(counted > 0, "{name}: nothing was counted; is {} in the program?", counting::COLLECTED);
    counted as f64 / counting::operations(name) as f64
}

/// The sum over all threads; only one does counted work.
fn total(profile: &str) -> u64 {
    let line = profile.lines().find_map(|line| line.strip_prefix("totals:"));
    line.and_then(|line| line.trim().parse().ok()).unwrap_or_default()
}
