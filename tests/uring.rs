//! Serving by io_uring where what it lives on is scarce: places in its queues, and buffers.

mod skip;

use std::io::{Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use iolab::models::Uring;
use iolab::models::uring::{QueueOptions, ReceiveOptions, Technique, Techniques};
use iolab::{Call, Context, Cost, Event, Interest, Model, Now, Peer, Protocol, Service, Shutdown, Unavailable, listen};

/// Whatever takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// With fewer of everything than there are connections: with provided buffers, with blocks in their place, and with nothing new
/// at all.
fn scarce() -> [Uring; 3] {
    let receives = ReceiveOptions { small_buffers: 2, small_octets: 100, large_buffers: 1, large_octets: 3000 };
    let queues = QueueOptions { submissions: 2, completions: 4 };
    let (all, none) = (Techniques::ALL, Techniques::NONE);
    [all, all.without(Technique::ProvidedBuffers), none].map(|techniques| Uring {
        receives,
        queues,
        techniques,
        ..Uring::default()
    })
}

/// Sends back what it hears, or only counts it.
struct Hearer {
    sends_back: bool,
    heard: Arc<Vec<AtomicU64>>,
    place: usize,
    finished: bool,
}

impl Protocol for Hearer {
    type Message = std::convert::Infallible;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, Self::Message>) -> usize {
        self.heard[self.place].fetch_add(input.len() as u64, Relaxed);
        if self.sends_back {
            cx.write(input);
        }
        input.len()
    }

    fn event(&mut self, event: Event<Self::Message>, _cx: &mut Context<'_, Self::Message>) {
        self.finished |= matches!(event, Event::PeerFinished | Event::Stopping);
    }

    fn interest(&self) -> Option<Interest> {
        (!self.finished).then_some(Interest { peer: Peer::Bytes, ..Interest::default() })
    }
}

/// Gives everyone a hearer, and a place to count in by turns.
struct Hearers {
    sends_back: bool,
    heard: Arc<Vec<AtomicU64>>,
    next: AtomicUsize,
}

impl Service for Hearers {
    type Protocol = Hearer;

    fn accept(&self, _now: Now) -> Option<Hearer> {
        let place = self.next.fetch_add(1, Relaxed) % self.heard.len();
        Some(Hearer { sends_back: self.sends_back, heard: Arc::clone(&self.heard), place, finished: false })
    }
}

impl Hearers {
    fn new(sends_back: bool, places: usize) -> Hearers {
        Hearers { sends_back, heard: Arc::new((0..places).map(|_| AtomicU64::new(0)).collect()), next: AtomicUsize::new(0) }
    }
}

/// Serves while `talk` talks.
fn serve(model: &Uring, service: &Hearers, talk: impl FnOnce(SocketAddr)) -> Option<Cost> {
    serve_late(model, service, |address| address, talk)
}

/// The same for those who were there `before` the server was.
fn serve_late<T>(model: &Uring, service: &Hearers, before: impl FnOnce(SocketAddr) -> T, talk: impl FnOnce(T)) -> Option<Cost> {
    match model.available() {
        Ok(()) => {}
        Err(error) if Unavailable::within(&error).is_some() => {
            skip::skipped(format_args!("scarcity on a ring: {error}"));
            return None;
        }
        Err(error) => panic!("{error}"),
    }
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let early = before(address);
    let shutdown = Shutdown::new().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| model.serve(listener, service, &shutdown));
        let talked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| talk(early)));
        shutdown.begin();
        let cost = server.join().unwrap().unwrap();
        talked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Some(cost)
    })
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Octets that differ from place to place and from speaker to speaker.
fn words(speaker: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| ((at * (2 * speaker + 3)) ^ (at >> 7)) as u8).collect()
}

/// Says all of it and hears it back.
fn converse(stream: TcpStream, words: &[u8]) {
    thread::scope(|scope| {
        scope.spawn(|| {
            (&stream).write_all(words).unwrap();
            stream.shutdown(Half::Write).unwrap();
        });
        let mut heard = Vec::new();
        (&stream).read_to_end(&mut heard).unwrap();
        assert!(heard == words, "{} octets came back of {}, or others", heard.len(), words.len());
    });
}

/// Thousands of operations through queues of 2 and 4 places, and two or three buffers for 40 connections: nothing is lost,
/// and nobody waits for ever.
#[test]
fn queues_and_buffers_that_always_run_out_lose_nothing() {
    const EACH: usize = 200_000;
    for model in scarce() {
        let service = Hearers::new(true, 1);
        let cost = serve(&model, &service, |address| {
            thread::scope(|scope| {
                for speaker in 0..40 {
                    scope.spawn(move || converse(connect(address), &words(speaker, EACH)));
                }
            });
        });
        if let Some(cost) = cost {
            assert_eq!((cost.connections, cost.octets_in, cost.octets_out), (40, 40 * EACH as u64, 40 * EACH as u64));
        }
    }
}

/// Connections end at any point of a receive. Had one of them taken a buffer along each time, there would soon be none.
#[test]
fn connections_that_break_take_no_buffer_along() {
    for model in scarce() {
        let service = Hearers::new(true, 1);
        serve(&model, &service, |address| {
            for round in 0..300 {
                let stream = connect(address);
                (&stream).write_all(&words(round, [1, 99, 100, 101, 5000][round % 5])).unwrap();
                if round % 3 > 0 {
                    (&stream).read_exact(&mut [0]).unwrap();
                }
                if round % 2 > 0 {
                    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
                }
            }
            converse(connect(address), &words(0, 100_000));
        });
    }
}

/// All say more than there are buffers for, all the time. Who has just been heard must wait until the others were.
#[test]
fn those_who_find_no_buffer_get_the_next() {
    const LOUD: usize = 8;
    const ENOUGH: u64 = 32 << 20;
    for model in scarce() {
        let service = Hearers::new(false, LOUD);
        let is_enough = AtomicBool::new(false);
        let heard = || service.heard.iter().map(|heard| heard.load(Relaxed)).collect::<Vec<_>>();
        let cost = serve(&model, &service, |address| {
            thread::scope(|scope| {
                for speaker in 0..LOUD {
                    let (is_enough, heard) = (&is_enough, &heard);
                    scope.spawn(move || {
                        let (mut stream, words) = (connect(address), words(speaker, 64 << 10));
                        while !is_enough.load(Relaxed) {
                            // A speaker whose words are never taken would wait here.
                            let said = stream.write_all(&words);
                            if heard().iter().sum::<u64>() >= ENOUGH || said.is_err() {
                                is_enough.store(true, Relaxed);
                            }
                        }
                    });
                }
            });
        });
        if cost.is_some() {
            let heard = heard();
            let (least, most) = (heard.iter().min().unwrap(), heard.iter().max().unwrap());
            println!("{:?}: {heard:?}", model.techniques);
            assert!(least * 4 > *most, "one was heard {least} octets and another {most}");
        }
    }
}

/// They come at once: a few who speak have the buffer, and the many who do not find none either. Nothing happens any more when
/// the few have been heard: that must not be the end of the line.
#[test]
fn those_who_find_no_buffer_and_say_nothing_are_heard_later() {
    const SILENT: u64 = 300;
    let receives = ReceiveOptions { small_buffers: 1, ..ReceiveOptions::default() };
    let model = Uring { receives, ..Uring::default() };
    let come = |address| {
        let speaking: Vec<_> = (0..3).map(|_| connect(address)).collect();
        speaking.iter().for_each(|mut stream| stream.write_all(b"hello").unwrap());
        let silent: Vec<_> = (0..SILENT).map(|_| connect(address)).collect();
        (speaking, silent)
    };
    let cost = serve_late(&model, &Hearers::new(true, 1), come, |(speaking, silent)| {
        speaking.iter().for_each(|mut stream| stream.read_exact(&mut [0; 5]).unwrap());
        for mut stream in silent.iter().rev() {
            stream.write_all(b"hello").unwrap();
            stream.read_exact(&mut [0; 5]).unwrap();
        }
        // A loop that asks instead of waiting does so now.
        thread::sleep(Duration::from_millis(200));
    });
    if let Some(cost) = cost {
        let enters = cost.calls.of(Call::IoUringEnter);
        println!("{enters} calls");
        // One or two to let each ask again, and two to hear and answer it. Asking until there is a buffer would take thousands.
        assert!(enters < 8 * SILENT, "{enters} calls for {SILENT} who said one word each");
    }
}
