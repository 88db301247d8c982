//! An address with the name that it is shown under.

use std::{fmt, str::FromStr};

use super::Address;

/// `Ada Rossi <ada@example.com>`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mailbox {
    /// Empty if there is none.
    pub name: String,
    pub address: Address,
}

impl FromStr for Mailbox {
    type Err = String;

    /// Reads `Name <address>` or a bare address.
    ///
    /// # Errors
    /// What is wrong with the text; it is not repeated.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err("it has a control character".into());
        }
        let (name, address) = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text),
        };
        let name = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')).unwrap_or(name);
        if name.contains(['<', '>']) {
            return Err("write Name <address>".into());
        }
        let address = Address::parse(address).map_err(|error| error.to_string())?;
        Ok(Self { name: name.to_owned(), address })
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str(self.address.as_str()),
            name => write!(f, "{name} <{}>", self.address.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_has_a_name_and_an_address() {
        for (text, name, shown) in [
            ("\"Rossi, Ada\" <Ada@Example.com>", "Rossi, Ada", "Rossi, Ada <ada@example.com>"),
            (" ada@example.com ", "", "ada@example.com"),
            ("<ada@example.com>", "", "ada@example.com"),
        ] {
            let mailbox: Mailbox = text.parse().unwrap();
            assert_eq!((mailbox.name.as_str(), mailbox.to_string().as_str()), (name, shown));
            assert_eq!(shown.parse(), Ok(mailbox));
        }
        for bad in [
            "",
            "Ada",
            "Ada <ada@example.com",
            "Ada ada@example.com>",
            "Ada <b> <ada@example.com>",
            "Ada\r\nBcc: x <a@b.example>",
        ] {
            assert!(bad.parse::<Mailbox>().is_err(), "{bad}");
        }
    }
}
