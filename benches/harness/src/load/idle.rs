//! Connections that say nothing.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::connect::Sources;
use super::{Edge, Kind, Pace, Plan, Question, Steady, Terms};

/// After so many connections the server is given the time to accept them, lest the queue before it overflow (4096 at most, and
/// a connection that does not fit waits for a second).
const BATCH: usize = 256;

/// Asks whether those before it have been accepted.
const ONE: Terms = Terms { connections: 1, pipelined: 1, kind: Kind::Light, pace: Pace::Closed };

/// Idle connections.
pub struct Idle {
    streams: Vec<TcpStream>,
}

impl Idle {
    /// Opens so many, or as many as the server takes: one that turns a connection away says so on it, or closes it.
    pub fn open(to: SocketAddr, connections: usize, question: &Question) -> io::Result<Idle> {
        let mut sources = Sources::default();
        let mut streams = Vec::with_capacity(connections);
        while streams.len() < connections {
            for _ in 0..BATCH.min(connections - streams.len()) {
                let stream = sources.connect(to)?;
                // So that closing leaves nothing behind: ten thousand waiting ends (TIME_WAIT) would burden the next round.
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                streams.push(stream);
            }
            // Connections are accepted in order, so an answer to a newcomer (even a refusal) shows that these have been.
            let nothing = Plan { warm_up: Duration::ZERO, window: Duration::ZERO };
            let answered = Steady::connect(to, &ONE, question).and_then(|mut one| one.run(nothing, &mut |_: Edge| {}));
            if answered.is_err() {
                break;
            }
        }
        let mut idle = Idle { streams };
        idle.forget_refused()?;
        Ok(idle)
    }

    /// How many the server holds.
    pub fn held(&self) -> usize {
        self.streams.len()
    }

    fn forget_refused(&mut self) -> io::Result<()> {
        let mut octet = [0];
        for stream in &self.streams {
            stream.set_nonblocking(true)?;
        }
        self.streams
            .retain(|stream| matches!(stream.peek(&mut octet), Err(error) if error.kind() == io::ErrorKind::WouldBlock));
        Ok(())
    }
}
