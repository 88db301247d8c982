//! Lines in, replies out, over a socket.

use std::io::{Error, ErrorKind, Result};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

pub(super) struct Wire {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// How a line ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct End {
    /// By CR LF, as it must, not by a bare LF.
    pub(super) crlf: bool,
    /// It was longer than the room given, and the rest is lost.
    pub(super) too_long: bool,
    /// Octets read, those that are lost included.
    pub(super) length: usize,
}

/// A mail larger than this many times what is allowed is not read to its end.
const MOST_DISCARDED: usize = 10;

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        // Every reply is one small write that the client waits for.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        Self { reader: BufReader::new(reader), writer }
    }

    pub(super) async fn reply(&mut self, text: &str) -> Result<()> {
        self.writer.write_all(format!("{text}\r\n").as_bytes()).await
    }

    /// Appends the next line with its end, as far as there is `room`; `None` when the client has
    /// closed, a line that it did not finish being none.
    pub(super) async fn line(&mut self, into: &mut Vec<u8>, room: usize) -> Result<Option<End>> {
        let (mut read, mut last) = (0_usize, 0_u8);
        loop {
            let buffer = self.reader.fill_buf().await?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            into.extend_from_slice(&piece[..piece.len().min(room.saturating_sub(read))]);
            let before_end = match piece.len() {
                1 => last,
                length => piece[length - 2],
            };
            last = piece[piece.len() - 1];
            let length = piece.len();
            read = read.saturating_add(length);
            self.reader.consume(length);
            if end.is_some() {
                return Ok(Some(End {
                    crlf: before_end == b'\r',
                    too_long: read > room,
                    length: read,
                }));
            }
        }
    }

    /// Reads a mail up to the dot, undoing the dot-stuffing (RFC 5321 §4.5.2); `None` when it is
    /// larger than allowed.
    ///
    /// Only CR LF dot CR LF ends it. A line that a bare LF ends is content like any other, so that
    /// nothing in a mail can pretend to be its end and smuggle in commands.
    ///
    /// # Errors
    /// When the client closes within it, or does not come to an end.
    pub(super) async fn mail(&mut self, most: usize) -> Result<Option<Vec<u8>>> {
        let mut mail = Vec::new();
        let (mut at_line_start, mut too_large) = (true, false);
        let mut discarded = 0_usize;
        loop {
            let start = mail.len();
            // One more for a dot to undo, two for the end of a line that just fits.
            let room = if too_large { 4 } else { most - start + 3 };
            let Some(end) = self.line(&mut mail, room).await? else {
                return Err(Error::new(ErrorKind::UnexpectedEof, "closed within a mail"));
            };
            let line = &mail[start..];
            if at_line_start && end.crlf && line == b".\r\n" {
                mail.truncate(start);
                return Ok((!too_large).then_some(mail));
            }
            if at_line_start && line.first() == Some(&b'.') {
                mail.remove(start);
            }
            at_line_start = end.crlf;
            if too_large || end.too_long || mail.len() > most {
                too_large = true;
                discarded = discarded.saturating_add(mail.len().max(end.length));
                mail.clear();
                if discarded > most.saturating_mul(MOST_DISCARDED) {
                    return Err(Error::new(ErrorKind::InvalidData, "a mail without an end"));
                }
            }
        }
    }
}
