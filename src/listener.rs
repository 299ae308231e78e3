//! Listening sockets, set up once for what every connection of theirs needs.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::LISTEN_BACKLOG;

/// How much the kernel takes of an answer beyond what it may send at once: 256 KiB, as much as a connection itself holds. Left to
/// itself it takes up to 4 MiB (`net.ipv4.tcp_wmem`): of each peer that reads slowly, which 400 of them made 1.5 GB, and the time it
/// takes to copy that; and what it has taken counts as read, however little of it is.
const UNSENT_OCTETS: u32 = 256 << 10;

/// As many listeners on `address` as there are threads to serve it. The kernel spreads newcomers over them (`SO_REUSEPORT`,
/// socket(7)); a single one is alone on its address, so that a second server there is told that the address is taken.
///
/// Every connection inherits `TCP_NODELAY` from its listener (an answer leaves when it is said, not when the one before it has
/// been acknowledged) and `TCP_NOTSENT_LOWAT`, which saves two system calls on each. Accepting does not block; whoever wants to wait, waits with poll(2)
/// or its better kin.
pub fn listen(address: SocketAddr, threads: usize) -> io::Result<Vec<TcpListener>> {
    let first = bind(address, threads > 1)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..threads {
        listeners.push(bind(address, true)?);
    }
    Ok(listeners)
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(UNSENT_OCTETS)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}
