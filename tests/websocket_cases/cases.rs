//! The table.

use iolab::websocket::{ErrorKind, WebSocketLimits};

use crate::websocket_support::{BINARY, CLOSE, FIN, LAST, MORE, PING, PONG, TEXT, client, closed, is_allowed, server};

/// Something a client says, after which it says FIN.
pub struct Case {
    pub name: String,
    pub said: Vec<u8>,
    /// What the conversation hears: its messages, and the end.
    heard: Vec<String>,
    answer: Vec<u8>,
}

const MESSAGE: usize = 70_000;
const FRAGMENTS: usize = 20;

/// The bounds of all cases.
impl Case {
    pub fn limits(&self) -> WebSocketLimits {
        WebSocketLimits { message: MESSAGE, fragments: FRAGMENTS, ..WebSocketLimits::default() }
    }

    pub fn outcome(&self) -> String {
        let life = [vec!["Begun(Ok(()))".into()], self.heard.clone(), vec!["Closed(Done)".into()]].concat();
        tell(&life, &self.answer)
    }
}

/// An outcome in words.
pub fn tell(heard: &[String], answer: &[u8]) -> String {
    let short = |text: String| if text.len() > 200 { format!("{}… of {}", &text[..200], text.len()) } else { text };
    let heard: String = heard.iter().map(|entry| format!("  {}\n", short(entry.escape_debug().to_string()))).collect();
    let sum = answer.iter().fold(0_u64, |sum, octet| sum.wrapping_mul(31).wrapping_add(u64::from(*octet)));
    format!("{heard}  said {}; {} octets, sum {sum}\n", short(answer.escape_ascii().to_string()), answer.len())
}

/// What comes of what is said. Each appends to both.
#[derive(Clone, Default)]
struct Talk {
    said: Vec<u8>,
    heard: Vec<String>,
    answer: Vec<u8>,
}

impl Talk {
    fn new() -> Talk {
        Talk::default()
    }

    /// Octets of which nothing comes.
    fn say(mut self, octets: impl AsRef<[u8]>) -> Talk {
        self.said.extend_from_slice(octets.as_ref());
        self
    }

    fn told(mut self, entry: impl Into<String>) -> Talk {
        self.heard.push(entry.into());
        self
    }

    fn answered(mut self, octets: impl AsRef<[u8]>) -> Talk {
        self.answer.extend_from_slice(octets.as_ref());
        self
    }

    /// A text is complete, and comes back.
    fn echoes_text(self, text: &str) -> Talk {
        self.told(format!("text {text}")).answered(server(TEXT, text))
    }

    fn echoes_binary(self, octets: &[u8]) -> Talk {
        self.told(format!("binary {}", octets.escape_ascii())).answered(server(BINARY, octets))
    }

    fn text(self, text: &str) -> Talk {
        self.say(client(TEXT, text)).echoes_text(text)
    }

    fn ping(self, payload: &[u8]) -> Talk {
        self.say(client(PING, payload)).answered(server(PONG, payload))
    }

    /// FIN without a close frame.
    fn just_ends(self, name: impl Into<String>) -> Case {
        self.told("closing 1006 ").case(name)
    }

    /// A close frame with this payload, and the code that is told; the same comes back without the reason.
    fn closes(self, name: impl Into<String>, code: u16, reason: &str) -> Case {
        self.say(client(CLOSE, closed(code, reason)))
            .told(format!("closing {code} {reason}"))
            .answered(server(CLOSE, closed(code, "")))
            .case(name)
    }

    /// What was said last is not allowed. What comes after it changes nothing.
    fn fails(self, name: impl Into<String>, error: ErrorKind) -> Case {
        let (code, reason) = (error.code(), error.reason());
        self.say(client(TEXT, "nobody hears this")).say(client(CLOSE, closed(1000, ""))).fails_at_the_end(name, code, reason)
    }

    /// The same, and nothing comes after it: it can be told by now.
    fn fails_already(self, name: impl Into<String>, error: ErrorKind) -> Case {
        self.fails_at_the_end(name, error.code(), error.reason())
    }

    fn fails_at_the_end(self, name: impl Into<String>, code: u16, reason: &str) -> Case {
        self.told(format!("closing {code} {reason}")).answered(server(CLOSE, closed(code, reason))).case(name)
    }

    fn case(self, name: impl Into<String>) -> Case {
        Case { name: name.into(), said: self.said, heard: self.heard, answer: self.answer }
    }
}

pub fn all() -> Vec<Case> {
    [messages(), pings(), headers(), fragments(), texts(), closes(), limits(), closings()].into_iter().flatten().collect()
}

fn messages() -> Vec<Case> {
    let mut cases = vec![
        Talk::new().just_ends("nothing"),
        Talk::new().text("Hello").text("").text("κόσμε").closes("three texts", 1000, "bye"),
    ];
    for length in [0, 1, 3, 4, 5, 7, 8, 9, 125, 126, 127, 128, 65_535, 65_536] {
        let octets: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
        let text = "x".repeat(length);
        cases.push(Talk::new().say(client(BINARY, &octets)).echoes_binary(&octets).just_ends(format!("binary {length}")));
        cases.push(Talk::new().text(&text).just_ends(format!("text {length}")));
        let cut = client(BINARY, &octets);
        cases.push(Talk::new().say(&cut[..cut.len() - 1]).just_ends(format!("binary {length} less one octet")));
    }
    cases
}

fn pings() -> Vec<Case> {
    let long = [0xfe; 125];
    let ten = (0..10).fold(Talk::new(), |talk, number: u8| talk.ping(&[number]));
    let too_long = [&[PING, 0x80 | 126, 0, 126][..], &[0; 130]].concat();
    vec![
        Talk::new().ping(b"").just_ends("an empty ping"),
        Talk::new().ping(b"Hello").ping(b"\x00\xff\xfe").just_ends("pings"),
        Talk::new().ping(&long).just_ends("the longest ping"),
        ten.text("a").just_ends("ten pings"),
        Talk::new().say(client(PONG, "")).say(client(PONG, "unasked")).ping(b"a").just_ends("pongs nobody asked for"),
        Talk::new().say(too_long).fails("too long a ping", ErrorKind::LongControl),
        Talk::new().say([PONG, 0x80 | 127]).fails_already("too long a pong", ErrorKind::LongControl),
        Talk::new().say(client(PING & !FIN, "")).fails("half a ping", ErrorKind::FragmentedControl),
        Talk::new().say([PONG & !FIN]).fails_already("half a pong", ErrorKind::FragmentedControl),
    ]
}

fn headers() -> Vec<Case> {
    let mut cases = Vec::new();
    for bits in 1..8_u8 {
        let bits = bits << 4;
        for first in [TEXT, BINARY, PING, CLOSE] {
            let name = format!("reserved bits {bits:#x} with {first:#x}");
            cases.push(Talk::new().text("before").say(client(bits | first, "")).fails(name, ErrorKind::ReservedBits));
        }
    }
    for opcode in (3..=7).chain(11..=15) {
        let name = format!("opcode {opcode}");
        cases.push(Talk::new().say([FIN | opcode]).fails_already(format!("{name} alone"), ErrorKind::ReservedOpcode));
        let talk = Talk::new().text("before").say(client(FIN | opcode, "payload"));
        cases.push(talk.fails(name, ErrorKind::ReservedOpcode));
        let within = Talk::new().say(client(TEXT & !FIN, "a")).say(client(opcode, "b"));
        cases.push(within.fails(format!("opcode {opcode} within a message"), ErrorKind::ReservedOpcode));
    }
    let minimal = ErrorKind::LengthNotMinimal;
    let top = [BINARY, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1];
    let of_5 = [&[TEXT, 0x80 | 126, 0, 5][..], b"maskHello"].concat();
    let of_125 = [&[TEXT, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 125][..], &[0; 129]].concat();
    let of_65535 = [TEXT, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    cases.extend([
        Talk::new().say(server(TEXT, "Hello")).fails("not masked", ErrorKind::Unmasked),
        Talk::new().say(server(CLOSE, "")).fails("a close that is not masked", ErrorKind::Unmasked),
        Talk::new().text("a").say([PING, 0]).fails_already("a ping that is not masked", ErrorKind::Unmasked),
        Talk::new().say(of_5).fails("16 bits for 5", minimal),
        Talk::new().say(of_125).fails("64 bits for 125", minimal),
        Talk::new().say(of_65535).fails_already("64 bits for 65535", minimal),
        Talk::new().say(top).fails_already("the top bit", ErrorKind::LengthTopBit),
    ]);
    cases
}

fn fragments() -> Vec<Case> {
    let begin = |text: &str| Talk::new().say(client(TEXT & !FIN, text));
    let nothing = ErrorKind::NothingToContinue;
    let within = ErrorKind::MessageWithinMessage;
    let pieces = (0..18).fold(begin("a"), |talk, _| talk.say(client(MORE, "b")));
    let again = |talk: Talk| {
        (0..10).fold(talk.say(client(TEXT & !FIN, "a")), |talk, _| talk.say(client(MORE, ""))).say(client(LAST, ""))
    };
    let twice = again(again(Talk::new()).echoes_text("a")).echoes_text("a");
    let binary = Talk::new().say(client(BINARY & !FIN, b"\xff")).say(client(MORE, b"")).say(client(LAST, b"\xfe\xfd"));
    vec![
        begin("Hel").say(client(LAST, "lo")).echoes_text("Hello").text("and on").just_ends("two fragments"),
        pieces.say(client(LAST, "c")).echoes_text(&format!("a{}c", "b".repeat(18))).just_ends("as many fragments as may be"),
        twice.just_ends("more fragments than may be, but of two messages"),
        binary.echoes_binary(b"\xff\xfe\xfd").just_ends("binary fragments, one of them empty"),
        begin("").say(client(MORE, "")).say(client(LAST, "")).echoes_text("").just_ends("empty fragments"),
        begin("").say(client(MORE, "mid")).say(client(LAST, "")).echoes_text("mid").just_ends("the middle is not empty"),
        begin("a").ping(b"now").say(client(LAST, "b")).echoes_text("ab").just_ends("a ping between"),
        begin("a")
            .say(client(PONG, "x"))
            .say(client(MORE, "b"))
            .ping(b"1")
            .ping(b"2")
            .say(client(LAST, "c"))
            .echoes_text("abc")
            .just_ends("pings and pongs between"),
        begin("a").closes("a close between", 1000, ""),
        begin("a").just_ends("an end between"),
        begin("a").say(client(LAST, "b")).echoes_text("ab").say(client(LAST, "c")).fails("one continuation too many", nothing),
        Talk::new().say(client(LAST, "a")).fails("a continuation of nothing", nothing),
        Talk::new().say(client(MORE, "a")).say(client(LAST, "b")).fails("continuations of nothing", nothing),
        Talk::new().text("a").say(client(MORE, "")).fails("a continuation of what has ended", nothing),
        begin("a").say(client(TEXT, "b")).fails("a text within a text", within),
        begin("a").say(client(BINARY & !FIN, "b")).fails("binary within a text", within),
        begin("a").ping(b"").say(client(TEXT & !FIN, "b")).fails("a text within a text, after a ping", within),
        begin("a").say(client(CLOSE & !FIN, "")).fails("half a close", ErrorKind::FragmentedControl),
    ]
}

fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    let good = [
        "κόσμε",
        "Hello-µ@ßöäüàá-UTF-8!!",
        "\u{0}",
        "\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
        "\u{d7ff}\u{e000}\u{fffd}",
    ];
    for text in good {
        let name = text.escape_unicode();
        cases.push(Talk::new().text(text).just_ends(format!("text {name}")));
        for cut in 1..text.len() {
            let (one, two) = text.as_bytes().split_at(cut);
            let talk = Talk::new().say(client(TEXT & !FIN, one)).ping(b"").say(client(LAST, two)).echoes_text(text);
            cases.push(talk.just_ends(format!("text {name} with a ping after {cut} octets")));
        }
    }
    let every_octet =
        "añ€😀".bytes().fold(Talk::new().say(client(TEXT & !FIN, "")), |talk, octet| talk.say(client(MORE, [octet])));
    cases.push(every_octet.say(client(LAST, "")).echoes_text("añ€😀").just_ends("a frame for each octet"));

    let not = ErrorKind::TextNotUtf8;
    let bad: [&[u8]; 14] = [
        b"\x80",
        b"\xbf",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
    ];
    for octets in bad {
        let name = octets.escape_ascii();
        let text = [b"good ", octets, b" good"].concat();
        cases.push(Talk::new().say(client(TEXT, &text)).fails(format!("text {name}"), not));
        let talk = Talk::new().say(client(TEXT & !FIN, b"good ")).say(client(LAST, octets));
        cases.push(talk.fails(format!("text {name} in the second frame"), not));
        // The message has not ended, nor has its frame: it can be told all the same.
        let unended = client(TEXT & !FIN, [octets, b"0123456789"].concat());
        let talk = Talk::new().text("before").say(&unended[..unended.len() - 10]);
        cases.push(talk.fails_already(format!("text {name} so far"), not));
    }
    let cut = Talk::new().say(client(TEXT & !FIN, b"\xe2\x82"));
    cases.push(cut.clone().say(client(LAST, "")).fails("a character without its end", not));
    cases.push(cut.clone().say(client(LAST, "a")).fails("a character without its end, and more", not));
    cases.push(cut.clone().say(&client(MORE, "a1234567")[..7]).fails_already("a character cut by a frame, and another", not));
    cases.push(cut.just_ends("a character that may go on"));
    cases.push(Talk::new().say(client(TEXT, b"\xce")).fails("half a character", not));
    cases.push(Talk::new().say(client(BINARY, b"\xff\x80")).echoes_binary(b"\xff\x80").just_ends("binary need not be UTF-8"));
    let binary = Talk::new().say(client(BINARY & !FIN, b"\xff")).say(client(LAST, b"\xff")).echoes_binary(b"\xff\xff");
    cases.push(binary.text("ok").just_ends("nor in fragments"));
    cases
}

fn closes() -> Vec<Case> {
    let empty = |talk: Talk| talk.say(client(CLOSE, "")).told("closing 1005 ").answered(server(CLOSE, ""));
    let longest = "y".repeat(123);
    let too_long = [&[CLOSE, 0x80 | 126, 0, 126][..], &[0; 130]].concat();
    let mut cases = vec![
        empty(Talk::new()).case("a close without a code"),
        empty(Talk::new().text("a")).say(client(TEXT, "b")).case("a text after the close"),
        empty(Talk::new()).say(client(PING, "b")).say([0xff; 50]).case("a ping and noise after the close"),
        empty(Talk::new()).say(client(CLOSE, closed(1000, ""))).case("two closes"),
        Talk::new().closes("the longest reason", 1000, &longest),
        Talk::new().closes("a reason", 4009, "späte"),
        Talk::new().say(too_long).fails("too long a reason", ErrorKind::LongControl),
        Talk::new().say(client(CLOSE, "\u{3}")).fails("half a code", ErrorKind::CloseTooShort),
        Talk::new().say(client(CLOSE, closed(1000, b"\xc3"))).fails("half a character in a reason", ErrorKind::CloseReason),
        Talk::new()
            .say(client(CLOSE, closed(1000, b"a\xed\xa0\x80b")))
            .fails("a surrogate in a reason", ErrorKind::CloseReason),
    ];
    let codes = [
        0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1100,
        2000, 2999, 3000, 3999, 4000, 4999, 5000, 65_535,
    ];
    for code in codes {
        cases.push(match is_allowed(code) {
            true => Talk::new().text("a").closes(format!("code {code}"), code, "why"),
            false => Talk::new()
                .text("a")
                .say(client(CLOSE, closed(code, "why")))
                .fails(format!("code {code}"), ErrorKind::CloseCode),
        });
    }
    cases
}

fn limits() -> Vec<Case> {
    let (long, many) = (ErrorKind::MessageTooLong, ErrorKind::TooManyFragments);
    let most = "z".repeat(MESSAGE);
    let halves = Talk::new().say(client(TEXT & !FIN, &most[..MESSAGE / 2])).say(client(LAST, &most[MESSAGE / 2..]));
    let header = |first: u8, length: u64| [&[first, 0xff][..], &length.to_be_bytes(), b"mask"].concat();
    let empties = |count| (0..count).fold(Talk::new().say(client(TEXT & !FIN, "")), |talk, _| talk.say(client(MORE, "")));
    vec![
        Talk::new().text(&most).just_ends("as long as may be"),
        halves.echoes_text(&most).text("again").just_ends("as long as may be, in two"),
        Talk::new().say(header(TEXT, MESSAGE as u64 + 1)).fails_already("one octet too long", long),
        Talk::new().say(header(BINARY, u64::MAX >> 1)).fails_already("the longest there is", long),
        Talk::new().say(header(BINARY & !FIN, 1 << 32)).fails_already("as long as 32 bits cannot say", long),
        Talk::new().say(client(TEXT & !FIN, "a")).say(header(LAST, MESSAGE as u64)).fails_already("too long together", long),
        Talk::new().say(client(TEXT & !FIN, &most)).say(&client(MORE, "a")[..6]).fails_already("one octet more", long),
        empties(18).ping(b"").say(client(LAST, "end")).echoes_text("end").just_ends("empty fragments, as many as may be"),
        empties(19).say(client(MORE, "")).fails("one fragment too many", many),
    ]
}

/// The conversation closes first.
fn closings() -> Vec<Case> {
    let close = |code: u16, reason: &str| {
        let command = format!("close {code} {reason}");
        let payload = if code == 1005 { Vec::new() } else { closed(code, reason) };
        Talk::new().say(client(TEXT, &command)).told(format!("text {command}")).answered(server(CLOSE, payload))
    };
    let replied = |talk: Talk, code: u16| talk.say(client(CLOSE, closed(code, ""))).told(format!("closing {code} "));
    let noise = client(TEXT, "thrown away");
    vec![
        replied(close(1000, "bye"), 1000).case("closed, and answered"),
        replied(close(1005, ""), 4000).case("closed without a code"),
        replied(close(4999, &"ä".repeat(61)), 1001).case("closed with a long reason, answered with another code"),
        close(1000, "bye").told("closing 1006 ").case("closed, and not answered"),
        replied(close(1000, "bye").say(&noise).say(client(PING, "no pong")).say(&noise), 1000)
            .case("closed, and goes on for a while"),
        replied(close(1000, "bye").say(client(BINARY, vec![0; 65_536])).say(client(TEXT & !FIN, b"\xff")), 1000)
            .case("closed, and goes on at length, in words that are no words"),
        close(1000, "bye").say(&noise[..8]).told("closing 1006 ").case("closed, and ends within a frame"),
        close(1000, "bye")
            .say(&noise)
            .say([0xf1])
            .say(&noise)
            .told(format!("closing 1002 {}", ErrorKind::ReservedBits.reason()))
            .case("closed, and breaks the rules"),
        close(1000, "bye")
            .say(client(CLOSE, closed(1005, "")))
            .told(format!("closing 1002 {}", ErrorKind::CloseCode.reason()))
            .case("closed, and answered with a code that may not be sent"),
        close(1000, "bye")
            .say(client(CLOSE, ""))
            .told("closing 1005 ")
            .say(&noise)
            .case("closed, answered without a code, and on"),
    ]
}
