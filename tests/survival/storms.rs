//! Every wait is interrupted, again and again; nobody notices.
#![allow(unsafe_code)]

use std::fs;
use std::sync::Once;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use iolab::patterns::Echo;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::child::Server;
use crate::client::{Over, others};
use crate::figure;
use crate::inside::Inside;

/// After a stop, some calls end with `EINTR` although no handler ran, those with a time limit among them (signal(7)).
pub fn of_stops(model: &str) {
    const STOPS: usize = 100;
    let Some(server) = Server::start(model, &[]) else { return };
    let answers = beside_others(model, server.address, || {
        for _ in 0..STOPS {
            server.signal(Signal::SIGSTOP);
            thread::sleep(Duration::from_millis(1));
            server.signal(Signal::SIGCONT);
            thread::sleep(Duration::from_millis(3));
        }
    });
    figure(model, format_args!("stopped and continued {STOPS} times: {answers} answers, all right"));
    server.stop();
}

/// A handler without `SA_RESTART` ends every call that waits, and those that wait for a futex too.
pub fn of_signals(model: &str) {
    const ROUNDS: usize = 200;
    extern "C" fn nothing(_: libc::c_int) {}
    static HANDLER: Once = Once::new();
    HANDLER.call_once(|| {
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    });
    let Some(server) = Inside::start(model, Echo::default) else { return };
    let mut sent = 0;
    let answers = beside_others(model, server.address, || {
        for _ in 0..ROUNDS {
            for thread in threads_of(model) {
                // SAFETY: numbers only; a thread that has ended meanwhile is an error.
                let done = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGUSR1) };
                sent += usize::from(done == 0);
            }
            thread::sleep(Duration::from_millis(2));
        }
    });
    figure(model, format_args!("its threads interrupted {sent} times: {answers} answers, all right"));
    assert!(sent >= ROUNDS / 2, "{model}: there was hardly anybody to interrupt");
    server.stop();
}

/// Says how many answers others had meanwhile.
fn beside_others(model: &str, address: std::net::SocketAddr, storm: impl FnOnce()) -> usize {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let others = [0; 2].map(|_| scope.spawn(|| others(address, &over)));
        let end = Over(&over);
        storm();
        drop(end);
        let counts = others.map(|others| others.join().unwrap().unwrap_or_else(|error| panic!("{model}: {error}")).count());
        counts.iter().sum()
    })
}

/// By the names the models give their threads.
fn threads_of(model: &str) -> Vec<libc::pid_t> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let is_its = |name: &str| name == model || matches!((model, name), ("blocking", "connection") | ("pool", "worker"));
    tasks
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| is_its(name.trim_end())))
        .filter_map(|task| task.file_name().to_str()?.parse().ok())
        .collect()
}
