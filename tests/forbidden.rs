//! Where io_uring is forbidden, the error says by what and what to do; nothing panics, and nothing else is used in its place.
#![allow(unsafe_code)]

mod skip;

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;

use iolab::Model;
use iolab::models::{Uring, uring};
use iolab::{ReadFile, ReadList, Unavailable};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tempfile::NamedTempFile;

/// Makes `io_uring_setup(2)` answer `errno`, for this thread and what it starts. It allocates nothing, so that it may run between
/// fork and exec.
fn forbid(errno: i32) -> io::Result<()> {
    let step = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let mut filter = [
        // The number of the call is the first field of `seccomp_data`.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        libc::sock_filter { jf: 1, ..step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_io_uring_setup as u32) },
        step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the first call takes numbers only; the second a program that outlives it.
    let set = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    if set { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What reading by io_uring says on a thread that is prepared in some way.
fn refusal(prepare: impl FnOnce() + Send + 'static) -> Unavailable {
    let refused = thread::spawn(move || {
        prepare();
        let file = ReadFile::open_buffered("/proc/version").unwrap();
        let range = 0..1;
        let mut list = ReadList::new(std::slice::from_ref(&range), |_, _| ControlFlow::Continue(()));
        Uring::default().read_ranges(&file, NonZeroUsize::MIN, &mut list).expect_err("it is forbidden")
    });
    let error = refused.join().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    Unavailable::within(&error).unwrap_or_else(|| panic!("{error}")).clone()
}

// ANCHOR: by-seccomp
#[test]
fn by_a_seccomp_filter() {
    if is_forbidden_by_sysctl() {
        return;
    }
    for (errno, name) in [(libc::EPERM, "EPERM"), (libc::ENOSYS, "ENOSYS")] {
        let unavailable = refusal(move || forbid(errno).unwrap());
        let said = unavailable.to_string();
        assert!(said.starts_with("io_uring is forbidden by a seccomp filter"), "{said}");
        assert!(said.contains(name) && unavailable.cure.contains("choose another model"), "{said}");
        assert!(!said.contains('\n'));
    }
}
// ANCHOR_END: by-seccomp

#[test]
fn by_the_limit_on_locked_memory() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap();
    setrlimit(Resource::RLIMIT_MEMLOCK, 0, hard).unwrap();
    let unavailable = refusal(become_nobody);
    setrlimit(Resource::RLIMIT_MEMLOCK, soft, hard).unwrap();
    let said = unavailable.to_string();
    if said.contains("seccomp") || said.contains("io_uring_disabled") {
        return skip::skipped(format_args!("there is no ring to be had to begin with: {said}"));
    }
    assert!(said.contains("RLIMIT_MEMLOCK is 0 KiB") && said.contains("ulimit -l"), "{said}");

    // Room for a ring, but not for the blocks of 1 MiB that it is to read into: these can be gone without, if that is said.
    let written = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    written.as_file().set_len(4 << 20).unwrap();
    let Ok(file) = ReadFile::open_direct(written.path()) else {
        return skip::skipped(format_args!("registered buffers are for direct reads, and there are none here"));
    };
    let read = |model: Uring| {
        let ranges: Vec<_> = (0..4).map(|number| number << 20..(number + 1) << 20).collect();
        let mut octets = 0;
        let mut list = ReadList::new(&ranges, |_, arrived| {
            octets += arrived.unwrap().len();
            ControlFlow::Continue(())
        });
        model.read_ranges(&file, NonZeroUsize::new(4).unwrap(), &mut list).map(|_| octets)
    };
    setrlimit(Resource::RLIMIT_MEMLOCK, 1 << 20, hard).unwrap();
    let techniques = uring::Techniques::ALL.without(uring::Technique::RegisteredBuffers);
    let (with, without) = thread::scope(|scope| {
        let both = || {
            become_nobody();
            (read(Uring::default()), read(Uring { techniques, ..Uring::default() }))
        };
        scope.spawn(both).join().unwrap()
    });
    setrlimit(Resource::RLIMIT_MEMLOCK, soft, hard).unwrap();
    let error = with.expect_err("4 MiB are more than 1 MiB");
    let said = Unavailable::within(&error).unwrap_or_else(|| panic!("{error}")).to_string();
    assert!(said.starts_with("registered buffers may not lock the memory asked for: RLIMIT_MEMLOCK is 1024 KiB"), "{said}");
    assert!(said.contains("--deny registered_buffers"), "{said}");
    assert_eq!(without.unwrap(), 4 << 20);
}

/// Takes root's privileges from this thread alone, because the limit would not hold for them. Who is not root may fail and needs
/// none of it.
fn become_nobody() {
    const NOBODY: libc::uid_t = 65534;
    // SAFETY: numbers only, and without the C library around it, which would do the same to all threads.
    unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
}

/// Whether the machine forbids it already, so that nobody gets as far as a filter; then it says so on one line.
fn is_forbidden_by_sysctl() -> bool {
    let setting = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    let is_forbidden = !matches!(setting.trim(), "" | "0");
    if is_forbidden {
        skip::skipped(format_args!("seccomp against io_uring: kernel.io_uring_disabled={} comes first", setting.trim()));
    }
    is_forbidden
}

/// Runs the read_file example without io_uring. `cargo test` builds it; `cargo test --test forbidden` alone does not.
fn read_file(arguments: &[&str]) -> Option<Output> {
    let program: PathBuf = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/read_file");
    if !program.exists() {
        skip::skipped(format_args!("{} is not built (cargo build --examples)", program.display()));
        return None;
    }
    let mut command = Command::new(program);
    command.arg(file!()).args(arguments);
    // SAFETY: `forbid` makes two system calls and allocates nothing.
    unsafe { command.pre_exec(|| forbid(libc::EPERM)) };
    Some(command.output().unwrap())
}

#[test]
fn read_file_exits_with_3_and_says_why() {
    if is_forbidden_by_sysctl() {
        return;
    }
    let Some(output) = read_file(&["--model", "uring"]) else { return };
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("seccomp"), "{output:?}");
}

#[test]
fn of_all_models_the_other_three_run_and_the_row_says_why() {
    if is_forbidden_by_sysctl() {
        return;
    }
    let Some(output) = read_file(&["--model", "all", "--json"]) else { return };
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 4);
    for row in rows {
        match row["model"].as_str().unwrap() {
            "uring" => assert!(row["error"].as_str().unwrap().contains("seccomp"), "{row}"),
            _ => assert!(row["reads"].as_u64().unwrap() > 0, "{row}"),
        }
    }
}
