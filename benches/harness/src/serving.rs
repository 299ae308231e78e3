//! The role of the server: what everyone in it does, whatever it serves and however it waits.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Where a server listens: any port of this machine's own network.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Does something when standard input ends, on a thread of its own: the benchmark asks for the end so, and its death does too.
pub fn on_end_of_input(end: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let wait = move || {
        wait_for_end_of_input();
        end();
    };
    thread::Builder::new().name("end of input".into()).spawn(wait).map(drop)
}

/// The same on this thread.
pub fn wait_for_end_of_input() {
    // Whether it ends or fails, nobody is there any more.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
}

/// Raises the soft limit on descriptors to the hard one, which needs no privilege; returns it.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}
