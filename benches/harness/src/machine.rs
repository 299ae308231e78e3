//! The machine a table was made on: what a reader of it needs to know before comparing it with another one.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use nix::sys::sysinfo::sysinfo;
use nix::sys::utsname::uname;

use crate::cores::Cores;
use crate::data_file::DataFile;

/// Name and value, in the order of printing.
pub fn fingerprint(cores: Cores, data: &DataFile) -> Vec<(&'static str, String)> {
    let mut lines = without_files(cores);
    let place = lines.iter().position(|(name, _)| *name == "TCP").unwrap_or(lines.len());
    lines.insert(place, ("data file", data_file(data)));
    lines
}

/// The same where no file is read.
pub fn without_files(cores: Cores) -> Vec<(&'static str, String)> {
    let kernel = uname().map(|names| {
        let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
        format!("{} {} {}", text(names.sysname()), text(names.release()), text(names.machine()))
    });
    let mut lines = vec![
        ("kernel", kernel.unwrap_or_else(|_| UNKNOWN.into())),
        ("CPU", cpu(cores)),
        (
            "memory",
            sysinfo()
                .map_or_else(|_| UNKNOWN.into(), |info| format!("{:.1} GiB", info.ram_total() as f64 / (1u64 << 30) as f64)),
        ),
        ("TCP", format!("loopback, congestion control {}", read("/proc/sys/net/ipv4/tcp_congestion_control"))),
        ("built by", rustc().unwrap_or_else(|| UNKNOWN.into())),
        ("measured", today().unwrap_or_else(|_| UNKNOWN.into())),
    ];
    if let Some(mitigations) = mitigations() {
        lines.insert(3, ("mitigations", mitigations));
    }
    lines
}

const UNKNOWN: &str = "unknown";

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| UNKNOWN.into(), |text| text.trim().to_owned())
}

fn cpu(cores: Cores) -> String {
    let info = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = info.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let model = field("model name").or_else(|| field("CPU part")).unwrap_or_else(|| UNKNOWN.into());
    let online = nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_ONLN).ok().flatten().unwrap_or(1);
    let virtual_machine = if info.contains(" hypervisor") { ", a virtual machine" } else { "" };
    let governor = match read(&format!("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", cores.server)) {
        governor if governor == UNKNOWN => "no frequency governor visible".to_owned(),
        governor => format!("governor {governor}"),
    };
    format!("{model}, {online} cores{virtual_machine}, {governor}")
}

/// The weaknesses of this CPU that the kernel works around, by name: the price of a system call depends on them.
fn mitigations() -> Option<String> {
    let mut names: Vec<String> = fs::read_dir("/sys/devices/system/cpu/vulnerabilities")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let state = fs::read_to_string(entry.path()).ok()?;
            state.starts_with("Mitigation").then(|| entry.file_name().to_string_lossy().into_owned())
        })
        .collect();
    names.sort();
    Some(if names.is_empty() { "none active".into() } else { names.join(", ") })
}

fn data_file(data: &DataFile) -> String {
    let mib = data.octets() >> 20;
    let place = fs::metadata(data.directory()).ok().and_then(|metadata| mount_of(metadata.dev()));
    let place = place.unwrap_or_else(|| "an unknown file system".into());
    format!("{mib} MiB, written, on {place}")
}

/// File system type and device, by `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
fn mount_of(device: u64) -> Option<String> {
    let number = format!("{}:{}", nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let (_, after) =
        mounts.lines().filter(|line| line.split(' ').nth(2) == Some(&number)).find_map(|line| line.split_once(" - "))?;
    let mut parts = after.split(' ');
    let (kind, source) = (parts.next()?, parts.next()?);
    let disk = match read(&format!("/sys/dev/block/{number}/queue/rotational")).as_str() {
        "0" => " (no spinning disk)",
        "1" => " (a spinning disk, or one that says so)",
        _ => "",
    };
    Some(format!("{kind}, {source}{disk}"))
}

fn rustc() -> Option<String> {
    let said = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into())).arg("--version").output().ok()?;
    Some(String::from_utf8(said.stdout).ok()?.trim().to_owned())
}

/// The day, in UTC.
fn today() -> io::Result<String> {
    let mut now = now()?;
    now.truncate("2026-11-21".len());
    Ok(now)
}

/// The time, in UTC, as RFC 3339 has it: `2026-11-21T23:59:01Z`. The day follows from the days since 1970-01-01 (Howard Hinnant,
/// *chrono-compatible low-level date algorithms*).
pub fn now() -> io::Result<String> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_err(io::Error::other)?;
    let (days, second) = (since.as_secs() / 86_400 + 719_468, since.as_secs() % 86_400);
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Ok(format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}
