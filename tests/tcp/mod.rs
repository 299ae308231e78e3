//! What tests over TCP have in common: a server in threads of its own, and a peer. What the peer says is sent by another thread,
//! so that it can listen meanwhile.

#![allow(dead_code, unused_imports, reason = "what one test binary has no use for, another has")]

mod server;

use std::io::{self, Read, Write};
use std::net::{Shutdown as Half, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub use server::{Server, Silence, model, ready};

/// Whatever takes longer than this hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct TcpPeer {
    /// Gone once it was reset.
    stream: Option<TcpStream>,
    voice: Option<(Sender<Said>, JoinHandle<()>)>,
    /// Octets that the kernel has taken.
    gone: Arc<AtomicUsize>,
}

enum Said {
    Octets(Vec<u8>),
    Finished,
}

impl TcpPeer {
    pub fn new(stream: TcpStream) -> TcpPeer {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        TcpPeer { stream: Some(stream), voice: None, gone: Arc::default() }
    }

    pub fn say(&mut self, octets: &[u8]) {
        self.utter(Said::Octets(octets.to_vec()));
    }

    pub fn finish(&mut self) {
        self.utter(Said::Finished);
    }

    /// What is unsaid is lost.
    pub fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.fall_silent();
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    /// Whether there is something to hear, at last.
    pub fn pass(&mut self, span: Duration) -> bool {
        let Some(stream) = &self.stream else { return true };
        let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::try_from(span).unwrap()).is_ok_and(|ready| ready > 0)
    }

    /// Waits until the kernel takes no more, or has taken so many octets; says how many it has.
    pub fn await_blocked(&mut self, most: usize) -> usize {
        let stream = self.stream.as_ref().expect("it was not reset");
        loop {
            let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
            let can_write = poll(&mut fds, 200_u16).is_ok_and(|ready| ready > 0);
            let gone = self.gone.load(Ordering::Relaxed);
            if !can_write || gone >= most {
                return gone;
            }
            thread::yield_now();
        }
    }

    fn utter(&mut self, said: Said) {
        let Some(stream) = &self.stream else { return };
        let (voice, _) = self.voice.get_or_insert_with(|| {
            let mut stream = stream.try_clone().unwrap();
            let (voice, words) = channel();
            let gone = Arc::clone(&self.gone);
            let talker = thread::spawn(move || {
                for said in words {
                    // A server that has ended does not listen; what it said before is judged, not this.
                    let _ = match said {
                        Said::Octets(octets) => speak(&mut stream, &octets, &gone),
                        Said::Finished => stream.shutdown(Half::Write),
                    };
                }
            });
            (voice, talker)
        });
        voice.send(said).unwrap();
    }

    fn fall_silent(&mut self) {
        if let Some((voice, talker)) = self.voice.take() {
            drop(voice);
            talker.join().unwrap();
        }
    }
}

fn speak(stream: &mut TcpStream, octets: &[u8], gone: &AtomicUsize) -> io::Result<()> {
    octets.chunks(64 << 10).try_for_each(|chunk| {
        stream.write_all(chunk)?;
        gone.fetch_add(chunk.len(), Ordering::Relaxed);
        Ok(())
    })
}

impl Read for TcpPeer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::ConnectionReset.into()) };
        loop {
            match stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Drop for TcpPeer {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Half::Both);
        }
        self.fall_silent();
    }
}
