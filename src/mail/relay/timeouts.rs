//! How long each step of a dialogue may take.

use std::time::Duration;

/// A limit for each step. The defaults are the least that RFC 5321 §4.5.3.2 allows a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// Name resolution and TCP. Not in the RFC.
    pub connect: Duration,
    /// The TLS handshake. Not in the RFC.
    pub tls: Duration,
    pub greeting: Duration,
    /// EHLO, STARTTLS, AUTH, RSET and MAIL.
    pub command: Duration,
    pub rcpt: Duration,
    pub data: Duration,
    /// Writing the mail.
    pub body: Duration,
    /// The reply after the final dot: long, since a time-out here leaves the mail in doubt.
    pub dot: Duration,
    /// Waiting for the answer to QUIT: nothing depends on it.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            tls: Duration::from_secs(30),
            greeting: Duration::from_mins(5),
            command: Duration::from_mins(5),
            rcpt: Duration::from_mins(5),
            data: Duration::from_mins(2),
            body: Duration::from_mins(3),
            dot: Duration::from_mins(10),
            quit: Duration::from_secs(2),
        }
    }
}

impl Timeouts {
    /// Every step the same: for tests and for impatient set-ups.
    #[must_use]
    pub const fn all(limit: Duration) -> Self {
        Self {
            connect: limit,
            tls: limit,
            greeting: limit,
            command: limit,
            rcpt: limit,
            data: limit,
            body: limit,
            dot: limit,
            quit: limit,
        }
    }

    /// No delivery takes longer, apart from the caller's own point of no return: the opening of a
    /// connection (twice, when a kept one turns out to be closed), and one mail.
    #[must_use]
    pub fn longest_delivery(&self) -> Duration {
        // Greeting with its EHLO, STARTTLS with its EHLO, our EHLO, three steps of AUTH.
        let open = self.connect + self.tls + self.greeting + self.command * 8;
        let mail = self.command * 2 + self.rcpt + self.data + self.body + self.dot + self.quit;
        open + mail + self.command
    }

    /// From the point of no return to the last possible reply.
    #[must_use]
    pub fn after_the_point_of_no_return(&self) -> Duration {
        self.body + self.dot
    }
}
