//! Runs a target's committed seeds as an ordinary test: each as it is, cut after every byte, and with every byte
//! changed. That is no fuzzing, but it keeps targets and seeds alive on stable Rust.

use std::path::Path;

/// Beyond this many bytes of a seed nothing is cut or changed: large seeds are for the fuzzer.
const CHANGED: usize = 400;

/// Calls `run` for the seeds of `target`, a directory below `tests/fuzz/seeds` of the repository at `root`.
pub fn each(root: &str, target: &str, run: fn(&[u8])) {
    let directory = Path::new(root).join("tests/fuzz/seeds").join(target);
    let entries = std::fs::read_dir(&directory).expect("the seeds are in the repository");
    let mut seeds: Vec<_> = entries.map(|entry| entry.expect("a seed").path()).collect();
    seeds.sort();
    assert!(seeds.len() > 2, "{target} has seeds");
    for seed in seeds {
        println!("{}", seed.display());
        let bytes = std::fs::read(&seed).expect("a seed can be read");
        run(&bytes);
        for place in 0..bytes.len().min(CHANGED) {
            run(&bytes[..place]);
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= change;
                run(&changed);
            }
        }
    }
}
