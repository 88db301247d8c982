//! The bytes between us and a relay, with the relay's replies made safe to parse.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The longest line that is read; RFC 5321 §4.5.3.1.5 allows 512 octets.
const LONGEST_LINE: usize = 8192;
/// What is handed on of a line: the library refuses more than 1000 octets.
const KEPT_LINE: usize = 900;
/// The library reads a reply anew from its start with each line.
const MOST_LINES: usize = 100;

/// The bytes under the dialogue: plain, or TLS.
pub(super) trait Channel: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    fn peer_addr(&self) -> io::Result<SocketAddr>;
}

impl Channel for TcpStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
}

impl Channel for tokio_rustls::client::TlsStream<TcpStream> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().0.peer_addr()
    }
}

/// A channel whose reading side yields whole reply lines, one at a time.
///
/// The protocol library waits for ever on a line without an end and keeps all of it, hangs on a bare
/// LF, and gives up on `250` without a text and on 8-bit text, both of which real relays send; after
/// the final dot each of these would turn a clear answer into a doubt. One line at a time also means
/// that nothing is buffered above this type, so that what is left over at STARTTLS can be seen.
pub(super) struct Wire<C> {
    channel: C,
    /// Read, not yet handed on.
    received: Vec<u8>,
    /// The line being handed on.
    line: Vec<u8>,
    given: usize,
    /// Lines of this reply so far.
    lines: usize,
    /// Tells, from the outside, whether more was received than has been handed on.
    ahead: Arc<AtomicBool>,
}

impl<C: Channel> Wire<C> {
    pub(super) const fn new(channel: C, ahead: Arc<AtomicBool>) -> Self {
        Self { channel, received: Vec::new(), line: Vec::new(), given: 0, lines: 0, ahead }
    }

    /// With a line as if the relay had sent it: after STARTTLS there is no second greeting.
    pub(super) fn greeted(channel: C, ahead: Arc<AtomicBool>) -> Self {
        Self { line: b"220 secured\r\n".to_vec(), ..Self::new(channel, ahead) }
    }

    /// The channel below, if nothing was received that has not been read.
    pub(super) fn into_channel(self) -> Option<C> {
        (self.received.is_empty() && self.given == self.line.len()).then_some(self.channel)
    }

    fn take_line(&mut self) -> bool {
        let Some(end) = self.received.iter().position(|b| *b == b'\n') else { return false };
        let mut line: Vec<u8> = self.received.drain(..=end).collect();
        while line.last().is_some_and(|b| matches!(b, b'\r' | b'\n')) {
            line.pop();
        }
        line.truncate(KEPT_LINE);
        for byte in &mut line {
            if !byte.is_ascii() || byte.is_ascii_control() {
                *byte = b'?';
            }
        }
        if line.len() == 3 {
            line.push(b' ');
        }
        self.lines = if line.get(3) == Some(&b'-') { self.lines + 1 } else { 0 };
        line.extend_from_slice(b"\r\n");
        self.line = line;
        self.given = 0;
        self.ahead.store(!self.received.is_empty(), Ordering::Relaxed);
        true
    }
}

impl<C: Channel> AsyncRead for Wire<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        while wire.given == wire.line.len() && (wire.lines > MOST_LINES || !wire.take_line()) {
            if wire.received.len() > LONGEST_LINE || wire.lines > MOST_LINES {
                return Poll::Ready(Err(io::Error::other("the relay's reply has no end")));
            }
            let mut chunk = [0; 2048];
            let mut buffer = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut wire.channel).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            wire.received.extend_from_slice(buffer.filled());
        }
        let rest = &wire.line[wire.given..];
        let now = rest.len().min(out.remaining());
        out.put_slice(&rest[..now]);
        wire.given += now;
        Poll::Ready(Ok(()))
    }
}

impl<C: Channel> AsyncWrite for Wire<C> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().channel).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().channel).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().channel).poll_shutdown(context)
    }
}

impl<C: Channel> AsyncTokioStream for Wire<C> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.channel.peer_addr()
    }
}

impl<C> fmt::Debug for Wire<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}
