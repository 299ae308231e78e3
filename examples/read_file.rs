//! Reads a file by one model or by all four, and prints what it took.
//!
//! `cargo run --release --example read_file -- FILE --model all --pattern random --block 4096 --in-flight 64 --direct`

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use hdrhistogram::Histogram;
use iolab::Model;
use iolab::models::{Blocking, Epoll, Pool, Uring, uring};
use iolab::{Cost, MAX_BLOCK, ReadFile, ReadWorkload, Unavailable};
use nix::time::{ClockId, clock_gettime};

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
    /// Who reads
    #[arg(long, value_enum, default_value = "all")]
    model: Choice,
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
    /// Start of the random pattern
    #[arg(long, default_value = "1")]
    seed: u64,
    /// One JSON object for each model, on a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Blocking,
    Epoll,
    Uring,
    Pool,
    All,
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
    let open = if options.direct { ReadFile::open_direct } else { ReadFile::open_buffered };
    let file = open(&options.file)?;
    let blocks = file.len()?.div_ceil(options.block).max(1);

    let mut out = io::stdout().lock();
    if !options.json {
        say(&mut out, &headline(options, &file)?)?;
        say(&mut out, &heading())?;
    }
    let mut status = 0;
    let mut sums = Vec::new();
    for model in options.models() {
        if options.cold {
            file.drop_cache()?;
        }
        let line = match measure(options, &file, blocks, model) {
            Ok(measured) => {
                if let Some(error) = &measured.reads.first_error {
                    eprintln!("read_file: {}: {} reads failed, the first: {error}", model.name(), measured.reads.errors);
                    status = 1;
                }
                sums.push((model, measured.reads.count, measured.reads.octets, measured.reads.sum));
                if options.json { measured.json(model) } else { measured.row(model) }
            }
            Err(error) if Unavailable::within(&error).is_some() => {
                if options.model != Choice::All {
                    eprintln!("read_file: {}: {error}", model.name());
                    status = 3;
                }
                let json = || serde_json::json!({ "model": model.name(), "error": error.to_string() }).to_string();
                if options.json { json() } else { format!("{:<10}{error}", model.name()) }
            }
            Err(error) => return Err(error),
        };
        say(&mut out, &line)?;
    }
    if options.seconds.is_none()
        && sums.windows(2).any(|pair| (pair[0].1, pair[0].2, pair[0].3) != (pair[1].1, pair[1].2, pair[1].3))
    {
        eprintln!("read_file: the models did not read the same octets; was the file written to meanwhile?");
        status = 1;
    }
    Ok(status)
}

impl Options {
    fn models(&self) -> Vec<Choice> {
        match self.model {
            Choice::All => vec![Choice::Blocking, Choice::Epoll, Choice::Uring, Choice::Pool],
            one => vec![one],
        }
    }
}

impl Choice {
    fn name(self) -> &'static str {
        match self {
            Choice::Blocking => "blocking",
            Choice::Epoll => "epoll",
            Choice::Uring => "uring",
            Choice::Pool => "pool",
            Choice::All => "all",
        }
    }

    fn read_ranges(self, options: &Options, file: &ReadFile, workload: &mut dyn ReadWorkload) -> io::Result<Cost> {
        let plain = uring::ReadOptions { registered_file: false, registered_buffers: false, ..Default::default() };
        let reads = if options.unregistered { plain } else { uring::ReadOptions::default() };
        match self {
            Choice::Blocking => Blocking::default().read_ranges(file, options.in_flight, workload),
            Choice::Epoll => Epoll::default().read_ranges(file, options.in_flight, workload),
            Choice::Uring => Uring { reads, ..Uring::default() }.read_ranges(file, options.in_flight, workload),
            Choice::Pool => Pool::default().read_ranges(file, options.in_flight, workload),
            Choice::All => unreachable!("is resolved into the four"),
        }
    }
}

// Reading and measuring.

/// The reads of one model: which to do next, and what became of them.
struct Reads {
    pattern: Pattern,
    block: u64,
    blocks: u64,
    dice: u64,
    asked: u64,
    most: u64,
    deadline: Option<Instant>,
    whole: bool,
    /// When each read that has not arrived was asked for, from number `first` on.
    begun: VecDeque<Option<Instant>>,
    first: usize,
    /// The time of the last arrival, which is also that of the question that follows it.
    now: Option<Instant>,
    latency: Histogram<u64>,
    count: u64,
    octets: u64,
    sum: u64,
    errors: u64,
    first_error: Option<io::Error>,
}

impl ReadWorkload for Reads {
    fn next(&mut self) -> Option<Range<u64>> {
        let now = self.now.take().unwrap_or_else(Instant::now);
        if self.asked == self.most || self.deadline.is_some_and(|deadline| now >= deadline) {
            return None;
        }
        let number = match self.pattern {
            Pattern::Sequential => self.asked % self.blocks,
            Pattern::Random => {
                self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
                ((u128::from(mix(self.dice)) * u128::from(self.blocks)) >> 64) as u64
            }
        };
        self.asked += 1;
        self.begun.push_back(Some(now));
        Some(number * self.block..(number + 1) * self.block)
    }

    fn arrived(&mut self, index: usize, octets: io::Result<&[u8]>) -> ControlFlow<()> {
        let now = Instant::now();
        self.now = Some(now);
        if let Some(begun) = self.begun.get_mut(index - self.first).and_then(Option::take) {
            self.latency.saturating_record((now - begun).as_nanos() as u64);
        }
        while let Some(None) = self.begun.front() {
            self.begun.pop_front();
            self.first += 1;
        }
        match octets {
            Ok(octets) => {
                self.count += 1;
                self.octets += octets.len() as u64;
                // A sum does not depend on the order of its terms, and so the models' sums can be compared.
                self.sum = self.sum.wrapping_add(if self.whole { digest(octets) } else { digest_of_ends(octets) });
            }
            Err(error) => {
                self.errors += 1;
                self.first_error.get_or_insert(error);
            }
        }
        ControlFlow::Continue(())
    }
}

fn digest(octets: &[u8]) -> u64 {
    octets.chunks(8).enumerate().fold(0, |sum: u64, (place, chunk)| sum.wrapping_add(mix(word(chunk) ^ place as u64)))
}

fn digest_of_ends(octets: &[u8]) -> u64 {
    let len = octets.len();
    mix(word(&octets[..len.min(8)]) ^ word(&octets[len.saturating_sub(8)..]).rotate_left(1))
}

fn word(chunk: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..chunk.len()].copy_from_slice(chunk);
    u64::from_le_bytes(word)
}

/// The finalizer of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

struct Measured {
    reads: Reads,
    cost: Cost,
    wall: Duration,
    cpu: Duration,
}

fn measure(options: &Options, file: &ReadFile, blocks: u64, model: Choice) -> io::Result<Measured> {
    let most = options.reads.unwrap_or(if options.seconds.is_some() { u64::MAX } else { blocks.min(100_000) });
    let cpu_before = cpu_time()?;
    let begun = Instant::now();
    let mut reads = Reads {
        pattern: options.pattern,
        block: options.block,
        blocks,
        dice: options.seed,
        asked: 0,
        most,
        deadline: options.seconds.map(|seconds| begun + seconds),
        whole: options.verify,
        begun: VecDeque::new(),
        first: 0,
        now: None,
        latency: Histogram::new_with_max(60_000_000_000, 3).expect("a histogram of up to a minute"),
        count: 0,
        octets: 0,
        sum: 0,
        errors: 0,
        first_error: None,
    };
    let cost = model.read_ranges(options, file, &mut reads)?;
    Ok(Measured { reads, cost, wall: begun.elapsed(), cpu: cpu_time()?.saturating_sub(cpu_before) })
}

/// CPU time of all threads of this process, living and dead.
fn cpu_time() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

// Printing.

fn say(out: &mut impl Write, line: &str) -> io::Result<()> {
    match writeln!(out, "{line}") {
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => written,
    }
}

fn headline(options: &Options, file: &ReadFile) -> io::Result<String> {
    let order = if options.pattern == Pattern::Random { "random" } else { "sequential" };
    let path = match (file.is_direct(), options.cold) {
        (true, _) => format!("around the page cache (aligned to {})", file.alignment().offset),
        (false, true) => "through the page cache, dropped before each model".into(),
        (false, false) => "through the page cache".into(),
    };
    Ok(format!(
        "{}: {} octets, {order} reads of {}, at most {} at once, {path}\n",
        options.file.display(),
        file.len()?,
        options.block,
        options.in_flight
    ))
}

fn heading() -> String {
    format!(
        "{:<9}{:>9}{:>10}{:>10}{:>12}{:>11}{:>11}{:>11}{:>9}\n{:<9}{:>9}{:>10}{:>10}{:>12}{:>11}{:>11}{:>11}{:>9}",
        "model",
        "reads/s",
        "MB/s",
        "CPU us",
        "sys. calls",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "stalls",
        "",
        "",
        "",
        "per read",
        "per read",
        "",
        "",
        "",
        ""
    )
}

impl Measured {
    fn reads_per_second(&self) -> f64 {
        self.reads.count as f64 / self.wall.as_secs_f64()
    }

    fn per_read(&self, what: f64) -> f64 {
        what / (self.reads.count + self.reads.errors).max(1) as f64
    }

    fn latency_us(&self, quantile: f64) -> f64 {
        self.reads.latency.value_at_quantile(quantile) as f64 / 1e3
    }

    fn row(&self, model: Choice) -> String {
        format!(
            "{:<9}{:>9.0}{:>10.1}{:>10.2}{:>12.3}{:>11.1}{:>11.1}{:>11.1}{:>9}",
            model.name(),
            self.reads_per_second(),
            self.reads.octets as f64 / self.wall.as_secs_f64() / 1e6,
            self.per_read(self.cpu.as_secs_f64() * 1e6),
            self.per_read(self.cost.calls.total() as f64),
            self.latency_us(0.5),
            self.latency_us(0.99),
            self.latency_us(0.999),
            self.cost.stalls
        )
    }

    fn json(&self, model: Choice) -> String {
        let calls: serde_json::Map<_, _> = self.cost.calls.iter().map(|(name, count)| (name.into(), count.into())).collect();
        serde_json::json!({
            "model": model.name(),
            "iops": self.reads_per_second(),
            "bytes_per_second": self.reads.octets as f64 / self.wall.as_secs_f64(),
            "cpu_us_per_read": self.per_read(self.cpu.as_secs_f64() * 1e6),
            "syscalls_per_read": self.per_read(self.cost.calls.total() as f64),
            "latency_us": {
                "p50": self.latency_us(0.5),
                "p90": self.latency_us(0.9),
                "p99": self.latency_us(0.99),
                "p999": self.latency_us(0.999),
                "max": self.reads.latency.max() as f64 / 1e3,
            },
            "stalls": self.cost.stalls,
            "stalled_ms": self.cost.stalled.as_secs_f64() * 1e3,
            "errors": self.reads.errors,
            "reads": self.reads.count,
            "bytes": self.reads.octets,
            "checksum": format!("{:016x}", self.reads.sum),
            "seconds": self.wall.as_secs_f64(),
            "threads": self.cost.threads_peak,
            "wakeups": self.cost.wakeups,
            "syscalls": calls,
        })
        .to_string()
    }
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
