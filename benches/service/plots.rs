//! The plots of `docs/benchmarks/`: SVG on a white ground, so that they can be read on a dark page as well.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::results::{Rate, Results, Scenario};

/// A plot that was drawn.
pub struct Drawn {
    pub title: &'static str,
    pub file: &'static str,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SERVICE: RGBColor = RGBColor(31, 119, 180);
const PALE: RGBColor = RGBColor(158, 202, 225);
const WARM: RGBColor = RGBColor(230, 120, 20);
const DARK: RGBColor = RGBColor(180, 30, 40);
const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(215, 215, 215);

const FONT: &str = "sans-serif";

/// Pixels: the column of names, the rows, the margins.
const NAMES: i32 = 400;
const ROW: i32 = 26;
const TOP: i32 = 64;
const RIGHT: i32 = 60;
const WIDTH: i32 = 1_000;

/// Draws what the results have figures for.
pub fn draw(into: &Path, results: &Results) -> Vec<Drawn> {
    let mut drawn = Vec::new();
    if !results.scenarios.is_empty() {
        drawn.push(Drawn { title: "Throughput as a share of the ceiling", file: "share.svg" });
        shares(&into.join("share.svg"), &results.scenarios);
        drawn.push(Drawn { title: "Latency by scenario", file: "percentiles.svg" });
        percentiles(&into.join("percentiles.svg"), &results.scenarios);
    }
    if results.open_loop.len() > 1 {
        drawn.push(Drawn { title: "Latency against the offered rate", file: "open-loop.svg" });
        open_loop(&into.join("open-loop.svg"), results);
    }
    drawn
}

fn text(size: i32, colour: &RGBColor, at: Pos) -> TextStyle<'static> {
    (FONT, size).into_font().color(colour).pos(at)
}

fn left() -> Pos {
    Pos::new(HPos::Left, VPos::Center)
}

fn middle() -> Pos {
    Pos::new(HPos::Center, VPos::Center)
}

fn right() -> Pos {
    Pos::new(HPos::Right, VPos::Center)
}

fn write(area: &Area<'_>, words: &str, at: (i32, i32), style: TextStyle<'static>) {
    area.draw(&Text::new(words.to_owned(), at, style)).expect("drawn");
}

fn name(scenario: &Scenario) -> String {
    format!("{} ({})", scenario.title, scenario.connections)
}

/// A row for each scenario under a title; `rows` pixels below [`TOP`].
fn rows<'a>(path: &'a Path, scenarios: &[Scenario], title: &str) -> Area<'a> {
    let height = TOP + ROW * scenarios.len() as i32 + 40;
    let area = SVGBackend::new(path, (WIDTH as u32, height as u32)).into_drawing_area();
    area.fill(&WHITE).expect("drawn");
    write(&area, title, (20, 22), text(20, &INK, left()));
    for (index, scenario) in scenarios.iter().enumerate() {
        write(&area, &name(scenario), (NAMES - 10, middle_of(index)), text(13, &INK, right()));
    }
    area
}

fn middle_of(row: usize) -> i32 {
    TOP + ROW * row as i32 + ROW / 2
}

fn line(area: &Area<'_>, from: (i32, i32), to: (i32, i32), colour: RGBColor) {
    area.draw(&PathElement::new(vec![from, to], colour.stroke_width(1))).expect("drawn");
}

fn bar(area: &Area<'_>, from: (i32, i32), to: (i32, i32), colour: RGBColor) {
    area.draw(&Rectangle::new([from, to], colour.filled())).expect("drawn");
}

fn shares(path: &Path, scenarios: &[Scenario]) {
    let area = rows(path, scenarios, "Throughput as a share of the ceiling (connections in brackets)");
    let bottom = TOP + ROW * scenarios.len() as i32;
    let largest = scenarios.iter().map(|scenario| scenario.share.max(scenario.share_cpu)).fold(1.0, f64::max);
    let width = f64::from(WIDTH - NAMES - RIGHT);
    let x = |share: f64| NAMES + (share / largest * width) as i32;
    for percent in [0, 25, 50, 75, 100] {
        let at = x(f64::from(percent) / 100.0);
        line(&area, (at, TOP), (at, bottom), GRID);
        write(&area, &format!("{percent} %"), (at, bottom + 14), text(12, &INK, middle()));
    }
    for (index, scenario) in scenarios.iter().enumerate() {
        let y = middle_of(index);
        bar(&area, (NAMES, y - 9), (x(scenario.share), y + 2), SERVICE);
        bar(&area, (NAMES, y + 3), (x(scenario.share_cpu), y + 8), PALE);
        let end = x(scenario.share.max(scenario.share_cpu));
        let label = format!("{:.0} %", scenario.share * 100.0);
        write(&area, &label, (end + 6, y), text(12, &INK, left()));
    }
    legend(&area, &[("requests/s", SERVICE), ("CPU time of the server", PALE)]);
}

/// Under the title.
fn legend(area: &Area<'_>, entries: &[(&str, RGBColor)]) {
    let mut at = NAMES;
    for (words, colour) in entries {
        bar(area, (at, 40), (at + 12, 52), *colour);
        write(area, words, (at + 18, 46), text(13, &INK, left()));
        at += 40 + 8 * words.len() as i32;
    }
}

fn percentiles(path: &Path, scenarios: &[Scenario]) {
    let area = rows(path, scenarios, "Latency by scenario, closed loop (connections in brackets)");
    let bottom = TOP + ROW * scenarios.len() as i32;
    let smallest =
        scenarios.iter().map(|scenario| scenario.service.p50_ms).fold(f64::MAX, f64::min).max(0.001);
    let largest = scenarios.iter().map(|scenario| scenario.service.p999_ms).fold(0.0, f64::max).max(1.0);
    let (low, high) = (smallest.log10().floor(), largest.log10().ceil());
    let width = f64::from(WIDTH - NAMES - RIGHT);
    let x = |ms: f64| NAMES + ((ms.log10() - low) / (high - low) * width) as i32;
    for power in low as i32..=high as i32 {
        let ms = 10_f64.powi(power);
        line(&area, (x(ms), TOP), (x(ms), bottom), GRID);
        write(&area, &format!("{ms} ms"), (x(ms), bottom + 14), text(12, &INK, middle()));
    }
    for (index, scenario) in scenarios.iter().enumerate() {
        let (y, service) = (middle_of(index), &scenario.service);
        line(&area, (x(service.p50_ms), y), (x(service.p999_ms), y), INK);
        for (ms, colour) in [(service.p50_ms, SERVICE), (service.p99_ms, WARM), (service.p999_ms, DARK)] {
            area.draw(&Circle::new((x(ms), y), 5, colour.filled())).expect("drawn");
        }
    }
    legend(&area, &[("p50", SERVICE), ("p99", WARM), ("p99.9", DARK)]);
}

fn open_loop(path: &Path, results: &Results) {
    let rates: Vec<&Rate> = results.open_loop.iter().filter(|rate| rate.id == "add").collect();
    let area = SVGBackend::new(path, (WIDTH as u32, 480)).into_drawing_area();
    area.fill(&WHITE).expect("drawn");
    let fsync = results.fsync.as_ref().map_or(0.0, |fsync| fsync.p99_ms);
    let most = rates.iter().map(|rate| rate.service.p999_ms).fold(fsync, f64::max) * 1.5;
    let lowest = if fsync > 0.0 { fsync } else { f64::MAX };
    let least = rates.iter().map(|rate| rate.service.p50_ms).fold(lowest, f64::min) / 1.5;
    let furthest = rates.iter().map(|rate| rate.offered).fold(0.0, f64::max) * 1.05;
    let mut chart = ChartBuilder::on(&area)
        .caption("Durable messageAdd: latency against the offered rate (open loop)", (FONT, 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..furthest, (least..most).log_scale())
        .expect("axes");
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .x_desc("requests offered per second")
        .y_desc("milliseconds")
        .label_style((FONT, 13))
        .x_label_formatter(&|rate| format!("{rate:.0}"))
        .y_labels(10)
        .y_label_formatter(&|ms| format!("{}", (ms * 100.0).round() / 100.0))
        .draw()
        .expect("drawn");
    let lines = [("p50", SERVICE), ("p99", WARM), ("p99.9", DARK)];
    for (number, (words, colour)) in lines.into_iter().enumerate() {
        let of = |rate: &Rate| [rate.service.p50_ms, rate.service.p99_ms, rate.service.p999_ms][number];
        let points: Vec<(f64, f64)> = rates.iter().map(|rate| (rate.offered, of(rate))).collect();
        let series = LineSeries::new(points, colour.stroke_width(2)).point_size(4);
        chart
            .draw_series(series)
            .expect("drawn")
            .label(words)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    if fsync > 0.0 {
        let level = LineSeries::new([(0.0, fsync), (furthest, fsync)], INK.stroke_width(1));
        let legend = |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], INK.stroke_width(1));
        chart.draw_series(level).expect("drawn").label("the disk's own fsync p99").legend(legend);
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font((FONT, 13))
        .background_style(WHITE)
        .border_style(GRID)
        .draw()
        .expect("drawn");
}
