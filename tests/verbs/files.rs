//! What a service of verbs does with files. The next line is read when the operation is done.
//!
//! | a line | what comes of it |
//! |---|---|
//! | `open PATH read`, `write`, `create`, `new` | `opened N, LENGTH octets`: N is its number, from 0 |
//! | `read N FROM TO` | `read: TEXT` |
//! | `put N AT text` | `put` |
//! | `sync N`, `close N`, `rename FROM TO`, `unlink PATH`, `sync-directory PATH` | the word itself |
//! | `put-many N COUNT` | COUNT lines of eight octets, all asked for at once: `put COUNT` |
//! | `put-and-quit N AT text` | asks for it and ends |
//!
//! or `WORD: KIND`, the kind of the error.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use iolab::{FileDone, FileId, FileOp, FileTicket, OpenMode};

use super::{Cx, print};

#[derive(Default)]
pub struct Files {
    open: Vec<FileId>,
    asked: HashMap<FileTicket, &'static str>,
    /// Of `put-many`, those that are done.
    put: usize,
}

impl Files {
    pub fn are_awaited(&self) -> bool {
        !self.asked.is_empty()
    }

    /// `None` if it does not understand.
    pub fn obey(&mut self, word: &str, rest: &str, cx: &mut Cx<'_>) -> Option<()> {
        let mut words = rest.splitn(3, ' ');
        let mut next = || words.next().unwrap_or_default();
        let (name, op) = match word {
            "open" => {
                let path = next().into();
                let mode = match next() {
                    "read" => OpenMode::Read,
                    "write" => OpenMode::Write,
                    "create" => OpenMode::Create,
                    "new" => OpenMode::CreateNew,
                    _ => return None,
                };
                ("open", FileOp::Open { path, mode })
            }
            "read" => {
                let file = self.file(next())?;
                ("read", FileOp::Read { file, range: next().parse().ok()?..next().parse().ok()? })
            }
            "put" => {
                let (file, offset) = (self.file(next())?, next().parse().ok()?);
                ("put", FileOp::Write { file, offset, octets: Bytes::copy_from_slice(next().as_bytes()) })
            }
            "put-many" => {
                let file = self.file(next())?;
                self.put = 0;
                for number in 0..next().parse().ok()? {
                    let octets = format!("{number:7}\n").into_bytes().into();
                    self.ask("put-many", FileOp::Write { file, offset: number * 8, octets }, cx);
                }
                return Some(());
            }
            "sync" => ("sync", FileOp::Sync { file: self.file(next())? }),
            "close" => ("close", FileOp::Close { file: self.file(next())? }),
            "rename" => ("rename", FileOp::Rename { from: next().into(), to: next().into() }),
            "unlink" => ("unlink", FileOp::Unlink { path: next().into() }),
            "sync-directory" => ("sync-directory", FileOp::SyncDirectory { path: next().into() }),
            _ => return None,
        };
        self.ask(name, op, cx);
        Some(())
    }

    pub fn done(&mut self, ticket: FileTicket, result: io::Result<FileDone>, cx: &mut Cx<'_>) {
        let word = self.asked.remove(&ticket).expect("it has asked for this");
        match (word, result) {
            (word, Err(error)) => print(cx, format_args!("{word}: {:?}", error.kind())),
            (_, Ok(FileDone::Opened(file, length))) => {
                print(cx, format_args!("opened {}, {length} octets", self.open.len()));
                self.open.push(file);
            }
            (_, Ok(FileDone::Read(octets))) => print(cx, format_args!("read: {}", octets.escape_ascii())),
            ("put-many", Ok(FileDone::Done)) => {
                self.put += 1;
                if self.asked.is_empty() {
                    print(cx, format_args!("put {}", self.put));
                }
            }
            (word, Ok(FileDone::Done)) => print(cx, word),
        }
    }

    fn ask(&mut self, name: &'static str, op: FileOp, cx: &mut Cx<'_>) {
        self.asked.insert(cx.file(op), name);
    }

    fn file(&self, number: &str) -> Option<FileId> {
        self.open.get(number.parse::<usize>().ok()?).copied()
    }
}
