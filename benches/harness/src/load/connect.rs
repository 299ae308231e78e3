//! Connecting more often than one address has ports.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, Socket, Type};

/// So many addresses are used, from 127.0.0.1 on.
const ADDRESSES: u8 = 100;

/// Where connections come from. One address has about 28,000 ports for one server (`ip_local_port_range` in ip(7)), and a port
/// of a connection that was closed may be taken for another minute; the network 127.0.0.0/8 has addresses enough, and all of
/// them are this machine.
#[derive(Default)]
pub(crate) struct Sources {
    used_up: u8,
}

impl Sources {
    pub(crate) fn connect(&mut self, to: SocketAddr) -> io::Result<TcpStream> {
        loop {
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
            if self.used_up > 0 {
                // The port is then chosen by connect(2), which knows for whom it must be unique.
                setsockopt(&socket, IpBindAddressNoPort, &true)?;
                let from = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 1 + self.used_up), 0);
                socket.bind(&SocketAddr::V4(from).into())?;
            }
            match socket.connect(&to.into()) {
                Err(error)
                    if error.kind() == io::ErrorKind::AddrNotAvailable
                        && to.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)
                        && self.used_up + 1 < ADDRESSES =>
                {
                    self.used_up += 1;
                }
                Err(error) => return Err(io::Error::new(error.kind(), format!("cannot connect to {to}: {error}"))),
                Ok(()) => {
                    socket.set_tcp_nodelay(true)?;
                    return Ok(socket.into());
                }
            }
        }
    }
}
