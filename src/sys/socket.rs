//! A connected TCP socket, and the one that listens.
//!
//! The two calls that every request takes are made directly: the C library's `recv` and `send` are cancellation points (pthreads(7)),
//! and get ready to be cancelled and no longer so with each call, which in a program of several threads is 90 instructions.
#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockRef, Type};

use super::calls::{Call, enter};

/// A connected socket; it is closed when dropped.
pub(crate) struct Socket(Option<OwnedFd>);

impl Socket {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_ref().expect("a socket has its descriptor until it is dropped").as_fd()
    }

    /// Reads what is there, at most a buffer full (recv(2)). 0 is the peer's FIN.
    #[inline]
    pub(crate) fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_with(buffer, 0)
    }

    #[inline(always)]
    fn recv_with(&self, buffer: &mut [u8], flags: i32) -> io::Result<usize> {
        let fd = self.fd();
        let call = enter(Call::Recvfrom).on(fd);
        let (start, len) = (buffer.as_mut_ptr(), buffer.len());
        let nobody: *mut u8 = ptr::null_mut();
        // SAFETY: the pointer and the length are those of a slice that lives through the call.
        call.left(check(unsafe { libc::syscall(libc::SYS_recvfrom, fd.as_raw_fd(), start, len, flags, nobody, nobody) }))
    }

    /// Reads what is there, and does not wait even if the socket does: `EAGAIN` where nothing is.
    pub(crate) fn recv_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_with(buffer, libc::MSG_DONTWAIT)
    }

    /// Sends what the kernel takes of `slices` (sendmsg(2), or send(2) for a single one). A peer that has gone is an error,
    /// not a `SIGPIPE`.
    #[inline]
    pub(crate) fn send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_all_with(slices, 0)
    }

    /// Sends what the kernel has room for, and does not wait for more even if the socket does.
    pub(crate) fn send_now(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_all_with(slices, libc::MSG_DONTWAIT)
    }

    #[inline(always)]
    fn send_all_with(&self, slices: &[IoSlice<'_>], flags: i32) -> io::Result<usize> {
        if let [slice] = slices {
            return self.send_with(slice, flags);
        }
        let fd = self.fd();
        let call = enter(Call::Sendmsg).on(fd);
        // SAFETY: all-zero is a valid `msghdr`: no name, no control data, no octets.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = slices.as_ptr().cast_mut().cast();
        message.msg_iovlen = slices.len();
        // SAFETY: `IoSlice` has the layout of `iovec` (its documentation says so); the slices outlive the call, which only
        // reads from them.
        call.left(check(unsafe { libc::sendmsg(fd.as_raw_fd(), &message, flags | libc::MSG_NOSIGNAL) }))
    }

    #[inline(always)]
    fn send_with(&self, octets: &[u8], flags: i32) -> io::Result<usize> {
        let fd = self.fd();
        let call = enter(Call::Sendto).on(fd);
        let (start, len, flags) = (octets.as_ptr(), octets.len(), flags | libc::MSG_NOSIGNAL);
        let nobody: *const u8 = ptr::null();
        // SAFETY: the pointer and the length are those of a slice that lives through the call.
        call.left(check(unsafe { libc::syscall(libc::SYS_sendto, fd.as_raw_fd(), start, len, flags, nobody, 0) }))
    }

    /// Sends FIN after the last octet; the peer may still speak (shutdown(2)). An error means that the peer has gone already,
    /// which the next read reports.
    pub(crate) fn finish(&self) {
        let _call = enter(Call::Shutdown).on(self.fd());
        let _ = SockRef::from(&self.fd()).shutdown(Shutdown::Write);
    }

    /// Ends all reading, also that of another thread, which then finds 0 octets.
    pub(crate) fn stop_reading(&self) {
        let _call = enter(Call::Shutdown).on(self.fd());
        let _ = SockRef::from(&self.fd()).shutdown(Shutdown::Read);
    }

    /// Ends all traffic at once, and with it every call that another thread waits in.
    pub(crate) fn cut(&self) {
        let _call = enter(Call::Shutdown).on(self.fd());
        let _ = SockRef::from(&self.fd()).shutdown(Shutdown::Both);
    }

    /// Resets it at once, also under a thread that waits in a call on it. [`cut`](Self::cut) would send a FIN, and what was cut
    /// off would look whole. (connect(2): `AF_UNSPEC` dissolves a TCP association. Linux 6.4 and 6.5 refuse that while somebody
    /// waits; there a FIN it is.)
    pub(crate) fn reset(&self) {
        let call = enter(Call::Connect).on(self.fd());
        // SAFETY: all-zero is a valid `sockaddr`, whose family is then `AF_UNSPEC`.
        let nobody: libc::sockaddr = unsafe { std::mem::zeroed() };
        let len = size_of_val(&nobody) as libc::socklen_t;
        // SAFETY: the kernel reads one structure of the length given, which outlives the call.
        let dissolved = check(unsafe { libc::connect(self.fd().as_raw_fd(), &nobody, len) });
        if call.left(dissolved).is_err() {
            self.cut();
        }
    }

    /// Makes the close a reset, which drops what is unsent and tells the peer that it was cut off (`SO_LINGER` 0, socket(7)).
    pub(crate) fn reset_on_close(&self) {
        let _call = enter(Call::Setsockopt).on(self.fd());
        let _ = SockRef::from(&self.fd()).set_linger(Some(Duration::ZERO));
    }

    /// How long a blocking read waits before it gives up with `EAGAIN` (`SO_RCVTIMEO`, socket(7)); `None` for ever.
    pub(crate) fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        let _call = enter(Call::Setsockopt).on(self.fd());
        SockRef::from(&self.fd()).set_read_timeout(limit)
    }

    /// The same of a blocking write (`SO_SNDTIMEO`), and of connecting, which then goes on behind `EINPROGRESS`.
    pub(crate) fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        let _call = enter(Call::Setsockopt).on(self.fd());
        SockRef::from(&self.fd()).set_write_timeout(limit)
    }
}

/// For outgoing connections.
impl Socket {
    /// A socket that is not connected yet, for an address of this family. Like those accepted it sends at once what it is given
    /// (`TCP_NODELAY`).
    pub(crate) fn unconnected(address: SocketAddr, mode: Mode) -> io::Result<Socket> {
        let kind = Type::STREAM.cloexec();
        let kind = if mode == Mode::Nonblocking { kind.nonblocking() } else { kind };
        let call = enter(Call::Socket);
        let socket = socket2::Socket::new_raw(Domain::for_address(address), kind, Some(Protocol::TCP))?;
        drop(call);
        let socket = Socket(Some(socket.into()));
        let _call = enter(Call::Setsockopt).on(socket.fd());
        SockRef::from(&socket.fd()).set_tcp_nodelay(true)?;
        Ok(socket)
    }

    /// Connects, or (if it does not block) begins to and answers `EINPROGRESS`: it becomes writable when it is connected or has
    /// failed, and [`outcome`](Self::outcome) says which (connect(2)).
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        let call = enter(Call::Connect).on(self.fd());
        call.left(SockRef::from(&self.fd()).connect(&address.into()))
    }

    /// What came of connecting (`SO_ERROR`, socket(7)).
    pub(crate) fn outcome(&self) -> io::Result<()> {
        let _call = enter(Call::Getsockopt).on(self.fd());
        SockRef::from(&self.fd()).take_error()?.map_or(Ok(()), Err)
    }
}

/// For whoever closes it in another way.
impl From<Socket> for OwnedFd {
    fn from(mut socket: Socket) -> OwnedFd {
        let fd = socket.0.take().expect("a socket has its descriptor until it is dropped");
        std::mem::forget(socket);
        fd
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd()
    }
}

impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Socket(Some(fd))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _call = enter(Call::Close).on(self.fd());
        self.0 = None;
    }
}

/// Whether a new connection's socket blocks. Not inherited from the listener (accept(2), NOTES).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Blocking,
    Nonblocking,
}

/// Takes the next connection off the queue (accept4(2)).
pub(crate) fn accept(listener: &impl AsFd, mode: Mode) -> io::Result<Socket> {
    let call = enter(Call::Accept4).on(listener);
    let flags = libc::SOCK_CLOEXEC | if mode == Mode::Nonblocking { libc::SOCK_NONBLOCK } else { 0 };
    // SAFETY: no address is asked for, so the kernel writes nothing.
    let accepted = unsafe { libc::accept4(listener.as_fd().as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags) };
    let fd = call.left(check(accepted))? as RawFd;
    // SAFETY: the kernel has just made this descriptor and nobody else has it.
    Ok(Socket(Some(unsafe { OwnedFd::from_raw_fd(fd) })))
}

/// Whether accepting from a listener waits (`O_NONBLOCK` by ioctl(2) `FIONBIO`).
pub(crate) fn set_mode(listener: &TcpListener, mode: Mode) -> io::Result<()> {
    let _call = enter(Call::Ioctl).on(listener);
    listener.set_nonblocking(mode == Mode::Nonblocking)
}

/// Waits until the peer has finished or gone, or the time is over (poll(2) for `POLLRDHUP`); says whether it has. What it said
/// before stays unread.
pub(crate) fn poll_hang_up(socket: &Socket, timeout: Option<Duration>) -> io::Result<bool> {
    let call = enter(Call::Poll).on(socket.fd());
    // `nix` has no name for it.
    let mut asked = [PollFd::new(socket.fd(), PollFlags::from_bits_retain(libc::POLLRDHUP))];
    match call.left(poll(&mut asked, poll_timeout(timeout))) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn poll_timeout(timeout: Option<Duration>) -> PollTimeout {
    let millis = timeout.map_or(-1, |limit| i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
    PollTimeout::try_from(millis).unwrap_or(PollTimeout::NONE)
}

/// Waits until one of `descriptors` is readable or the time is over (poll(2)), and says which are.
pub(crate) fn poll_readable<const N: usize>(
    descriptors: [BorrowedFd<'_>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let call = enter(Call::Poll);
    let mut asked = descriptors.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    match call.left(poll(&mut asked, poll_timeout(timeout))) {
        Ok(_) => Ok(asked.map(|fd| fd.any().unwrap_or(true))),
        Err(Errno::EINTR) => Ok([false; N]),
        Err(error) => Err(error.into()),
    }
}

#[inline]
fn check(result: impl TryInto<usize>) -> io::Result<usize> {
    result.try_into().map_err(|_| io::Error::last_os_error())
}
