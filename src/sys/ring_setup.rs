//! Making a ring, and saying what is wrong when the kernel refuses one.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use io_uring::IoUring;
use nix::sys::resource::{Resource, getrlimit};

use super::calls::{Call, count, enter};
use super::recorder;
use super::techniques::{Technique, Techniques};
use crate::unavailable::Unavailable;

/// How a ring is set up. The default is what was fastest: one thread that submits and runs the completion work itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RingOptions {
    /// Places in the submission queue, rounded up to a power of two, at most 32,768.
    pub(crate) submissions: u32,
    /// Places in the completion queue, at least as many (`IORING_SETUP_CQSIZE`, Linux 5.5).
    pub(crate) completions: u32,
    /// What the ring may use.
    pub(crate) techniques: Techniques,
}

impl Default for RingOptions {
    fn default() -> Self {
        RingOptions { submissions: 256, completions: 1024, techniques: Techniques::ALL }
    }
}

/// The techniques that are flags of `io_uring_setup(2)`, the newest first.
const FLAGS: [Technique; 3] = [Technique::DeferTaskrun, Technique::SingleIssuer, Technique::SubmitAll];

impl RingOptions {
    /// The newest technique that its setup asks for.
    fn newest(&self) -> Option<Technique> {
        FLAGS.into_iter().find(|&technique| self.techniques.has(technique))
    }

    /// Octets of locked memory the two queues take.
    fn octets(&self) -> usize {
        let submissions = self.submissions.next_power_of_two() as usize;
        let completions = self.completions.max(self.submissions).next_power_of_two() as usize;
        (submissions * 64).next_multiple_of(4096) + (completions * 16 + submissions * 4 + 512).next_multiple_of(4096)
    }
}

pub(super) fn build(options: &RingOptions) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder.setup_cqsize(options.completions.max(options.submissions));
    for technique in FLAGS.into_iter().filter(|&technique| options.techniques.has(technique)) {
        match technique {
            Technique::DeferTaskrun => builder.setup_defer_taskrun(),
            Technique::SingleIssuer => builder.setup_single_issuer(),
            _ => builder.setup_submit_all(),
        };
    }
    let call = enter(Call::IoUringSetup);
    let io = patiently(|| builder.build(options.submissions)).map_err(|error| diagnose_setup(error, options))?;
    drop(call);
    if options.techniques.has(Technique::ExtArg) && !io.params().is_feature_ext_arg() {
        return Err(missing(Technique::ExtArg).into());
    }
    count(Call::Mmap);
    count(Call::Mmap);
    Ok(io)
}

/// How often, and how long apart, memory is asked for again.
const PATIENCE: (u32, Duration) = (50, Duration::from_millis(10));

/// Asks again where `RLIMIT_MEMLOCK` was in the way: a ring that was closed gives its share back only some time later, when the
/// kernel has taken it down.
pub(super) fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let (times, pause) = PATIENCE;
    for _ in 0..times {
        match attempt() {
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {
                let _sleep = recorder::wait("sleep");
                thread::sleep(pause);
            }
            outcome => return outcome,
        }
    }
    attempt()
}

/// What the io-uring crate calls when it drops a ring: the two mappings and the descriptor.
pub(super) fn count_teardown() {
    count(Call::Munmap);
    count(Call::Munmap);
    count(Call::Close);
}

const ANOTHER_MODEL: &str = "or choose another model";

/// Why `io_uring_setup(2)` failed, and what to do.
fn diagnose_setup(error: io::Error, options: &RingOptions) -> io::Error {
    let unavailable = match error.raw_os_error() {
        Some(errno @ (libc::EPERM | libc::ENOSYS)) => forbidden(errno),
        Some(libc::ENOMEM) => match locked_memory("io_uring", options.octets(), ANOTHER_MODEL) {
            Some(unavailable) => unavailable,
            None => return error,
        },
        Some(libc::EINVAL) => match options.newest() {
            Some(newest) if is_older_than(newest) => missing(newest),
            _ => {
                return io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!(
                        "io_uring_setup(2) refuses a ring of {} submissions and {} completions: at most 32768 and 65536",
                        options.submissions, options.completions
                    ),
                );
            }
        },
        _ => return io::Error::new(error.kind(), format!("io_uring_setup(2) failed: {error}")),
    };
    unavailable.into()
}

/// Why registering memory for a technique failed.
pub(super) fn diagnose_registration(error: io::Error, technique: Technique, octets: usize) -> io::Error {
    let what = match technique {
        Technique::ProvidedBuffers => "provided buffers",
        _ => "registered buffers",
    };
    match error.raw_os_error() {
        Some(libc::ENOMEM) => {
            let otherwise = format!("or go without them (--deny {technique})");
            locked_memory(what, octets, &otherwise).map_or(error, io::Error::from)
        }
        _ => io::Error::new(error.kind(), format!("io_uring_register(2) refuses {what}: {error}")),
    }
}

fn forbidden(errno: i32) -> Unavailable {
    let sysctl = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok().map(|value| value.trim().to_owned());
    let name = if errno == libc::EPERM { "EPERM" } else { "ENOSYS" };
    match sysctl.as_deref() {
        Some("2") if errno == libc::EPERM => Unavailable::new(
            "io_uring",
            "is forbidden by kernel.io_uring_disabled=2",
            format!("set it to 0 with `sysctl kernel.io_uring_disabled=0` as root, {ANOTHER_MODEL}"),
        ),
        Some("1") if errno == libc::EPERM && !in_seccomp_filter() => {
            let group = fs::read_to_string("/proc/sys/kernel/io_uring_group").unwrap_or_default();
            Unavailable::new(
                "io_uring",
                format!(
                    "is reserved by kernel.io_uring_disabled=1 for CAP_SYS_ADMIN and the group kernel.io_uring_group={}",
                    group.trim()
                ),
                format!("join that group, set the former to 0 with sysctl as root, {ANOTHER_MODEL}"),
            )
        }
        _ if in_seccomp_filter() => Unavailable::new(
            "io_uring",
            format!("is forbidden by a seccomp filter (io_uring_setup(2) answers {name}), as container runtimes set it"),
            format!(
                "run outside the container or with a profile that allows io_uring_setup, io_uring_enter and io_uring_register (docker: --security-opt seccomp=FILE), {ANOTHER_MODEL}"
            ),
        ),
        _ if errno == libc::ENOSYS => Unavailable::new(
            "io_uring",
            format!(
                "is not in this kernel ({}): it came with Linux 5.1, and can be left out (CONFIG_IO_URING) or not be there in an emulation such as gVisor",
                running_release()
            ),
            format!("boot a kernel that has it, {ANOTHER_MODEL}"),
        ),
        _ => Unavailable::new(
            "io_uring",
            "is forbidden here: io_uring_setup(2) answers EPERM, by a security module such as SELinux or an outer sandbox",
            format!("look for a denial in the kernel log, {ANOTHER_MODEL}"),
        ),
    }
}

/// `ENOMEM` because of the limit on locked memory, which holds for whoever lacks `CAP_IPC_LOCK`.
fn locked_memory(what: &'static str, octets: usize, otherwise: &str) -> Option<Unavailable> {
    let (limit, _) = getrlimit(Resource::RLIMIT_MEMLOCK).ok()?;
    if limit == libc::RLIM_INFINITY {
        return None;
    }
    let needed = octets.div_ceil(1024);
    Some(Unavailable::new(
        what,
        format!(
            "may not lock the memory asked for: RLIMIT_MEMLOCK is {} KiB for all of the user's rings together, this takes {needed} KiB more",
            limit / 1024
        ),
        format!("raise it (`ulimit -l {}`, or LimitMEMLOCK= in a systemd unit), ask for less at once, {otherwise}", {
            (limit / 1024 + needed as u64).next_power_of_two().max(8192)
        }),
    ))
}

pub(super) fn is_older_than(technique: Technique) -> bool {
    running_kernel().is_none_or(|running| running < technique.since())
}

/// What to say where the kernel does not know a technique.
pub(crate) fn missing(technique: Technique) -> Unavailable {
    let (major, minor) = technique.since();
    Unavailable::new(
        format!("io_uring with {technique} ({})", technique.kernel_name()),
        format!("needs Linux {major}.{minor}, and this is {}", running_release()),
        format!("boot a newer kernel, go without it (--deny {technique}), {ANOTHER_MODEL}"),
    )
}

/// Filters belong to a thread, so the thread is asked and not the process.
fn in_seccomp_filter() -> bool {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    status.lines().filter_map(|line| line.strip_prefix("Seccomp:")).any(|mode| mode.trim() == "2")
}

fn running_release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").map_or_else(|_| "unknown".into(), |release| release.trim().to_owned())
}

fn running_kernel() -> Option<(u32, u32)> {
    parse_release(&running_release())
}

fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(parse_release("6.18.44-fc-v595"), Some((6, 18)));
        assert_eq!(parse_release("5.4.0"), Some((5, 4)));
        assert_eq!(parse_release("4.19-rc1"), Some((4, 19)));
        assert_eq!(parse_release("unknown"), None);
        assert!((6, 2) < (6, 18) && (5, 19) < (6, 0));
    }

    #[test]
    fn the_technique_that_needs_the_newest_kernel_is_named_and_how_to_go_without_it() {
        let mut options = RingOptions::default();
        for newest in FLAGS {
            assert_eq!(options.newest(), Some(newest));
            options.techniques = options.techniques.without(newest);
        }
        assert_eq!(options.newest(), None);
        let said = missing(Technique::DeferTaskrun).to_string();
        assert!(
            said.starts_with("io_uring with defer_taskrun (IORING_SETUP_DEFER_TASKRUN) needs Linux 6.1, and this is "),
            "{said}"
        );
        assert!(said.contains("--deny defer_taskrun"), "{said}");
    }
}
