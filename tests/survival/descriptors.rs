//! No descriptors left; and newcomers that have gone before they were let in.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};

use crate::child::{Server, program, until};
use crate::client::{Client, GET};
use crate::{PATIENCE, RECOVERY, figure, injected, once_more};

const LIMIT: u64 = 64;
const RAISED: u64 = 256;

/// More than twice as many as there are descriptors for, so that nobody gets far by one.
const PEERS: usize = 140;

/// A server that asks again at once instead of waiting would spend all of it; one that waits, less than a tenth.
const WATCHED: Duration = Duration::from_secs(1);

pub fn exhausted_and_given_back(model: &str) {
    once_more(model, || {
        let mut command = Command::new(program());
        // SAFETY: one system call, and nothing allocated.
        unsafe { command.pre_exec(|| Ok(setrlimit(Resource::RLIMIT_NOFILE, LIMIT, RAISED)?)) };
        let Some(server) = Server::start_by(command, model, &[]) else { return Ok(()) };
        // Who has been answered has met a server that has all it opens for itself.
        let mut peers = vec![Client::connect(server.address)];
        assert_eq!(peers[0].ask(GET).unwrap().status, 200);
        let room = LIMIT as usize - server.descriptors_below(LIMIT) + 1;
        peers.extend((1..PEERS).map(|_| Client::connect(server.address)));
        for peer in &mut peers {
            peer.say(GET).unwrap();
        }
        // The queue is a queue: the first are let in.
        for (number, peer) in peers[..room].iter_mut().enumerate() {
            let answer = peer.hear().unwrap_or_else(|error| panic!("{model}: number {number} of {room}: {error}"));
            assert_eq!(answer.status, 200);
        }
        until("every descriptor is taken", || server.descriptors_below(LIMIT) as u64 == LIMIT);
        let before = server.cpu_time();
        thread::sleep(WATCHED);
        let spent = server.cpu_time() - before;
        assert_eq!(peers[0].ask(GET).unwrap().status, 200, "those who are in are served");

        // Half of those who are in go: as many of those who wait come in.
        let mut waiting = peers.split_off(room);
        drop(peers.split_off(room / 2));
        let by_closing = let_in(&mut waiting[..room - room / 2]);
        // More descriptors are given, and nobody goes: all come in.
        let more = libc::rlimit { rlim_cur: RAISED, rlim_max: RAISED };
        // SAFETY: the kernel reads one structure that outlives the call, and writes none.
        let raised = unsafe { libc::prlimit(server.id() as libc::pid_t, libc::RLIMIT_NOFILE, &more, std::ptr::null_mut()) };
        assert_eq!(raised, 0, "whoever has started a process may raise its limit up to the hard one");
        let by_limit = let_in(&mut waiting[room - room / 2..]);
        figure(
            model,
            format_args!(
                "no descriptors for {} of {PEERS}: {:.0} ms of CPU in {} s, let in {:.2} s after others closed and {:.2} s after the limit was raised",
                PEERS - room,
                spent.as_secs_f64() * 1e3,
                WATCHED.as_secs(),
                by_closing.as_secs_f64(),
                by_limit.as_secs_f64()
            ),
        );
        drop(server);
        for (what, took) in [("closing", by_closing), ("the limit", by_limit)] {
            if took > RECOVERY {
                return Err(format!("{took:?} passed after {what}"));
            }
        }
        if spent * 10 > WATCHED {
            return Err(format!("waiting for descriptors took {spent:?} of CPU in {WATCHED:?}"));
        }
        Ok(())
    });
}

fn let_in(waiting: &mut [Client]) -> Duration {
    let start = Instant::now();
    for (number, peer) in waiting.iter_mut().enumerate() {
        let answer = peer.hear().unwrap_or_else(|error| panic!("number {number} after {:?}: {error}", start.elapsed()));
        assert_eq!(answer.status, 200);
    }
    start.elapsed()
}

/// `ECONNABORTED`, `EINTR` and `EPROTO` concern one newcomer, or none: the next is let in at once. Five times the pause that
/// a lack of descriptors asks for would be half a second.
pub fn newcomers_that_fail_cost_no_pause(model: &str) {
    if model == "uring" {
        // Its accepts are no system calls; what it makes of their errors is tested beside the table in `accepting.rs`.
        return;
    }
    for error in ["ECONNABORTED", "EINTR", "EPROTO"] {
        once_more(model, || {
            let injected = format!("accept4:error={error}:when=1..5");
            let Some(server) = injected::start(model, &[&injected], &[]) else { return Ok(()) };
            let start = Instant::now();
            let mut peer = Client::connect(server.address);
            assert_eq!(peer.ask(GET).unwrap().status, 200);
            let took = start.elapsed();
            assert!(took < PATIENCE);
            server.stop();
            figure(model, format_args!("{error} from accept, five times: answered after {:.1} ms", took.as_secs_f64() * 1e3));
            if took > Duration::from_millis(400) { Err(format!("{error} cost {took:?}")) } else { Ok(()) }
        });
    }
}
