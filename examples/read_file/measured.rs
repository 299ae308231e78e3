//! What a model took for its reads, as a row of the table or as JSON.

use std::io;
use std::time::{Duration, Instant};

use iolab::models::AnyModel;
use iolab::{Cost, Model, ReadFile};
use nix::time::{ClockId, clock_gettime};

use crate::reads::Reads;
use crate::{Options, Pattern};

pub(crate) struct Measured {
    pub(crate) reads: Reads,
    cost: Cost,
    wall: Duration,
    cpu: Duration,
}

/// Has a model do the reads.
pub(crate) fn measure(options: &Options, file: &ReadFile, blocks: u64, model: AnyModel) -> io::Result<Measured> {
    let mut reads = Reads::new(options, blocks);
    let cpu_before = cpu_time()?;
    let begun = Instant::now();
    let cost = model.read_ranges(file, options.in_flight, &mut reads)?;
    Ok(Measured { reads, cost, wall: begun.elapsed(), cpu: cpu_time()?.saturating_sub(cpu_before) })
}

/// CPU time of all threads of this process, living and dead.
fn cpu_time() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

pub(crate) fn headline(options: &Options, file: &ReadFile) -> io::Result<String> {
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

pub(crate) fn heading() -> String {
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

    pub(crate) fn row(&self, model: AnyModel) -> String {
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

    pub(crate) fn json(&self, model: AnyModel) -> String {
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
