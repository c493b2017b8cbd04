//! `docs/benchmarks/README.md`, made from the results.

use std::fmt::Write;

use super::aims::verdicts;
use super::figures::median;
use super::plots::Drawn;
use super::results::{Churn, Results, Scenario};
use super::run::BUSY;
use super::scale::grouped;

const MADE: &str = "<!-- Made by `make bench` (benches/service/page.rs) from results.json; do not edit. -->";

const QUICK: &str = "**A quick run: it shows that the suite works. Its figures mean nothing.**\n\n";

const METHOD: &str = "\
The service is the release binary, a process of its own, on a fresh embedded RocksDB store, fsync on every commit,
with default settings. *The ceiling* is an actix-web handler with the same server settings that reads the same
bytes, parses the JSON, and answers the same bytes. Service and ceiling are measured in turn, round by round; shares
are medians over rounds next to each other, percentiles cover the requests of all rounds. A request that is refused
or fails ends its stage. Requests that can be made only once (withdrawals, new reservations, cold conversations) are
measured over 64 connections, and one after another where that is the question.

The load generator is one thread that shares the cores with the server. The columns *cores* show how many cores
server and generator kept busy; where the generator's is near 1, it and not the server may be what limits
requests/s (marked *), and the share by CPU, in which the generator has no part, is the one to look at.

";

/// The page.
pub fn page(results: &Results, drawn: &[Drawn]) -> String {
    let mut page = format!("# Benchmarks\n\n{MADE}\n\n");
    if results.quick {
        page.push_str(QUICK);
    }
    page.push_str(METHOD);
    about(&mut page, results);
    aims(&mut page, results);
    for drawn in drawn {
        let _ = write!(page, "![{}]({})\n\n", drawn.title, drawn.file);
    }
    scenarios(&mut page, results);
    comparisons(&mut page, results);
    open_loop(&mut page, results);
    overload(&mut page, results);
    cost(&mut page, results);
    cores(&mut page, results);
    repeat(&mut page, results);
    page
}

fn about(page: &mut String, results: &Results) {
    let machine = &results.machine;
    table(page, &["Run", ""]);
    row(page, &["Date".into(), format!("{}, {:.0} minutes", results.date, results.minutes)]);
    row(page, &["Processor".into(), format!("{}, {} cores", machine.cpu, machine.cores)]);
    row(page, &["Memory".into(), format!("{} GiB", machine.memory_gib)]);
    row(page, &["Kernel, filesystem".into(), format!("Linux {}, {}", machine.kernel, machine.filesystem)]);
    for (name, version) in &results.versions {
        row(page, &[name.clone(), version.clone()]);
    }
    let rounds = format!("{} of {} s for each of service and ceiling", results.rounds, results.round_seconds);
    row(page, &["Rounds".into(), rounds]);
    let others: Vec<f64> = results.scenarios.iter().map(|scenario| scenario.service.other_cores).collect();
    let busiest = others.iter().copied().fold(0.0, f64::max);
    let others = format!("{:.2} cores (median of scenarios), {busiest:.2} at most", median(&others));
    row(page, &["Everything else on the machine".into(), others]);
    page.push('\n');
}

fn aims(page: &mut String, results: &Results) {
    page.push_str("## Aims\n\n");
    table(page, &["Aim", "wanted", "measured", ""]);
    for verdict in verdicts(results) {
        let word = match verdict.word() {
            "not met" => "**not met**",
            other => other,
        };
        let wanted = verdict.aim.wanted.show(verdict.aim.unit);
        row(page, &[verdict.aim.what.into(), wanted, verdict.measured(), word.into()]);
    }
    page.push('\n');
    for failure in &results.failures {
        let _ = writeln!(page, "- **A stage failed.** {failure}");
    }
    for note in &results.notes {
        let _ = writeln!(page, "- {note}");
    }
    page.push('\n');
}

fn scenarios(page: &mut String, results: &Results) {
    if results.scenarios.is_empty() {
        return;
    }
    page.push_str("## Every scenario as a share of its ceiling\n\nClosed loop.\n\n");
    table(
        page,
        &[
            "Scenario",
            "conn.",
            "requests/s",
            "ceiling",
            "share",
            "share by CPU",
            "server CPU s per 1,000",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms",
            "server cores",
            "generator cores",
            "in ceiling",
        ],
    );
    for scenario in &results.scenarios {
        row(page, &scenario_cells(scenario));
    }
    page.push('\n');
}

fn scenario_cells(scenario: &Scenario) -> Vec<String> {
    let (service, ceiling) = (&scenario.service, &scenario.ceiling);
    let limited = |cores: f64| format!("{cores:.2}{}", if cores > BUSY { "*" } else { "" });
    vec![
        scenario.title.clone(),
        scenario.connections.to_string(),
        whole(service.per_second),
        whole(ceiling.per_second),
        percent(scenario.share),
        percent(scenario.share_cpu),
        format!("{:.3}", service.server_cpu_us / 1_000.0),
        format!("{:.2}", service.p50_ms),
        format!("{:.2}", service.p99_ms),
        format!("{:.2}", service.p999_ms),
        format!("{:.1}", service.max_ms),
        format!("{:.2}", service.server_cores),
        limited(service.generator_cores),
        limited(ceiling.generator_cores),
    ]
}

fn comparisons(page: &mut String, results: &Results) {
    if results.comparisons.is_empty() {
        return;
    }
    page.push_str("## Large against small\n\nThe aim is held against the larger of the two.\n\n");
    table(page, &["", "by requests/s", "by server CPU"]);
    for comparison in &results.comparisons {
        let (rate, cpu) = (format!("{:.2}x", comparison.by_rate), format!("{:.2}x", comparison.by_cpu));
        row(page, &[comparison.title.clone(), rate, cpu]);
    }
    page.push('\n');
}

fn open_loop(page: &mut String, results: &Results) {
    if results.open_loop.is_empty() {
        return;
    }
    page.push_str(
        "## Open loop: fixed rates\n\nRequests arrive on schedule whatever the server does, over 64 connections; latency \
         counts from the moment a request was due.\n\n",
    );
    table(
        page,
        &[
            "Scenario",
            "Load",
            "offered/s",
            "done/s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms",
            "server cores",
            "generator cores",
            "bytes per commit",
        ],
    );
    for rate in &results.open_loop {
        let service = &rate.service;
        row(
            page,
            &[
                rate.title.clone(),
                percent(rate.load),
                whole(rate.offered),
                whole(service.per_second),
                format!("{:.2}", service.p50_ms),
                format!("{:.2}", service.p99_ms),
                format!("{:.2}", service.p999_ms),
                format!("{:.1}", service.max_ms),
                format!("{:.2}", service.server_cores),
                format!("{:.2}", service.generator_cores),
                whole(rate.commit_bytes),
            ],
        );
    }
    if let Some(fsync) = &results.fsync {
        let _ = write!(
            page,
            "\nThe disk alone, quiet, {} appends of {} bytes with fsync: p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms.\n",
            grouped(fsync.times),
            grouped(fsync.bytes),
            fsync.p50_ms,
            fsync.p99_ms,
            fsync.max_ms
        );
    }
    page.push('\n');
}

fn overload(page: &mut String, results: &Results) {
    let Some(overload) = &results.overload else { return };
    let _ = write!(
        page,
        "## Overload: three times what can be done\n\n{} clients, for {} s; the service may hold {} commands \
         (`admission.service_capacity`), more are refused, and what arrives while every client waits is given up there.\n\n",
        grouped(overload.clients),
        overload.seconds,
        grouped(overload.capacity)
    );
    let heads =
        ["best/s", "offered/s", "done/s", "refused/s", "no client free/s", "p50 ms", "p99 ms", "max ms"];
    table(page, &heads);
    let rates =
        [overload.best, overload.offered, overload.done, overload.refused, overload.given_up].map(whole);
    let times = [overload.p50_ms, overload.p99_ms, overload.max_ms].map(|ms| format!("{ms:.1}"));
    row(page, &[rates.as_slice(), times.as_slice()].concat());
    let [before, most, after] = overload.resident.map(|bytes| bytes >> 20);
    let _ = write!(
        page,
        "\nResident memory: {before} MiB before, {most} MiB at most, {after} MiB five seconds after.\n\n"
    );
}

fn cost(page: &mut String, results: &Results) {
    page.push_str("## What the server costs\n\n");
    if !results.allocations.is_empty() {
        table(page, &["Request (work behind it included)", "allocations", "bytes allocated"]);
        for allocation in &results.allocations {
            let (number, bytes) = (whole(allocation.allocations), whole(allocation.bytes));
            row(page, &[allocation.title.clone(), number, bytes]);
        }
        page.push('\n');
    }
    if !results.heap.is_empty() {
        table(page, &["Heap, active and idle", "weighed", "bytes each"]);
        for weight in &results.heap {
            row(page, &[weight.title.clone(), grouped(weight.conversations), whole(weight.bytes)]);
        }
        page.push('\n');
    }
    if !results.memory.is_empty() {
        table(page, &["Resident memory", "conversations", "inboxes", "MiB"]);
        for memory in &results.memory {
            let mib = format!("{:.1}", memory.resident as f64 / f64::from(1 << 20));
            let (conversations, inboxes) =
                (grouped(memory.conversations as usize), grouped(memory.inboxes as usize));
            row(page, &[memory.title.clone(), conversations, inboxes, mib]);
        }
        page.push('\n');
    }
    if let Some(Churn { activations, seconds, before, after }) = &results.churn {
        let [before, after] =
            [before, after].map(|bytes| format!("{:.1}", *bytes as f64 / f64::from(1 << 20)));
        let (times, rate) = (grouped(*activations as usize), whole(*activations as f64 / seconds));
        page.push_str(&format!(
            "{times} times a conversation was activated, read and put away, {rate} a second: resident memory {before} MiB \
             before, {after} MiB after.\n\n"
        ));
    }
    if !results.disk.is_empty() {
        table(page, &["Disk", "messages", "bytes", "bytes per message"]);
        for disk in &results.disk {
            let each = whole(disk.bytes as f64 / disk.messages as f64);
            let (messages, bytes) = (grouped(disk.messages as usize), grouped(disk.bytes as usize));
            row(page, &[disk.title.clone(), messages, bytes, each]);
        }
        page.push('\n');
    }
    if !results.starts.is_empty() {
        table(page, &["Start, until ready", "seconds"]);
        for start in &results.starts {
            let seconds: Vec<String> = start.seconds.iter().map(|value| format!("{value:.2}")).collect();
            row(page, &[start.title.clone(), seconds.join(", ")]);
        }
        page.push('\n');
    }
}

fn cores(page: &mut String, results: &Results) {
    if results.cores.is_empty() {
        return;
    }
    page.push_str(
        "## Two cores against one\n\nmessageAdd over warm conversations, confined by taskset, once it is under full load for as \
         long as the overload lasts: what can last, snapshots included. On a machine with two cores the load \
         generator takes part of them in any case: where only the server is confined, it has a whole core for itself \
         beside a server on one core and none beside a server on two. The aim is held against the first line.\n\n",
    );
    table(
        page,
        &[
            "",
            "1 core: requests/s",
            "server / generator",
            "2 cores: requests/s",
            "server / generator",
            "factor",
        ],
    );
    for cores in &results.cores {
        let busy = |figures: &super::figures::Figures| {
            format!("{:.2} / {:.2}", figures.server_cores, figures.generator_cores)
        };
        row(
            page,
            &[
                cores.title.clone(),
                whole(cores.one.per_second),
                busy(&cores.one),
                whole(cores.two.per_second),
                busy(&cores.two),
                format!("{:.2}x", cores.factor),
            ],
        );
    }
    page.push('\n');
}

fn repeat(page: &mut String, results: &Results) {
    let _ = write!(
        page,
        "## How to repeat\n\n```\nmake bench                                            # all of it, some {:.0} minutes\n\
         cargo bench --bench service -- --quick                # does the suite work? 2 minutes\n\
         cargo bench --bench service -- --only pairs,people    # some stages, nothing is written\n\
         cargo bench --bench service -- --render               # page and plots again from results.json\n```\n\n\
         The machine must be otherwise idle. Ratios can be compared between machines, absolute figures cannot.\n\
         Everything that was measured is in [results.json](results.json), every round's figures included.\n",
        results.minutes.max(1.0)
    );
}

fn table(page: &mut String, head: &[&str]) {
    let _ = writeln!(page, "| {} |", head.join(" | "));
    let lines: Vec<&str> =
        head.iter().enumerate().map(|(index, _)| if index == 0 { "---" } else { "---:" }).collect();
    let _ = writeln!(page, "|{}|", lines.join("|"));
}

fn row(page: &mut String, cells: &[String]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn whole(value: f64) -> String {
    grouped(value.round().max(0.0) as usize)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
