//! Where io_uring is forbidden, as in most containers, the load does the same over epoll, and says so.
#![allow(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use harness::load::{Edge, Generator, Kind, Pace, Plan, Question, Steady, Terms};
use nix::libc;

/// Lets `io_uring_setup(2)` fail with EPERM in this thread, for good (seccomp(2)).
fn forbid_io_uring() -> io::Result<()> {
    let step = |code: u32, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    let mut steps = [
        // The number of the call is the first field of `seccomp_data`.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, libc::SYS_io_uring_setup as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: the program and its steps are valid for the call, which copies them.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[test]
fn bursts_come_over_epoll_where_io_uring_is_forbidden() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let question = Question::get("/", b"hello".to_vec());
    let request = question.request.len();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream?;
            thread::spawn(move || -> io::Result<()> {
                let mut octets = vec![0; request];
                loop {
                    stream.read_exact(&mut octets)?;
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")?;
                }
            });
        }
        Ok::<_, io::Error>(())
    });
    let load = thread::spawn(move || -> io::Result<_> {
        forbid_io_uring()?;
        let plan = Plan { warm_up: Duration::ZERO, window: Duration::from_millis(20) };
        for pace in [Pace::Open { rate: 1_000.0 }, Pace::Closed] {
            let terms = Terms { connections: 4, pipelined: 4, kind: Kind::Bursty, pace };
            let sample = Steady::connect(to, &terms, &question)?.run(plan, &mut |_: Edge| {})?;
            assert!(sample.answers_in_all > 4, "{sample:?}");
            assert!(matches!(sample.generator, Generator::BurstyEpoll(_)), "{}", sample.generator);
        }
        Ok(())
    });
    load.join().unwrap().unwrap();
}
