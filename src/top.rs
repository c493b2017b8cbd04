//! `messagecenter top`: the service at a glance in a terminal, over the admin API. Plain escape sequences: it draws a page
//! every second on the alternate screen and leaves the terminal as it was.
//!
//! - [`client`]: asks the admin listener;
//! - [`screen`]: makes the page of what was answered.

pub mod client;
pub mod screen;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use client::{Asked, Client};
use screen::{Look, Page};

/// How long the hottest actors are measured; with the drawing, a page takes a little longer.
const MEASURED_MS: u64 = 1_000;

/// Clears the alternate screen and goes to its beginning.
const CLEAR: &str = "\x1b[2J\x1b[H";
/// Takes the alternate screen and hides the cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the admin listener is: `host:port`.
    pub address: String,
    /// A token of it.
    pub token: String,
    /// What makes an actor hot: `rate`, `wait` or `restarts`.
    pub by: String,
    /// Print one page and end.
    pub once: bool,
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// The admin listener did not answer, or said no.
    #[error(transparent)]
    Asked(#[from] Asked),
    /// The terminal cannot be written to.
    #[error("cannot write to the terminal: {0}")]
    Output(#[from] io::Error),
}

/// Shows page after page until interrupted, or one.
///
/// # Errors
/// The first look fails; a later one that fails is shown and tried again.
pub async fn run(options: &Options, output: &mut (dyn Write + Send)) -> Result<(), TopError> {
    let client = Client::new(&options.address, &options.token);
    let mut last = look(&client, options).await?;
    if options.once {
        let page =
            screen::draw(&Page { address: &options.address, by: &options.by, now: &last, before: None });
        for line in page {
            writeln!(output, "{line}")?;
        }
        return Ok(());
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    output.write_all(ENTER.as_bytes())?;
    let outcome = loop {
        let next = tokio::select! {
            next = look(&client, options) => next,
            _ = interrupt.recv() => break Ok(()),
            _ = terminate.recv() => break Ok(()),
        };
        let lines = match next {
            Ok(now) => {
                let page =
                    Page { address: &options.address, by: &options.by, now: &now, before: Some(&last) };
                let lines = screen::draw(&page);
                last = now;
                lines
            }
            Err(error) => {
                tokio::time::sleep(Duration::from_millis(MEASURED_MS)).await;
                vec![error.to_string(), String::new(), "trying again; Ctrl-C ends".to_owned()]
            }
        };
        let (rows, columns) = size().await;
        if let Err(error) = show(&lines, rows, columns, output) {
            break Err(error.into());
        }
    };
    output.write_all(LEAVE.as_bytes())?;
    output.flush()?;
    outcome
}

fn show(lines: &[String], rows: usize, columns: usize, output: &mut (dyn Write + Send)) -> io::Result<()> {
    output.write_all(CLEAR.as_bytes())?;
    for line in lines.iter().take(rows.saturating_sub(1)) {
        let cut: String = line.chars().take(columns).collect();
        write!(output, "{cut}\r\n")?;
    }
    output.flush()
}

async fn look(client: &Client, options: &Options) -> Result<Look, Asked> {
    let path = format!("/admin/hot?by={}&overMs={MEASURED_MS}&limit=30", options.by);
    let hot = client.get(&path).await?;
    let overview = client.get("/admin/overview").await?;
    let figures = client.text("/admin/metrics").await?;
    Ok(Look { at: Instant::now(), overview, hot, figures })
}

/// Rows and columns of the terminal, as far as they can be found out.
async fn size() -> (usize, usize) {
    const USUAL: (usize, usize) = (24, 80);
    let mut stty = tokio::process::Command::new("stty");
    let Ok(output) = stty.arg("size").stdin(std::process::Stdio::inherit()).output().await else {
        return USUAL;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split_whitespace().filter_map(|number| number.parse::<usize>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(rows), Some(columns)) if rows > 0 && columns > 0 => (rows, columns),
        _ => USUAL,
    }
}
