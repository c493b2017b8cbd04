//! What may be asked of the benchmark.

use std::path::{Path, PathBuf};

/// What a run was asked for.
pub struct Options {
    /// Short rounds and small populations: shows that the suite works, not how fast the service is.
    pub quick: bool,
    /// Only these stages; empty = all.
    pub only: Vec<String>,
    /// The length of a round, if it was given.
    pub seconds: Option<f64>,
    /// Writes the results.
    pub write: bool,
    /// Only makes page and plots again, from results written earlier.
    pub render: bool,
    /// Where results are written.
    pub into: PathBuf,
}

/// What stands there is one whole run.
const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks");

const USAGE: &str = "\
usage: cargo bench --bench service -- [--quick] [--only STAGE[,STAGE]] [--seconds N] [--write] [--into DIR]
       cargo bench --bench service -- --render [--into DIR]";

impl Options {
    pub fn read(stages: &[&str]) -> Self {
        let mut options = Self {
            quick: false,
            only: Vec::new(),
            seconds: None,
            write: false,
            render: false,
            into: PathBuf::from(PUBLISHED),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| refuse(&argument));
            match argument.as_str() {
                "--bench" => {} // cargo says it to every benchmark
                "--quick" => options.quick = true,
                "--write" => options.write = true,
                "--render" => options.render = true,
                "--only" => options.only = value().split(',').map(str::to_owned).collect(),
                "--seconds" => {
                    options.seconds = Some(value().parse().unwrap_or_else(|_| refuse("--seconds")))
                }
                "--into" => options.into = PathBuf::from(value()),
                other => refuse(other),
            }
        }
        let whole = !options.quick && options.only.is_empty();
        if options.write && !whole && options.into == Path::new(PUBLISHED) {
            eprintln!("a part of a run, or a quick one, is written only --into a folder of its own");
            std::process::exit(2);
        }
        if let Some(unknown) = options.only.iter().find(|name| !stages.contains(&name.as_str())) {
            eprintln!("no stage {unknown:?}; there are: {}", stages.join(", "));
            std::process::exit(2);
        }
        options
    }

    pub fn wants(&self, stage: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == stage)
    }
}

fn refuse(argument: &str) -> ! {
    eprintln!("cannot understand {argument:?}\n{USAGE}");
    std::process::exit(2);
}
