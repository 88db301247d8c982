//! Where a tracked link may lead: nowhere but to a plain web address.

/// The longest target, in bytes; what browsers and gateways reliably pass on.
pub const TARGET_LIMIT: usize = 2048;

/// Why a text is no target of a link of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("it does not start with http:// or https://")]
    Scheme,
    #[error("it holds a space, a backslash, a control character or a letter outside of ASCII")]
    Character,
    #[error("it has a user name or password before the host")]
    UserInfo,
    #[error("it has no proper host name")]
    Host,
    #[error("it is longer than {TARGET_LIMIT} bytes")]
    TooLong,
}

/// Refuses what a browser and a check could read differently.
///
/// # Errors
/// What is wrong with it.
pub fn check_target(target: &str) -> Result<(), BadTarget> {
    if target.len() > TARGET_LIMIT {
        return Err(BadTarget::TooLong);
    }
    let rest = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| {
            let (start, rest) = target.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        })
        .ok_or(BadTarget::Scheme)?;
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(BadTarget::Character);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(BadTarget::UserInfo);
    }
    let host_character = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    if !authority.bytes().all(host_character)
        || !authority.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
    {
        return Err(BadTarget::Host);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_targets() {
        for good in [
            "https://www.example.com/report",
            "HTTP://example.com",
            "http://localhost:8080/?q=a@b#c",
            "https://[::1]/x",
            "https://xn--caf-dma.example/",
        ] {
            assert_eq!(check_target(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", BadTarget::Scheme),
            ("javascript:alert(1)", BadTarget::Scheme),
            ("//evil.example", BadTarget::Scheme),
            ("\\\\evil.example", BadTarget::Scheme),
            (" https://evil.example", BadTarget::Scheme),
            ("https:/evil.example", BadTarget::Scheme),
            ("data:text/html,x", BadTarget::Scheme),
            ("é", BadTarget::Scheme),
            ("https://good.example\\@evil.example/", BadTarget::Character),
            ("https://good.example/\r\nX: y", BadTarget::Character),
            ("https://good.example/\0", BadTarget::Character),
            ("https://good.example/a b", BadTarget::Character),
            ("https://caffè.example/", BadTarget::Character),
            ("https://good.example@evil.example/", BadTarget::UserInfo),
            ("https:///evil.example", BadTarget::Host),
            ("https://", BadTarget::Host),
            ("https://.", BadTarget::Host),
            ("https://%65vil.example", BadTarget::Host),
        ] {
            assert_eq!(check_target(bad), Err(why), "{bad:?}");
        }
        let long = format!("https://example.com/{}", "a".repeat(TARGET_LIMIT));
        assert_eq!(check_target(&long), Err(BadTarget::TooLong));
    }
}
