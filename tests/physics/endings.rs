//! Facts about how connections begin and end: queues that are full, descriptors that have run out, closes that are resets.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockRef, Socket, Type};

use super::sockets::pair;

/// Long enough for whatever comes on a loopback without being sent again.
const SOON: Duration = Duration::from_millis(300);

/// Set for the process that has no descriptors to give away.
const ALONE: &str = "IOLAB_TEST_WITHOUT_DESCRIPTORS";

/// The limit is that of a whole process, so this runs in one of its own.
#[test]
fn without_descriptors_accept_fails_before_it_looks_and_the_newcomer_stays() {
    if std::env::var_os(ALONE).is_some() {
        return without_descriptors();
    }
    let name = "endings::without_descriptors_accept_fails_before_it_looks_and_the_newcomer_stays";
    let ended = Command::new(std::env::current_exe().unwrap()).args(["--exact", name]).env(ALONE, "1").output().unwrap();
    let says = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && says.contains("1 passed"), "{says}");
}

fn without_descriptors() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let allow = |descriptors| setrlimit(Resource::RLIMIT_NOFILE, descriptors, hard).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, 0)).unwrap();
    let says_someone_is_there = || epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::ZERO).unwrap() == 1;
    let errno = || listener.accept().unwrap_err().raw_os_error();

    // ANCHOR: emfile
    assert_eq!(errno(), Some(libc::EAGAIN), "nobody is there");
    allow(0);
    assert_eq!(errno(), Some(libc::EMFILE), "still nobody is there, but that is not even looked at");
    allow(soft);
    let _newcomer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    allow(0);
    for _ in 0..100 {
        assert!(says_someone_is_there(), "at once, and again and again");
        assert_eq!(errno(), Some(libc::EMFILE));
    }
    allow(soft);
    assert!(listener.accept().is_ok(), "whoever was refused is still there");
    // ANCHOR_END: emfile
}

/// What the kernel counts of listeners whose queue was full, on this network.
fn overflows() -> u64 {
    let counts = fs::read_to_string("/proc/net/netstat").unwrap();
    let mut lines = counts.lines().filter_map(|line| line.strip_prefix("TcpExt: ")).map(|line| line.split(' '));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let count = names.zip(values).find(|(name, _)| *name == "ListenOverflows").expect("a kernel that counts them");
    count.1.parse().unwrap()
}

// ANCHOR: full-queue
#[test]
fn a_queue_holds_one_more_than_asked_and_whoever_finds_it_full_is_not_answered() {
    const BACKLOG: i32 = 3;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(BACKLOG).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let _first: Vec<_> = (0..BACKLOG + 1).map(|_| TcpStream::connect(address).expect("room in the queue")).collect();

    let before = overflows();
    let kept_waiting = TcpStream::connect_timeout(&address, SOON).unwrap_err();
    assert_eq!(kept_waiting.kind(), ErrorKind::TimedOut, "neither let in nor refused");
    assert!(overflows() > before, "the kernel counts it, and nobody else does");
    listener.accept().unwrap();
    TcpStream::connect_timeout(&address, SOON).expect("one place is free again");
}
// ANCHOR_END: full-queue

#[test]
fn a_reset_takes_along_what_has_not_gone_out_and_a_fin_does_not() {
    let answer = vec![b'x'; 8 << 20];
    for is_heard_out in [false, true] {
        let (mut client, mut server) = pair();
        // ANCHOR: lost-answer
        client.write_all(b"a body that nobody reads").unwrap();
        server.peek(&mut [0]).unwrap();
        SockRef::from(&server).set_nonblocking(true).unwrap();
        let taken = server.write(&answer).unwrap();
        SockRef::from(&server).set_nonblocking(false).unwrap();
        if is_heard_out {
            server.shutdown(Shutdown::Write).unwrap();
            server.read_exact(&mut [0; 24]).unwrap();
        }
        drop(server);
        // ANCHOR_END: lost-answer
        let mut heard = Vec::new();
        let end = client.read_to_end(&mut heard).map_err(|error| error.kind());
        if is_heard_out {
            assert_eq!((end, heard.len()), (Ok(taken), taken));
        } else {
            assert_eq!(end, Err(ErrorKind::ConnectionReset));
            assert!(heard.len() < taken, "the kernel had taken {taken} octets of it, and all of them came");
        }
    }
}

// ANCHOR: half-close
#[test]
fn a_half_close_and_a_close_look_alike_until_something_is_sent() {
    let ((mut listens, mut to_one_who_listens), (has_gone, mut to_one_who_has_gone)) = (pair(), pair());
    listens.shutdown(Shutdown::Write).unwrap();
    drop(has_gone);
    for server in [&mut to_one_who_listens, &mut to_one_who_has_gone] {
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
        epoll.add(&*server, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP, 0)).unwrap();
        let mut events = [EpollEvent::empty()];
        assert_eq!(epoll.wait(&mut events, EpollTimeout::NONE), Ok(1));
        assert_eq!(events[0].events(), EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP, "and no word of which it is");
        server.write_all(b"answer").expect("it goes out to either");
    }
    let mut heard = [0; 6];
    listens.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"answer");
    // Whoever has closed answers with a reset, and only the next write hears of it.
    let refused = (0..).find_map(|_| to_one_who_has_gone.write(b"more").err()).unwrap();
    assert!(matches!(refused.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{refused}");
}
// ANCHOR_END: half-close
