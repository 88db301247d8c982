//! The commands of LMTP and their arguments.

/// One command, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Command {
    Lhlo,
    Mail {
        sender: Option<String>,
        /// What the client says that it will send.
        size: Option<usize>,
    },
    Rcpt(String),
    Data,
    Rset,
    Noop,
    Vrfy,
    Quit,
}

/// Why not, as the reply that says it.
pub(super) type Mistake = &'static str;

/// RFC 5321 §4.5.3.1.3, with its angle brackets.
const MOST_PATH: usize = 256;

pub(super) fn parse(line: &[u8]) -> Result<Command, Mistake> {
    let line = std::str::from_utf8(line).map_err(|_| "500 5.5.2 that is not UTF-8")?;
    if line.chars().any(char::is_control) {
        return Err("500 5.5.2 a control character");
    }
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    match verb.to_ascii_uppercase().as_str() {
        "LHLO" if rest.is_empty() => Err("501 5.5.4 say LHLO and your name"),
        "LHLO" => Ok(Command::Lhlo),
        "HELO" | "EHLO" => Err("500 5.5.1 this is LMTP: say LHLO"),
        "MAIL" => mail(rest),
        "RCPT" => recipient(rest),
        "DATA" if rest.is_empty() => Ok(Command::Data),
        "DATA" => Err("501 5.5.4 DATA takes no argument"),
        "RSET" => Ok(Command::Rset),
        "NOOP" => Ok(Command::Noop),
        "VRFY" => Ok(Command::Vrfy),
        "QUIT" => Ok(Command::Quit),
        _ => Err("500 5.5.2 no such command"),
    }
}

fn mail(text: &str) -> Result<Command, Mistake> {
    let (path, parameters) = path(text, "FROM:").ok_or("501 5.5.4 write MAIL FROM:<address>")?;
    let mut size = None;
    for parameter in parameters.split_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name.to_ascii_uppercase().as_str() {
            "SIZE" => size = Some(value.parse().map_err(|_| "501 5.5.4 SIZE is a number")?),
            "BODY" | "SMTPUTF8" => {}
            _ => return Err("555 5.5.4 no such parameter"),
        }
    }
    Ok(Command::Mail { sender: (!path.is_empty()).then(|| path.to_owned()), size })
}

fn recipient(text: &str) -> Result<Command, Mistake> {
    let (path, parameters) = path(text, "TO:").ok_or("501 5.5.4 write RCPT TO:<address>")?;
    if !parameters.trim().is_empty() {
        return Err("555 5.5.4 no such parameter");
    }
    // RFC 5321 §4.1.1.3: a source route is accepted and left out.
    let path = path.rsplit_once(':').map_or(path, |(_, mailbox)| mailbox);
    if path.is_empty() || !path.contains('@') {
        return Err("501 5.1.3 that is no address");
    }
    Ok(Command::Rcpt(path.to_owned()))
}

/// `FROM:<path> parameters`, also with the space that some clients write after the colon.
fn path<'a>(text: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (start, rest) = text.split_at_checked(keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest.trim_start().strip_prefix('<')?;
    let (path, parameters) = rest.split_once('>')?;
    let good = path.len() + 2 <= MOST_PATH && !path.contains(['<', ' ']);
    (good && (parameters.is_empty() || parameters.starts_with(' '))).then_some((path, parameters))
}
