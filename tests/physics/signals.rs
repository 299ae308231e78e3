//! Facts about waits that are interrupted.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::sockets::pair;

/// Set for the process that is stopped and continued.
const STOPPED: &str = "IOLAB_TEST_STOPPED";

#[test]
fn a_stop_ends_epoll_wait_with_eintr_though_there_is_no_handler_and_a_read_goes_on() {
    if std::env::var_os(STOPPED).is_some() {
        return wait_while_stopped();
    }
    let name = "signals::a_stop_ends_epoll_wait_with_eintr_though_there_is_no_handler_and_a_read_goes_on";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(STOPPED, "1").stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut says = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.ends_with("waiting\n") {
        assert!(says.read_line(&mut line).unwrap() > 0, "{line}");
    }
    let id = Pid::from_raw(child.id() as i32);
    // Again until it is in the wait and not before it.
    let status = loop {
        kill(id, Signal::SIGSTOP).unwrap();
        thread::sleep(Duration::from_millis(2));
        kill(id, Signal::SIGCONT).unwrap();
        thread::sleep(Duration::from_millis(5));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    says.read_to_string(&mut line).unwrap();
    assert!(status.success() && line.contains("1 passed"), "{line}");
}

// ANCHOR: stopped
/// Another process sends SIGSTOP and SIGCONT, again and again. No signal has a handler here.
fn wait_while_stopped() {
    let (mut client, mut server) = pair();
    let (_quiet, watched) = pair();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(&watched, EpollEvent::new(EpollFlags::EPOLLIN, 0)).unwrap();
    let reads = thread::spawn(move || server.read(&mut [0; 8]));
    println!("waiting");
    let waited = epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::NONE);
    assert_eq!(waited, Err(nix::errno::Errno::EINTR), "though it may wait for ever, and nothing came");
    assert!(!reads.is_finished(), "the read was stopped as well, and goes on");
    client.write_all(b"octets").unwrap();
    assert_eq!(reads.join().unwrap().unwrap(), 6);
}
// ANCHOR_END: stopped
