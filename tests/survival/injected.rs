//! A kernel that interrupts, refuses and fails: system calls that are answered with an error by strace(1).
//!
//! futex(2) is not among them: half of its calls wake somebody, which is never interrupted, and the standard library's own could
//! not be made again. `storms.rs` interrupts the other half.

use std::io;
use std::process::{Command, Stdio};
use std::thread;

use crate::child::{Server, program};
use crate::client::{Answer, Client, post};
use crate::{figure, skip};

/// A server some of whose system calls fail. `None`, said aloud, where strace cannot do that or the model cannot run.
pub fn start(model: &str, injections: &[&str], flags: &[&str]) -> Option<Server> {
    let try_out = Command::new("strace").args(["-D", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !try_out.is_ok_and(|status| status.success()) {
        skip::skipped(format_args!("survival, {model}: errors of system calls: there is no strace here, or it may not trace"));
        return None;
    }
    let mut command = Command::new("strace");
    // The tracer is nobody's parent: the process that was started is the server.
    command.args(["-D", "-f", "-qq", "-o", "/dev/null"]);
    for injection in injections {
        command.args(["-e", &format!("inject={injection}")]);
    }
    let calls: Vec<_> = injections.iter().filter_map(|injection| injection.split(':').next()).collect();
    command.args(["-e", &format!("trace={}", calls.join(","))]).arg(program());
    Server::start_by(command, model, flags)
}

/// Whether what is asked of a server may fail because of the error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// Nobody notices.
    None,
    /// It costs a connection; who asks again on another is answered.
    Connection,
}

const EVERYWHERE: &[(&str, Harm)] = &[
    ("accept4:error=EINTR:when=1+2", Harm::None),
    ("accept4:error=ECONNABORTED:when=2+2", Harm::None),
    ("accept4:error=EAGAIN:when=2+3", Harm::None),
    ("accept4:error=EMFILE:when=1..2", Harm::None),
];

// ANCHOR: injected
/// Of models that move octets by system calls of their own.
const BY_CALLS: &[(&str, Harm)] = &[
    ("recvfrom:error=EINTR:when=1+2", Harm::None),
    ("recvfrom:error=EAGAIN:when=3+3", Harm::None),
    ("sendto,sendmsg:error=EINTR:when=1+2", Harm::None),
    ("sendto,sendmsg:error=EAGAIN:when=3+3", Harm::None),
    ("recvfrom:error=ECONNRESET:when=5+5", Harm::Connection),
    ("sendto,sendmsg:error=ECONNRESET:when=5+5", Harm::Connection),
    ("sendto,sendmsg:error=EPIPE:when=5+5", Harm::Connection),
    ("sendto,sendmsg:error=ENOSPC:when=5+5", Harm::Connection),
];
// ANCHOR_END: injected

const POLL: &[(&str, Harm)] = &[("?poll,?ppoll:error=EINTR:when=1+2", Harm::None)];

const CLONE: &[(&str, Harm)] = &[("clone3:error=EAGAIN:when=6+6", Harm::Connection)];

const EPOLL: &[(&str, Harm)] =
    &[("?epoll_wait,epoll_pwait:error=EINTR:when=1+2", Harm::None), ("epoll_ctl:error=ENOSPC:when=5+3", Harm::Connection)];

const URING: &[(&str, Harm)] = &[
    ("io_uring_enter:error=EINTR:when=1+2", Harm::None),
    ("io_uring_enter:error=EAGAIN:when=3+3", Harm::None),
    ("io_uring_enter:error=EBUSY:when=3+3", Harm::None),
];

pub fn errors_of_system_calls(model: &str) {
    let its: &[_] = match model {
        "epoll" => &[EVERYWHERE, BY_CALLS, EPOLL],
        "uring" => &[EVERYWHERE, URING],
        _ => &[EVERYWHERE, BY_CALLS, POLL, CLONE],
    };
    let (mut injections, mut answers, mut connections) = (0, 0, 0);
    for &(injection, harm) in its.iter().copied().flatten() {
        println!("{injection}");
        let Some(server) = start(model, &[injection], &[]) else { return };
        let seen = converse(&server, harm).unwrap_or_else(|error| panic!("{model}, {injection}: {error}"));
        answers += seen.answers;
        connections += seen.harmed;
        injections += 1;
        server.stop();
    }
    figure(
        model,
        format_args!(
            "{injections} kinds of errors injected: {answers} answers, all right; {connections} connections lost to resets"
        ),
    );
}

struct Seen {
    answers: usize,
    harmed: usize,
}

/// Long and short requests on connections that stay and on ones that do not; what fails and may, is asked again.
fn converse(server: &Server, harm: Harm) -> io::Result<Seen> {
    let mut seen = Seen { answers: 0, harmed: 0 };
    for connection in 0..6 {
        let bodies: Vec<String> =
            (0..6).map(|request| format!("{connection}.{request} ").repeat(if request == 3 { 20_000 } else { 1 })).collect();
        let mut next = 0;
        while next < bodies.len() {
            let mut peer = Client::connect(server.address);
            for body in &bodies[next..] {
                match exchange(&mut peer, body) {
                    Ok(Answer { status: 200, body: back }) if back == body.as_bytes() => {
                        (seen.answers, next) = (seen.answers + 1, next + 1)
                    }
                    Ok(Answer { status: 503, .. }) | Err(_) if harm == Harm::Connection && seen.harmed < 100 => {
                        seen.harmed += 1;
                        break;
                    }
                    Ok(wrong) => return Err(io::Error::other(format!("{} with {} octets", wrong.status, wrong.body.len()))),
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(seen)
}

/// What is long comes back while it is still being said.
fn exchange(peer: &mut Client, body: &str) -> io::Result<Answer> {
    let mut voice = peer.stream.get_ref().try_clone()?;
    thread::scope(|scope| {
        let said = scope.spawn(move || io::Write::write_all(&mut voice, &post(body)));
        let answer = peer.hear();
        if answer.is_err() {
            let _ = peer.stream.get_ref().shutdown(std::net::Shutdown::Both);
        }
        let said = said.join().unwrap();
        answer.and_then(|answer| said.map(|()| answer))
    })
}
