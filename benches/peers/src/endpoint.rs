//! The child's part of the protocol, for those who serve: where they listen, and that they end when the input does.
//!
//! A server opens its [`Endpoint`] when it is ready to accept. It need not know how to stop: the process ends, connections and
//! all, when the benchmark closes its standard input, and its last words are said from the thread that waits for that.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use harness::child::{Said, Spent, say};
use harness::serving::LISTEN;
use socket2::{Domain, Socket, Type};

use crate::calls::Counter;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Whether the system calls of this process are to be counted; there is one endpoint in a process.
static COUNT_CALLS: AtomicBool = AtomicBool::new(false);

/// A socket that listens, of which nobody has been told.
pub struct Endpoint {
    listener: TcpListener,
}

impl Endpoint {
    pub fn bind(count_calls: bool) -> io::Result<Endpoint> {
        COUNT_CALLS.store(count_calls, Ordering::Relaxed);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&LISTEN.into())?;
        socket.listen(BACKLOG)?;
        Ok(Endpoint { listener: socket.into() })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// For those who wait by readiness.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        self.listener.set_nonblocking(true)
    }

    /// Tells the benchmark, and gives the socket to whoever accepts.
    pub fn open(self) -> io::Result<TcpListener> {
        Endpoint::announce(self.address()?)?;
        Ok(self.listener)
    }

    /// For those who bind themselves: an address that was free a moment ago.
    pub fn give_up(self) -> io::Result<SocketAddr> {
        self.address()
    }

    pub fn counts_calls(&self) -> bool {
        COUNT_CALLS.load(Ordering::Relaxed)
    }

    /// Tells the benchmark that this process serves at `address`, and sees to its end.
    pub fn announce(address: SocketAddr) -> io::Result<()> {
        let count_calls = COUNT_CALLS.load(Ordering::Relaxed);
        let wait = move || {
            let said = Endpoint::speak_for(process::id(), address, count_calls);
            process::exit(i32::from(said.is_err()));
        };
        thread::Builder::new().name("end of input".into()).spawn(wait).map(drop)
    }

    /// Says where process `server` serves, waits for the end of the input, and says what it took.
    pub fn speak_for(server: u32, address: SocketAddr, count_calls: bool) -> io::Result<()> {
        let counter = count_calls.then(|| Counter::attach(server)).transpose()?;
        say(&Said::Listening(address))?;
        io::copy(&mut io::stdin().lock(), &mut io::sink())?;
        let spent = counter.map_or_else(|| Ok(Spent::default()), Counter::end)?;
        say(&Said::Ended(spent))
    }
}
