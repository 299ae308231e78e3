//! Says what this machine offers the four models, and for what is missing the cause and the cure.
//!
//! `cargo run --example doctor -- --directory /where/the/files/are`

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use iolab::models::{AnyModel, uring};
use iolab::{Call, Cost, Model, ReadFile, ReadList, Unavailable};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::Pid;

/// Says what this machine offers the four models, and for what is missing the cause and the cure.
///
/// Everything that can be tried is tried: on rings of its own, on loopback, and on a file in the directory.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Options {
    /// Where to try how files are read, with a small temporary file
    #[arg(long, default_value = ".")]
    directory: PathBuf,
    /// A file to try it on instead
    #[arg(long, conflicts_with = "directory")]
    file: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut report = Report(Vec::new());
    machine(&mut report);
    limits(&mut report);
    network(&mut report);
    io_uring(&mut report);
    let verdicts = files(&mut report, &options);
    models(&mut report, verdicts);
    // Whoever closed the pipe has seen enough.
    let _ = io::stdout().write_all(report.0.concat().as_bytes());
    ExitCode::SUCCESS
}

/// Sections of aligned lines; what needs doing is on a line of its own, behind an arrow.
struct Report(Vec<String>);

impl Report {
    fn section(&mut self, title: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.0.push(format!("{gap}{title}\n"));
    }

    fn line(&mut self, name: &str, found: impl Display) {
        self.0.push(format!("  {name:<52} {found}\n"));
    }

    fn cure(&mut self, cure: impl Display) {
        self.0.push(format!("      -> {cure}\n"));
    }
}

fn machine(report: &mut Report) {
    report.section("Machine");
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| cpus.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(": "));
    report.line("kernel", format!("Linux {} ({})", setting("kernel/osrelease"), std::env::consts::ARCH));
    report.line("processor", field("model name").map_or("unknown", |(_, name)| name));
    match sched_getaffinity(Pid::from_raw(0)) {
        Ok(allowed) => {
            let allowed: Vec<_> = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu) == Ok(true)).collect();
            let all = cpus.lines().filter(|line| line.starts_with("processor")).count();
            report.line("cores this process may use", format!("{} of {all}: {allowed:?}", allowed.len()));
            if allowed.len() < 2 {
                report.cure("comparing servers wants two, one for the server and one for the load: see taskset(1), or the container's settings");
            }
        }
        Err(error) => report.line("cores this process may use", format!("unknown: {error}")),
    }
    let guest = field("flags").is_some_and(|(_, flags)| flags.split(' ').any(|flag| flag == "hypervisor"));
    report.line(
        "virtual machine",
        if guest { "yes: expect times to vary from run to run" } else { "not that the processor says" },
    );
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    report.line("others' work (load average of the last minute)", load);
    if load.parse::<f64>().is_ok_and(|load| load > 0.5) {
        report.cure("measure when the machine is idle");
    }
}

fn limits(report: &mut Report) {
    report.section("Limits");
    let amount = |value: u64| if value == libc::RLIM_INFINITY { "unlimited".into() } else { value.to_string() };
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        report.line("open descriptors (RLIMIT_NOFILE)", format!("{}, can be raised to {}", amount(soft), amount(hard)));
        if hard < 10_200 {
            report.cure("10,000 connections want 10,200 in each process: raise the hard limit (/etc/security/limits.conf, LimitNOFILE=)");
        }
    }
    if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_MEMLOCK) {
        let kib = if soft == libc::RLIM_INFINITY { "unlimited".into() } else { format!("{} KiB", soft / 1024) };
        let root = if may_lock_memory() { ", which does not bind this process (CAP_IPC_LOCK)" } else { "" };
        report.line("locked memory (RLIMIT_MEMLOCK)", format!("{kib}{root}"));
        if soft < 8 << 20 && !may_lock_memory() {
            report.cure("rings and their registered buffers count against it: `ulimit -l 8192`, or LimitMEMLOCK=8M");
        }
    }
    if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NPROC) {
        report.line("threads: of the user (RLIMIT_NPROC)", amount(soft));
    }
    report.line("threads: of the machine (kernel.threads-max)", setting("kernel/threads-max"));
    report.line(
        "Linux AIO reads at once (fs.aio-nr of fs.aio-max-nr)",
        format!("{} of {}", setting("fs/aio-nr"), setting("fs/aio-max-nr")),
    );
}

fn network(report: &mut Report) {
    report.section("Network");
    let backlog = setting("net/core/somaxconn");
    report.line("connections waiting for accept (net.core.somaxconn)", &backlog);
    if backlog.parse::<u32>().is_ok_and(|backlog| backlog < 4096) {
        report.cure("a burst beyond it costs each connection a second: `sysctl net.core.somaxconn=4096` as root");
    }
    report.line("congestion control, on loopback too", setting("net/ipv4/tcp_congestion_control"));
    report.line("ports for outgoing connections", setting("net/ipv4/ip_local_port_range").replace('\t', " to "));
    let reached = TcpListener::bind("127.0.0.1:0").and_then(|listener| TcpStream::connect(listener.local_addr()?));
    match reached {
        Ok(_) => report.line("loopback", "works"),
        Err(error) => {
            report.line("loopback", format!("fails: {error}"));
            report.cure("`ip link set lo up` as root; in a sandbox, allow sockets");
        }
    }
}

fn io_uring(report: &mut Report) {
    report.section("io_uring, each feature tried");
    report.line("kernel.io_uring_disabled (0 is for everyone)", setting("kernel/io_uring_disabled"));
    let features = match uring::features() {
        Ok(features) => features,
        Err(error) => return refusal(report, "io_uring_setup(2)", &error),
    };
    for feature in features {
        let (major, minor) = feature.since;
        let denial = feature.technique.map_or(String::new(), |technique| format!("; --deny {technique} goes without"));
        match feature.tried {
            Ok(()) => report.line(feature.name, format!("works, since Linux {major}.{minor}{denial}")),
            Err(error) if Unavailable::within(&error).is_some() => refusal(report, feature.name, &error),
            Err(error) => {
                report.line(feature.name, format!("fails: {error}"));
                report.cure(match running_kernel() {
                    Some(running) if running < feature.since => format!("boot Linux {major}.{minor} or a later one{denial}"),
                    _ => format!(
                        "Linux {major}.{minor} and later have it, so a sandbox or a limit is in the way: see Models, below{denial}"
                    ),
                });
            }
        }
    }
}

/// How each model fared: its name, and how it read through and around the page cache.
type Verdicts = Vec<(&'static str, io::Result<Cost>, Option<io::Result<Cost>>)>;

fn files(report: &mut Report, options: &Options) -> Verdicts {
    let temporary;
    let path = match &options.file {
        Some(path) => path.as_path(),
        None => {
            let written = tempfile::NamedTempFile::new_in(&options.directory).and_then(|mut file| {
                file.write_all(&[b'.'; 64 << 10])?;
                file.as_file().sync_all()?;
                Ok(file)
            });
            match written {
                Ok(file) => temporary = file,
                Err(error) => {
                    report.section("Files");
                    report.line(&options.directory.display().to_string(), format!("cannot be written to: {error}"));
                    report.cure("name another with --directory, or a file to read with --file");
                    return Vec::new();
                }
            }
            temporary.path()
        }
    };
    let about = if options.file.is_some() { path } else { &options.directory };
    report.section(&format!("Files: {}", about.display()));
    report.line("file system", file_system(path));
    let buffered = match ReadFile::open_buffered(path) {
        Ok(file) => file,
        Err(error) => {
            report.line("reading", error);
            return Vec::new();
        }
    };
    let direct = ReadFile::open_direct(path);
    match &direct {
        Ok(file) => {
            let alignment = file.alignment();
            report.line(
                "around the page cache (O_DIRECT)",
                format!("works: offsets in multiples of {}, memory of {}", alignment.offset, alignment.memory),
            );
        }
        Err(error) => refusal(report, "around the page cache (O_DIRECT)", error),
    }

    let mut verdicts: Verdicts = Vec::new();
    for model in AnyModel::all() {
        let around = direct.as_ref().ok().map(|file| read(model, file));
        let through = model.available().and_then(|()| read(model, &buffered));
        verdicts.push((model.name(), through, around));
    }
    for (name, through, around) in &verdicts {
        if let ("epoll", Ok(through)) = (*name, through) {
            match through.calls.of(Call::Pread64) {
                0 => report.line("reading without waiting (preadv2, RWF_NOWAIT)", "works for what is cached"),
                _ => {
                    report.line("reading without waiting (preadv2, RWF_NOWAIT)", "the file system cannot tell");
                    report.cure("epoll stalls at every read here: read with --direct, or on ext4, xfs or btrfs");
                }
            }
            match around {
                Some(Ok(_)) => report.line("Linux AIO (io_submit)", "works"),
                Some(Err(error)) => refusal(report, "Linux AIO (io_submit)", error),
                None => report.line("Linux AIO (io_submit)", "not tried: it wants O_DIRECT"),
            }
        }
    }
    verdicts
}

fn models(report: &mut Report, verdicts: Verdicts) {
    report.section("Models");
    if verdicts.is_empty() {
        report.line("none tried", "no file could be read");
    }
    for (name, through, around) in verdicts {
        match through.and(around.unwrap_or(Ok(Cost::default()))) {
            Ok(_) => report.line(name, "runs here"),
            Err(error) => refusal(report, name, &error),
        }
    }
}

fn refusal(report: &mut Report, name: &str, error: &io::Error) {
    match Unavailable::within(error) {
        Some(unavailable) => {
            report.line(name, format!("no: {} {}", unavailable.what, unavailable.cause));
            report.cure(&unavailable.cure);
        }
        None => report.line(name, format!("fails: {error}")),
    }
}

/// Reads a little. The first failed read is the answer.
fn read(model: AnyModel, file: &ReadFile) -> io::Result<Cost> {
    let mut failed = None;
    let mut list = ReadList::new(&[0..4096, 4096..8192, 100..200], |_, octets| match octets {
        Ok(_) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    });
    let cost = model.read_ranges(file, NonZeroUsize::new(4).expect("4 is not 0"), &mut list)?;
    failed.map_or(Ok(cost), Err)
}

fn may_lock_memory() -> bool {
    const CAP_IPC_LOCK: u64 = 1 << 14;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & CAP_IPC_LOCK != 0)
}

fn running_kernel() -> Option<(u32, u32)> {
    let release = setting("kernel/osrelease");
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn setting(name: &str) -> String {
    fs::read_to_string(Path::new("/proc/sys").join(name))
        .map_or_else(|_| "not on this kernel".into(), |value| value.trim().to_owned())
}

/// The type of the file system that is mounted nearest above a path, and where; proc_pid_mountinfo(5).
fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let Ok(path) = path.canonicalize() else { return "unknown".into() };
    mounts
        .lines()
        .filter_map(|line| {
            let (mount, file_system) = line.split_once(" - ")?;
            Some((Path::new(mount.split(' ').nth(4)?), file_system.split(' ').next()?))
        })
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.components().count())
        .map_or("unknown".into(), |(point, kind)| format!("{kind}, mounted at {}", point.display()))
}
