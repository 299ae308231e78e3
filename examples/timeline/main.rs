//! Draws who waits where: recordings as swimlanes, in an SVG.
//!
//! ```text
//! cargo run --release --example timeline                       records the same three requests, and the same four reads, on all
//!                                                              models, and draws them: target/iolab/timeline-echo.svg, -read.svg
//! cargo run --release --example timeline -- record DIRECTORY   records them, and draws nothing
//! cargo run --release --example timeline -- draw FILE.json     draws what `--trace FILE` of a server or of read_file has written
//! ```

mod record;

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use drawing::Heading;
use drawing::timeline::{self, Trace, Window};

/// Whoever has closed the pipe has seen enough.
macro_rules! say {
    ($($said:tt)*) => { let _ = writeln!(io::stdout(), $($said)*); };
}

/// Draws what each thread does and where it waits, as swimlanes in an SVG.
///
/// Without `draw`, the same three requests and the same four reads are recorded on all models of this machine, and drawn.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Options {
    #[command(subcommand)]
    order: Option<Order>,
    /// Where recordings and pictures go
    #[arg(long, default_value = "target/iolab")]
    directory: PathBuf,
}

#[derive(Subcommand)]
enum Order {
    /// Draw recordings, one below the other
    Draw(Draw),
    /// Record the same three requests and the same four reads on all models, and draw nothing
    Record {
        /// Where echo-MODEL.trace.json and read-MODEL.trace.json go
        directory: PathBuf,
    },
}

#[derive(Args)]
struct Draw {
    /// What `--trace FILE` has written
    #[arg(required = true)]
    traces: Vec<PathBuf>,
    /// The picture
    #[arg(short, long, default_value = "timeline.svg")]
    output: PathBuf,
    /// What is written above it
    #[arg(long, default_value = "Who waits where")]
    title: String,
    /// From then on, in ms since the process began; else from the first callback or operation
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    from: Option<Duration>,
    /// Until then; else until the server is told to stop, or 150 calls and callbacks are drawn
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    to: Option<Duration>,
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| format!("`{text}` is no number of milliseconds"))?;
    Duration::try_from_secs_f64(value / 1000.0).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.order {
        Some(Order::Draw(order)) => order.draw(),
        Some(Order::Record { directory }) => record(directory).map(|written| written.iter().for_each(|path| name(path))),
        None => record_and_draw(&options.directory),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

impl Draw {
    fn draw(&self) -> Result<(), Box<dyn Error>> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(format!("--from {from:?} is not before --to {to:?}: there is no time to draw").into());
        }
        let window = Window { from: self.from, to: self.to, ..Window::default() };
        draw(&self.traces, &self.output, &self.title, &window)
    }
}

fn record(directory: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let command = format!("cargo run --release --example timeline -- record {}", directory.display());
    Ok(record::record(directory, &command, &commit())?)
}

/// What was built, as far as git knows.
fn commit() -> String {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]);
    let said = git.current_dir(env!("CARGO_MANIFEST_DIR")).output().ok().filter(|said| said.status.success());
    said.map_or_else(|| "unknown".into(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn name(path: &Path) {
    say!("{}", path.display());
}

fn record_and_draw(directory: &Path) -> Result<(), Box<dyn Error>> {
    let recorded = record(directory)?;
    // The client's good-bye is not what it is about.
    let window = Window { before: "peer finished", ..Window::default() };
    for (what, title) in [("echo", "The same three requests"), ("read", "The same four reads")] {
        let is_of = |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(what));
        let traces: Vec<_> = recorded.iter().filter(is_of).cloned().collect();
        draw(&traces, &directory.join(format!("timeline-{what}.svg")), title, &window)?;
    }
    say!("and the recordings beside them, for https://ui.perfetto.dev");
    Ok(())
}

fn draw(traces: &[PathBuf], output: &Path, title: &str, window: &Window) -> Result<(), Box<dyn Error>> {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Trace::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let traces = traces.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let name = output.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let description = String::from("What each thread does and where it waits.");
    let heading = Heading { name, title: title.to_owned(), description, source: timeline::source(&traces) };
    let picture = timeline::draw(&heading, &traces, window);
    fs::write(output, picture.alone()).map_err(|error| format!("{}: {error}", output.display()))?;
    say!("{}", output.display());
    Ok(())
}
