//! Reads a file by one model or by all four, and prints what it took.
//!
//! `cargo run --release --example read_file -- FILE --model all --pattern random --block 4096 --in-flight 64 --direct`

mod measured;
mod reads;
#[path = "../serving/trace.rs"]
mod trace;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use iolab::Model;
use iolab::models::uring::Technique;
use iolab::models::{AnyModel, UnknownModel};
use iolab::{MAX_BLOCK, ReadFile, Unavailable};

use measured::{heading, headline, measure};
use trace::{Trace, TraceOption};

/// Reads blocks of a file by one way of waiting or by all four, one after the other, and prints what it took.
///
/// The same reads are done by each model. Times and system calls come from the same run: the calls are counted inside the
/// library by plain additions, unlike under strace, which changes what it counts. For "CPU us" all threads are counted, and so
/// is this program's share (a clock reading and a histogram entry for each read).
///
/// Exit status: 0 done; 1 the file cannot be read, or a read failed, or the models read different octets; 2 usage; 3 the model
/// cannot run here (with --model all: its row says why, and the others run).
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Options {
    /// A regular file or a block device
    file: PathBuf,
    /// Who reads: blocking, epoll, uring, pool or all
    #[arg(long, default_value = "all", value_parser = models)]
    model: Models,
    /// In which order
    #[arg(long, value_enum, default_value = "random")]
    pattern: Pattern,
    /// Octets a read, as 4096, 64k or 1m; at most 4m
    #[arg(long, default_value = "4096", value_parser = block)]
    block: u64,
    /// Reads at once, at most (blocking does one)
    #[arg(long, default_value = "64")]
    in_flight: NonZeroUsize,
    /// Read around the page cache (O_DIRECT)
    #[arg(long)]
    direct: bool,
    /// Reads in all [default: as many as the file has blocks, at most 100000]
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    reads: Option<u64>,
    /// Read for so long instead, again and again
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// Drop the file from the page cache before each model
    #[arg(long)]
    cold: bool,
    /// Sum up every octet, and not just the ends of each block
    #[arg(long)]
    verify: bool,
    /// io_uring: without registered file and buffers
    #[arg(long)]
    unregistered: bool,
    /// io_uring: techniques to go without, by the ways older kernels leave open, like defer_taskrun (doctor lists them)
    #[arg(long, value_delimiter = ',')]
    deny: Vec<Technique>,
    /// Start of the random pattern
    #[arg(long, default_value = "1")]
    seed: u64,
    /// One JSON object for each model, on a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    trace: TraceOption,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pattern {
    Random,
    Sequential,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let status = run(&options).unwrap_or_else(|error| {
        eprintln!("read_file: {error}");
        1
    });
    ExitCode::from(status)
}

fn run(options: &Options) -> io::Result<u8> {
    let models = &options.model.0;
    let trace = options.trace.start(&process(models[0]))?;
    let done = match read(options, trace.as_ref()) {
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        done => done,
    };
    trace::finish(trace, &models.iter().map(Model::name).collect::<Vec<_>>().join(", "), done)
}

/// What a model is called in a trace.
fn process(model: AnyModel) -> String {
    format!("iolab read_file, {model}")
}

fn read(options: &Options, trace: Option<&Trace>) -> io::Result<u8> {
    let open = if options.direct { ReadFile::open_direct } else { ReadFile::open_buffered };
    let file = open(&options.file)?;
    let blocks = file.len()?.div_ceil(options.block).max(1);

    let mut out = io::stdout().lock();
    if !options.json {
        writeln!(out, "{}", headline(options, &file)?)?;
        writeln!(out, "{}", heading())?;
    }
    let mut status = 0;
    let mut sums = Vec::new();
    for (number, &(mut model)) in options.model.0.iter().enumerate() {
        if let Some(trace) = trace.filter(|_| number > 0) {
            trace.process(&process(model));
        }
        if let AnyModel::Uring(uring) = &mut model {
            uring.techniques = options.deny.iter().fold(uring.techniques, |left, &technique| left.without(technique));
            if options.unregistered {
                uring.reads.registered_file = false;
                uring.techniques = uring.techniques.without(Technique::RegisteredBuffers);
            }
        }
        if options.cold {
            file.drop_cache()?;
        }
        let line = match measure(options, &file, blocks, model) {
            Ok(measured) => {
                if let Some(error) = &measured.reads.first_error {
                    eprintln!("read_file: {}: {} reads failed, the first: {error}", model, measured.reads.errors);
                    status = 1;
                }
                sums.push((model, measured.reads.count, measured.reads.octets, measured.reads.sum));
                if options.json { measured.json(model) } else { measured.row(model) }
            }
            Err(error) if Unavailable::within(&error).is_some() => {
                if options.model.0.len() == 1 {
                    eprintln!("read_file: {}: {error}", model);
                    status = 3;
                }
                let json = || serde_json::json!({ "model": model.name(), "error": error.to_string() }).to_string();
                if options.json { json() } else { format!("{:<10}{error}", model) }
            }
            Err(error) => return Err(error),
        };
        writeln!(out, "{line}")?;
    }
    if options.seconds.is_none()
        && sums.windows(2).any(|pair| (pair[0].1, pair[0].2, pair[0].3) != (pair[1].1, pair[1].2, pair[1].3))
    {
        eprintln!("read_file: the models did not read the same octets; was the file written to meanwhile?");
        status = 1;
    }
    Ok(status)
}

/// One model, or all of them.
#[derive(Clone)]
struct Models(Vec<AnyModel>);

fn models(text: &str) -> Result<Models, UnknownModel> {
    if text == "all" { Ok(Models(AnyModel::all().to_vec())) } else { text.parse().map(|model| Models(vec![model])) }
}

// Arguments.

fn block(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1024),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1), |digits| (digits, 1 << 20)),
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(block @ 1..) if block <= MAX_BLOCK as u64 => Ok(block),
        _ => Err(format!("a block is 1 to {MAX_BLOCK} octets, as 4096, 64k or 1m")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(duration) if !duration.is_zero() && duration <= Duration::from_secs(86_400) => Ok(duration),
        _ => Err("a time is more than 0 and at most 86400 seconds, as 5 or 0.5".into()),
    }
}
