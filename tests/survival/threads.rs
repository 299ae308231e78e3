//! No threads to be had: a server of threads says so to newcomers, goes on for those who are in, and recovers.
#![allow(unsafe_code)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use tempfile::TempDir;

use crate::child::{Server, program, until};
use crate::client::{Client, GET, Latencies, bytes};
use crate::{NOTICED, RECOVERY, figure, once_more, skip};

/// Threads, of the user and so of the server.
const LIMIT: u64 = 40;
const RAISED: u64 = 400;
const PEERS: usize = 100;

/// The limit counts a user's threads, so the server is another user, and one who runs nothing else: by chance nobody's number.
const NOBODY: u32 = 40_000;

const PROGRAM: &str = "echo";

pub fn refused_and_given_back(model: &str) {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return skip::skipped(format_args!("survival, {model}: without threads: only root can start a server as another user"));
    }
    let place = place_for_all();
    let user = NOBODY + std::process::id() % 20_000;
    once_more(model, || {
        let Some(server) = Server::start_by(limited(&place, user, LIMIT, RAISED), model, &[]) else { return Ok(()) };

        // ANCHOR: few-threads
        let mut peers: Vec<Client> = (0..PEERS).map(|_| Client::connect(server.address)).collect();
        let mut served = Vec::new();
        for (number, mut peer) in peers.drain(..).enumerate() {
            match peer.ask(GET).unwrap_or_else(|error| panic!("{model}: number {number}: {error}")).status {
                200 => served.push(peer),
                503 => peer.hear_end().unwrap_or_else(|error| panic!("{model}: number {number}, turned away: {error}")),
                status => panic!("{model}: number {number} was answered {status}"),
            }
        }
        let room = served.len();
        if matches!(model, "blocking" | "pool") {
            assert!(room > 0 && room < LIMIT as usize, "{model}: {room} were let in");
        } else {
            assert_eq!(room, PEERS, "{model} spends no threads on connections");
        }
        // ANCHOR_END: few-threads
        // Half of those who are in now wait for nothing but themselves; the others notice nothing.
        let stuck = served.split_off(room / 2);
        for mut peer in stuck.iter().map(|peer| peer.stream.get_ref()) {
            std::io::Write::write_all(&mut peer, &bytes(64 << 20)).unwrap();
        }
        let mut latencies = Latencies::default();
        for _ in 0..5 {
            for peer in &mut served {
                let start = Instant::now();
                assert_eq!(peer.ask(GET).unwrap().status, 200);
                latencies.push(start.elapsed());
            }
        }
        // Some leave: as many come in.
        served.truncate(room / 4);
        drop(stuck);
        let by_closing = come_in(&server, &mut served, room / 2);
        // More threads are given.
        raise(&server, user);
        let by_limit = come_in(&server, &mut served, PEERS);
        figure(
            model,
            format_args!(
                "{LIMIT} threads: {room} of {PEERS} served, the others 503; with half of them stuck, others' {latencies}; room {:.2} s after others closed and {:.2} s after the limit was raised",
                by_closing.as_secs_f64(),
                by_limit.as_secs_f64()
            ),
        );
        drop(served);
        server.stop();
        if latencies.p99() > NOTICED {
            return Err(format!("those who were in waited for each other: {latencies}"));
        }
        if by_closing.max(by_limit) > RECOVERY {
            return Err(format!("it took {by_closing:?} and {by_limit:?} to recover"));
        }
        Ok(())
    });
}

/// Without a thread for signals, and without one for the first loop: no server can begin, and each says what to do.
pub fn too_few_to_begin(model: &str) {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return skip::skipped(format_args!("survival, {model}: without threads: only root can start a server as another user"));
    }
    let place = place_for_all();
    // Somebody else than in the other test, which runs beside this one.
    let user = NOBODY + 20_000 + std::process::id() % 5_000;
    for limit in [1, 2] {
        let ended = limited(&place, user, limit, limit).args(["--model", model, "--listen", "127.0.0.1:0"]).output().unwrap();
        let says = String::from_utf8_lossy(&ended.stderr);
        if ended.status.code() == Some(3) {
            return skip::skipped(format_args!("survival, {model}: {}", says.trim()));
        }
        assert_eq!(ended.status.code(), Some(1), "{model}, {limit} threads: {says}");
        assert!(says.contains("thread") && says.contains("RLIMIT_NPROC"), "{model}, {limit} threads: {says}");
    }
}

/// A directory with a copy of the server in it that every user may run: the original may lie in somebody's home.
fn place_for_all() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(program(), place.path().join(PROGRAM)).unwrap();
    place
}

/// The server there, to be started by a user who may have so many threads, and as many more as he asks for up to `hard`.
fn limited(place: &TempDir, user: u32, soft: u64, hard: u64) -> Command {
    let mut command = Command::new(place.path().join(PROGRAM));
    command.uid(user).gid(user);
    // SAFETY: one system call, and nothing allocated.
    unsafe { command.pre_exec(move || Ok(setrlimit(Resource::RLIMIT_NPROC, soft, hard)?)) };
    command
}

/// Only the same user may, but for root with all its privileges; and a thread can be another user than its process.
fn raise(server: &Server, user: u32) {
    let process = server.id() as libc::pid_t;
    let more = libc::rlimit { rlim_cur: RAISED, rlim_max: RAISED };
    let raiser = thread::spawn(move || {
        // SAFETY: numbers, and one structure that the kernel reads and that outlives the call. Without the C library around it,
        // the first call changes this thread alone.
        unsafe {
            libc::syscall(libc::SYS_setresgid, user, user, user);
            libc::syscall(libc::SYS_setresuid, user, user, user);
            libc::prlimit(process, libc::RLIMIT_NPROC, &more, std::ptr::null_mut())
        }
    });
    assert_eq!(raiser.join().unwrap(), 0, "whoever owns a process may raise its limit up to the hard one");
}

/// Goes on until so many are served; says how long that took.
fn come_in(server: &Server, served: &mut Vec<Client>, count: usize) -> Duration {
    until("newcomers are let in again", || {
        if served.len() < count {
            let mut peer = Client::connect(server.address);
            if peer.ask(GET).unwrap().status == 200 {
                served.push(peer);
            }
        }
        served.len() >= count
    })
}
