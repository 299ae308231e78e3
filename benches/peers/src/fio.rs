//! fio, where it is installed: what its engines get out of the same file, in the same rounds.
//!
//! Settings: threads instead of processes, no latency clocks (`gtod_reduce`), no map of blocks already read (`norandommap`),
//! which is its cheapest. As many completions as there are are taken at once, and up to [`BATCH`] reads submitted at once, by
//! the asynchronous engines; with all 64 submitted at once the registered one seemed to take less CPU still. It looks at none
//! of the octets, and while they are timed our readers do not either.
//!
//! fio is started anew for each order and says itself how much CPU its threads took while they read: getting started is not in
//! it. It counts whole milliseconds of each thread, which is nothing where 64 of them share a core: of many jobs there is no
//! figure.

use std::io::{self, BufRead};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::child::{ReadDone, ReadOrder, Said, Spent, say};
use serde_json::Value;

/// Reads submitted at once, and at least that many left to be submitted before it waits.
const BATCH: usize = 16;

/// One way of fio to read.
pub struct Engine {
    pub name: &'static str,
    pub about: &'static str,
    options: &'static [&'static str],
    /// Reads in flight are jobs, each of which waits for its own.
    by_jobs: bool,
}

/// All of them, in the order of the table.
pub static ENGINES: &[Engine] = &[
    Engine {
        name: "fio-psync",
        about: "fio, pread: a thread for each read in flight",
        options: &["--ioengine=psync"],
        by_jobs: true,
    },
    Engine { name: "fio-libaio", about: "fio, Linux AIO", options: &["--ioengine=libaio"], by_jobs: false },
    Engine {
        name: "fio-io_uring",
        about: "fio, io_uring, nothing registered",
        options: &["--ioengine=io_uring"],
        by_jobs: false,
    },
    Engine {
        name: "fio-registered",
        about: "fio, io_uring with registered file and buffers",
        options: &["--ioengine=io_uring", "--registerfiles=1", "--fixedbufs=1"],
        by_jobs: false,
    },
];

/// Obeys until the input ends.
pub fn obey(engine: &Engine, data: &Path, count_calls: bool) -> io::Result<()> {
    if let Err(error) = Command::new("fio").arg("--version").stdout(Stdio::null()).status() {
        let why = format!("fio does not run ({error}; Debian: apt install fio)");
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    say(&Said::Ready)?;
    for line in io::stdin().lock().lines() {
        let order: ReadOrder = serde_json::from_str(&line?)?;
        say(&Said::Read(read(engine, data, &order, count_calls)?))?;
    }
    Ok(())
}

fn read(engine: &Engine, data: &Path, order: &ReadOrder, count_calls: bool) -> io::Result<ReadDone> {
    let mut command = if count_calls { crate::calls::counting("fio") } else { Command::new("fio") };
    command.args(["--name=read", "--thread", "--output-format=json", "--group_reporting", "--gtod_reduce=1", "--invalidate=0"]);
    command.args(["--time_based", "--norandommap", "--randrepeat=0"]).args(engine.options);
    command.arg(format!("--filename={}", data.display()));
    command.arg(format!("--rw={}", if order.random { "randread" } else { "read" }));
    command.arg(format!("--bs={}", order.block));
    command.arg(format!("--direct={}", u8::from(order.direct)));
    command.arg(format!("--runtime={}us", Duration::from_nanos(order.nanos).as_micros().max(1000)));
    if engine.by_jobs {
        command.arg(format!("--numjobs={}", order.in_flight));
    } else {
        let batch = BATCH.min(order.in_flight);
        command.arg(format!("--iodepth={}", order.in_flight));
        command.arg(format!("--iodepth_batch_submit={batch}"));
        command.arg(format!("--iodepth_batch_complete_max={}", order.in_flight));
    }
    let output = command.stdin(Stdio::null()).output()?;
    let diagnosis = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(io::Error::other(format!("fio failed ({}): {}", output.status, diagnosis.trim())));
    }
    let mut done = understand(&serde_json::from_slice(&output.stdout)?)
        .ok_or_else(|| io::Error::other("fio's report lacks what it should have (jobs, read, usr_cpu)"))?;
    if engine.by_jobs && order.in_flight > 1 {
        done.cpu_nanos = Some(0);
    }
    if count_calls {
        done.spent = crate::calls::spent(&diagnosis)?;
    }
    Ok(done)
}

/// The fields of the one group there is.
fn understand(report: &Value) -> Option<ReadDone> {
    let job = report.get("jobs")?.get(0)?;
    let read = job.get("read")?;
    let number = |of: &Value, name: &str| of.get(name)?.as_f64();
    // Shares of the time that all threads together ran, in hundredths; that time is in milliseconds.
    let cpu = (number(job, "usr_cpu")? + number(job, "sys_cpu")?) / 100.0 * number(job, "job_runtime")? * 1e6;
    Some(ReadDone {
        reads: read.get("total_ios")?.as_u64()?,
        nanos: (number(read, "runtime")? * 1e6) as u64,
        cpu_nanos: Some(cpu as u64),
        spent: Spent::default(),
    })
}
