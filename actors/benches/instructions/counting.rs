//! The process that is counted: makes one piece ready and does it, the work alone within one function.

use std::hint::black_box;

use crate::pieces::{Measure, Piece, measure_all};

/// Operations counted, at least: seeds of hash maps even out over so many.
const COUNTED: u64 = 4_096;

/// Operations done before: maps and buffers have their sizes then.
const WARM_UP: u64 = 256;

/// Callgrind counts only while this runs; it is looked for by its name.
#[inline(never)]
fn collected<P: Piece>(piece: &mut P) {
    piece.go();
    // Nothing of `go` may move behind the end of this function.
    black_box(piece);
}

/// How callgrind is told of [`collected`].
pub const COLLECTED: &str = "*counting::collected*";

/// Does the piece of this name.
pub fn run(name: &str) {
    measure_all(&mut Run(name));
}

struct Run<'a>(&'a str);

impl Measure for Run<'_> {
    fn measure<P: Piece>(&mut self, name: &'static str, make: fn() -> P) {
        if name != self.0 {
            return;
        }
        let mut piece = make();
        for _ in 0..WARM_UP.div_ceil(P::OPERATIONS) {
            piece.prepare();
            piece.go();
        }
        for _ in 0..goes::<P>() {
            piece.prepare();
            collected(&mut piece);
        }
    }
}

fn goes<P: Piece>() -> u64 {
    COUNTED.div_ceil(P::OPERATIONS)
}

/// How many operations the piece of this name is counted over.
pub fn operations(name: &str) -> u64 {
    let mut known = Known::default();
    measure_all(&mut known);
    known.0.into_iter().find(|(known, _)| *known == name).map_or(1, |(_, operations)| operations)
}

/// Every piece's name.
pub fn names() -> Vec<&'static str> {
    let mut known = Known::default();
    measure_all(&mut known);
    known.0.into_iter().map(|(name, _)| name).collect()
}

#[derive(Default)]
struct Known(Vec<(&'static str, u64)>);

impl Measure for Known {
    fn measure<P: Piece>(&mut self, name: &'static str, _: fn() -> P) {
        self.0.push((name, goes::<P>() * P::OPERATIONS));
    }
}
