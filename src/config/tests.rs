use std::path::Path;

use super::*;

const EXAMPLE: &str = include_str!("../../nurtured.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/nurtured"))
}

fn problems(text: &str) -> Vec<ConfigProblem> {
    match parse(text) {
        Err(ConfigError::Invalid { problems, .. }) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_shipped_example_is_right() {
    let config = parse(EXAMPLE).expect("it parses");
    let (sender, relays) = config.sending().expect("it can send");
    assert_eq!(sender.from.name, "Ada Rossi");
    assert_eq!(sender.from.address.as_str(), "ada@example.com");
    assert_eq!(relays.len(), 1);
}

#[test]
fn all_that_the_contract_names_is_read() {
    let config = parse(
        r#"
        auto_apply = true
        [database]
        url = "sqlite:nurtured.db"
        [public]
        listen = "127.0.0.1:8080"
        base_url = "https://go.example.com/"
        [console]
        listen = "127.0.0.1:8081"
        [[relay]]
        name = "main"
        host = "127.0.0.1"
        port = 2525
        tls = "none"
        connections = 16
        [sender]
        from = "Ada Rossi <ada@example.com>"
        bounce_domain = "Bounce.Example.com"
        postal_address = "Via Roma 1, 20121 Milano"
        [secrets]
        file = "keys/nurtured.secrets"
        [delivery]
        only_to = ["*@ours.example", "Bob@Example.com"]
        [engine]
        batch = 500
        lease = "20m"
        grace = "10s"
        [inbound]
        keep = "/srv/unclaimed"
        [lmtp]
        listen = "[::1]:24"
        [log]
        format = "json"
        "#,
    )
    .expect("it parses");
    assert!(config.auto_apply);
    assert_eq!(config.public.base_url, "https://go.example.com");
    let RelayKind::Smtp(smtp) = &config.relays[0].kind else { panic!("not SMTP") };
    assert_eq!((smtp.port, smtp.tls, smtp.connections), (2525, Tls::None, 16));
    assert!(!config.only_writes_files());
    assert_eq!(config.sending().expect("sends").0.bounce_domain, "bounce.example.com");
    let secrets = config.secrets.file.path().expect("a path");
    assert_eq!(secrets, Path::new("/etc/nurtured/keys/nurtured.secrets"));
    assert_eq!(config.engine.lease, Duration::from_secs(1200));
    assert_eq!(config.inbound.keep, Path::new("/srv/unclaimed"));
    assert_eq!(config.lmtp.expect("is there").listen.port(), 24);
    assert_eq!(config.log.format, LogFormat::Json);
    let address = |text| Address::parse(text).expect("an address");
    assert!(config.delivery.allows(&address("ANY@ours.example")));
    assert!(config.delivery.allows(&address("bob@example.com")));
    assert!(!config.delivery.allows(&address("eve@example.com")));
    assert!(!config.delivery.allows(&address("any@sub.ours.example")));
}

#[test]
fn an_empty_file_has_defaults_but_cannot_send() {
    let config = parse("").expect("it parses");
    assert_eq!(config.database.url, "sqlite:nurtured.db");
    assert_eq!(config.public.base_url, "http://127.0.0.1:8080");
    assert_eq!(config.inbound.keep, Path::new("/etc/nurtured/unclaimed"));
    let error = config.sending().expect_err("nothing to send by").to_string();
    assert!(error.contains("[sender]"), "{error}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let found = problems(
        "[databse]\nurl = \"x\"\n[public]\nbase_url = \"https://x.example/?a=1\"\nlisten = \"8080\"\n\
         [sender]\nfrm = \"Ada <ada@example.com>\"\nbounce_domain = \"b.example.com\"\npostal_address = \" \"\n\
         [[relay]]\nname = \"a\"\nhost = \"h\"\nport = 70000\ntls = \"ssl\"\n",
    );
    let seen: Vec<String> = found
        .iter()
        .map(|p| {
            format!("{}:{} {} | {}", p.line, p.column, p.message, p.hint.as_deref().unwrap_or(""))
        })
        .collect();
    let all = seen.join("\n");
    for wanted in [
        "1:2 `databse` is not a key of nurtured.toml",
        "did you mean `database`?",
        "4:12 `base_url` must have nothing after the path",
        "5:10 `8080` is not an address to listen on",
        "6:1 [sender] has no `from`",
        "7:1 `frm` is not a key of [sender]",
        "9:18 every marketing mail must name a postal address",
        "13:8 `port` must be between 1 and 65535",
        "14:7 `ssl` is not a value of `tls`",
    ] {
        assert!(all.contains(wanted), "`{wanted}` is not in:\n{all}");
    }
}

#[test]
fn broken_toml_is_placed() {
    let found = problems("[database]\nurl = sqlite\n");
    assert_eq!((found[0].line, found.len()), (2, 1), "{found:?}");
    assert!(!problems("[database]\nurl = \"sqlite:a\"\nurl = \"sqlite:b\"\n").is_empty());
}

#[test]
fn a_password_does_not_cross_the_network_in_the_clear() {
    let relay = |host: &str| {
        format!(
            "[public]\nbase_url = \"https://g.example\"\n[[relay]]\nname = \"a\"\nhost = \"{host}\"\ntls = \"none\"\nuser = \"u\"\npassword_file = \"p\"\n"
        )
    };
    assert!(problems(&relay("smtp.example.com"))[0].message.contains("in the clear"));
    assert!(parse(&relay("127.0.0.1")).is_ok());
}

#[test]
fn where_tls_is_required_mails_do_not_cross_the_network_in_the_clear() {
    let text = |host: &str, tls: &str, require: bool| {
        format!(
            "[public]\nbase_url = \"https://g.example\"\n[[relay]]\nname = \"a\"\nhost = \"{host}\"\ntls = \"{tls}\"\n\
             [delivery]\nrequire_tls = {require}\n"
        )
    };
    let found = problems(&text("smtp.example.com", "none", true));
    assert_eq!((found.len(), found[0].line, found[0].column), (1, 6, 7), "{found:?}");
    assert!(found[0].message.contains("require_tls"), "{found:?}");
    for (host, tls, require) in [
        ("smtp.example.com", "none", false),
        ("smtp.example.com", "starttls", true),
        ("smtp.example.com", "implicit", true),
        // A mail server of this machine, which sees to TLS itself.
        ("127.0.0.1", "none", true),
        ("localhost", "none", true),
    ] {
        assert!(parse(&text(host, tls, require)).is_ok(), "{host} {tls} {require}");
    }
}

#[test]
fn a_relay_is_greeted_by_a_full_name_or_an_address() {
    let text = |helo: &str| {
        format!(
            "[public]\nbase_url = \"https://g.example\"\n[[relay]]\nname = \"a\"\nhost = \"h\"\nhelo = \"{helo}\"\n"
        )
    };
    for right in ["mail.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
        assert!(parse(&text(right)).is_ok(), "{right}");
    }
    for wrong in ["", " ", "mail", "a b.example.com", "x.example\\r\\nRSET", "[mail]", "192.0.2.1]"]
    {
        let found = problems(&text(wrong));
        assert_eq!((found.len(), found[0].line), (1, 6), "{wrong}: {found:?}");
    }
}

#[test]
fn a_key_has_a_domain_a_selector_and_a_file_and_its_name_once() {
    let table = |domain: &str, selector: &str| {
        format!(
            "[[dkim]]\ndomain = \"{domain}\"\nselector = \"{selector}\"\nkey_file = \"k.pem\"\n"
        )
    };
    let config =
        parse(&(table("Exämple.com", "S1") + &table("example.com", "s1"))).expect("parses");
    let names: Vec<String> = config.dkim.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["s1._domainkey.xn--exmple-cua.com", "s1._domainkey.example.com"]);
    assert_eq!((config.dkim[1].place), (8, 12));
    let found = problems(&(table("example.com", "s1") + &table("Example.com", "S1")));
    assert_eq!((found.len(), found[0].line), (1, 5), "{found:?}");
    assert!(found[0].message.contains("is there already"), "{found:?}");
    for selector in ["", "a b", "-a", "a_b", "a..b", "à"] {
        assert!(
            problems(&table("example.com", selector))[0].message.contains("selector"),
            "{selector}"
        );
    }
    let found = problems("[[dkim]]\n");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(problems("[dkim]\n")[0].message.contains("two brackets"));
}

#[test]
fn a_relay_needs_links_that_lead_somewhere() {
    let found = problems("[[relay]]\nname = \"a\"\nhost = \"h\"\n");
    assert!(found[0].message.contains("base_url"), "{found:?}");
    assert!(
        parse("[[relay]]\nname = \"a\"\nfolder = \"out\"\n").expect("parses").only_writes_files()
    );
}

#[test]
fn several_relays_have_names_shares_rates_and_senders_of_their_own() {
    let sender = "[sender]\nfrom = \"Ada <ada@example.com>\"\nreply_to = \"desk@example.com\"\n\
                  bounce_domain = \"b.example.com\"\npostal_address = \"Milano\"\n";
    let relay = |name: &str, rest: &str| {
        format!("[[relay]]\nname = \"{name}\"\nfolder = \"{name}\"\n{rest}")
    };
    let ben = "from = \"Ben <ben@example.net>\"\nbounce_domain = \"b.example.net\"\nshare = 3\nrate = \"20 per minute\"\n";
    let config = parse(&format!("{sender}{}{}", relay("a", ""), relay("b", ben))).expect("parses");
    let (a, b) = (config.berth("a"), config.berth("b"));
    assert_eq!((&*a.identity, a.share, a.rate), ("ada@example.com", 1, None));
    let rate = b.rate.map(|rate| rate.to_string());
    assert_eq!(
        (&*b.identity, b.share, rate.as_deref()),
        ("ben@example.net", 3, Some("20 per minute"))
    );
    let known = config.sender_by("b").expect("there is a sender");
    assert_eq!((&*known.bounce_domain, &*known.postal_address), ("b.example.net", "Milano"));
    assert_eq!(known.reply_to.expect("the house's").address.as_str(), "desk@example.com");
    let own = config.own_domains().expect("there is a sender");
    assert!(own.has("example.net") && own.has("example.com") && !own.has("example.org"));

    let wrong = "share = 200\nrate = \"fast\"\nfrom = \"nobody\"\nbounce_domain = \"a b\"\n";
    let found = problems(&(relay("a", "share = 0\n") + &relay("a", wrong)));
    let seen: Vec<String> =
        found.iter().map(|problem| format!("{} {}", problem.line, problem.message)).collect();
    let all = seen.join("\n");
    for wanted in [
        "5 there is a relay `a` already",
        "8 `share` must be between 0 and 100",
        "9 `fast` is no rate",
        "10 `nobody` is no sender",
        "11 `a b` is not a domain",
    ] {
        assert!(all.contains(wanted), "`{wanted}` is not in:\n{all}");
    }
    let idle = problems(&(relay("a", "share = 0\n") + &relay("b", "share = 0\n")));
    assert!(idle[0].message.contains("no relay has a share"), "{idle:?}");
}

#[test]
fn a_relay_that_is_new_has_a_ramp_that_does_not_fall() {
    let relay = |rest: &str| format!("[[relay]]\nname = \"a\"\nfolder = \"out\"\n{rest}");
    let steps = |rest: &str| {
        let warm_up = parse(&relay(rest)).expect("parses").berth("a").warm_up;
        warm_up.map(|it| (it.first.to_string(), it.ramp.steps().to_vec()))
    };
    let first = || "2026-12-01".to_owned();
    assert_eq!(steps(""), None);
    let careful = steps("warm_up = \"2026-12-01\"\n").expect("a ramp");
    assert_eq!((careful.0, careful.1[0]), (first(), 20));
    let own = steps("warm_up = \"2026-12-01\"\nramp = [50, 50, 1_000]\n");
    assert_eq!(own, Some((first(), vec![50, 50, 1000])));
    for (rest, line, column, message, hint) in [
        ("warm_up = \"2026-13-01\"", 4, 11, "`2026-13-01` is no date", "warm_up = \"2026-12-01\""),
        ("warm_up = \"2026-12-01\"\nramp = \"carefull\"", 5, 8, "known are brisk", "`careful`"),
        ("warm_up = \"2026-12-01\"\nramp = []", 5, 8, "at least one number", "[50, 100, 200]"),
        (
            "warm_up = \"2026-12-01\"\nramp = [50, 40]",
            5,
            13,
            "does not fall: 40 comes after 50",
            "[50, 100, 200]",
        ),
        ("warm_up = \"2026-12-01\"\nramp = [0]", 5, 9, "let nobody be written to", "[50, 100"),
        ("warm_up = \"2026-12-01\"\nramp = [50, \"x\"]", 5, 13, "a number of mails", "[50, 100"),
        ("warm_up = \"2026-12-01\"\nramp = 50", 5, 8, "a name or a list", "ramp = \"careful\""),
        ("ramp = \"steady\"", 1, 1, "has no `warm_up`", "warm_up = \"2026-12-01\""),
    ] {
        let found = problems(&relay(rest));
        let [problem] = &found[..] else { panic!("{rest}: {found:?}") };
        assert_eq!((problem.line, problem.column), (line, column), "{rest}: {problem:?}");
        assert!(problem.message.contains(message), "{rest}: {problem:?}");
        assert!(problem.hint.as_ref().is_some_and(|it| it.contains(hint)), "{rest}: {problem:?}");
    }
}

#[test]
fn one_click_unsubscribe_needs_https() {
    let text = |url: &str, host: &str| {
        format!("[public]\nbase_url = \"{url}\"\n[[relay]]\nname = \"a\"\nhost = \"{host}\"\n")
    };
    // A server on this machine passes it on.
    for host in ["smtp.example.com", "127.0.0.1", "localhost"] {
        let found = problems(&text("http://go.example.com", host));
        assert_eq!((found.len(), found[0].line), (1, 2), "{found:?}");
        assert!(found[0].message.contains("RFC 8058"), "{found:?}");
    }
    for (url, host) in [
        ("https://go.example.com", "smtp.example.com"),
        ("http://localhost:8080", "smtp.example.com"),
        ("http://[::1]:8080", "smtp.example.com"),
        ("http://127.0.0.1:8080", "127.0.0.1"),
    ] {
        assert!(parse(&text(url, host)).is_ok(), "{url} {host}");
    }
}

#[test]
fn a_log_filter_is_checked_with_the_rest() {
    assert!(parse("[log]\nfilter = \"nurtured=debug,info\"\n").is_ok());
    let found = problems("[log]\nfilter = \"nurtured=loud\"\n");
    assert_eq!((found.len(), found[0].line), (1, 2), "{found:?}");
}

#[test]
fn a_database_password_is_never_shown() {
    let config = parse("[database]\nurl = \"postgres://u:hunter2@h/d\"\n").expect("it parses");
    assert!(!format!("{config:?}").contains("hunter2"));
    let error =
        parse("[database]\nurl = \"mysql://u:hunter2@h/d\"\n").expect_err("no such database");
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn a_password_is_read_from_its_file_and_not_shown() {
    use secrecy::ExposeSecret;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("p"), "hunter2\n").expect("written");
    let text = "[public]\nbase_url = \"https://g.example\"\n[[relay]]\nname = \"a\"\nhost = \"h\"\nuser = \"u\"\npassword_file = \"p\"\n";
    let config = Config::parse(text, folder.path()).expect("it parses");
    let RelayKind::Smtp(smtp) = &config.relays[0].kind else { panic!("not SMTP") };
    let password = smtp.login.as_ref().expect("a login").password().expect("read");
    assert_eq!(password.expose_secret(), "hunter2");
    assert!(!format!("{config:?} {password:?}").contains("hunter2"));
}

#[test]
fn targets_of_webhooks_have_a_url_and_a_secret_and_headers_of_yours() {
    let config = parse(
        r#"
        [webhook.crm]
        url = "https://crm.example.com:8443/hooks?kind=lead"
        secret_file = "crm.secret"
        headers = ["Authorization: Bearer abc", "X-Source: nurtured"]
        [webhook.slack]
        url = "https://slack.example.com/"
        secret_file = "credential:slack"
        [egress]
        allow = ["10.2.0.17", "10.3.0.0/16", "fd00::/8"]
        "#,
    )
    .unwrap();
    let crm = config.webhook("crm").unwrap();
    assert_eq!(crm.url.as_str(), "https://crm.example.com:8443/hooks?kind=lead");
    let headers = [("Authorization", "Bearer abc"), ("X-Source", "nurtured")];
    assert_eq!(crm.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(config.webhook("slack").unwrap().secret().is_err(), "no credentials are handed here");
    assert!(config.webhook("sales").is_none());
    for (address, reached) in [("10.2.0.17", true), ("10.2.0.18", false), ("10.3.9.9", true)] {
        assert_eq!(config.egress.refusal(address.parse().unwrap()).is_none(), reached, "{address}");
    }
}

#[test]
fn what_is_wrong_with_a_webhook_is_said_at_once_with_its_place() {
    let found = problems(
        "[webhook.crm]\nurl = \"crm.example.com/hooks\"\nheaders = [\"Host: a\", \"nothing\", \"X: y\"]\n\
         [webhook.a]\nurl = \"ftp://a.example/\"\nsecret_file = \"a\"\n\
         [webhook.b]\nurl = \"https://me:secret@b.example/\"\nsecret_file = \"b\"\ntimeout = 3\n\
         [webhook.c]\nurl = \"https://c.example/#x\"\nsecret_file = \"c\"\n\
         [egress]\nallow = [\"crm.example.com\", \"10.0.0.0/33\"]\n",
    );
    let said: Vec<String> =
        found.iter().map(|it| format!("{}:{}: {}", it.line, it.column, it.message)).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    1:10: [webhook.NAME] has no `secret_file`
    2:7: `url` is not a URL
    3:12: `Host` is no header of yours
    3:23: `nothing` is no header of yours
    5:7: `url` must begin with https://
    8:7: `url` must not hold a user or a password
    10:1: `timeout` is not a key of [webhook.NAME]: known are url, secret_file, headers
    12:7: `url` must have nothing after `#`
    15:10: `crm.example.com` is no address and no network
    15:29: `10.0.0.0/33` is no address and no network
    ");
    assert!(!said.join("").contains("secret@"), "what a URL held is not told");
}

#[test]
fn a_secret_is_the_first_line_of_its_file_and_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.secret");
    let text = format!(
        "[webhook.crm]\nurl = \"https://crm.example.com/\"\nsecret_file = \"{}\"\n",
        file.display()
    );
    let config = parse(&text).unwrap();
    let secret = || config.webhook("crm").unwrap().secret();
    assert!(secret().unwrap_err().to_string().contains("the secret of webhook `crm`"));
    std::fs::write(&file, "  \nrest\n").unwrap();
    assert!(secret().unwrap_err().to_string().contains("its first line is empty"));
    std::fs::write(&file, "s3cret\nrest\n").unwrap();
    let found = secret().unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&found), "s3cret");
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn a_credential_is_a_name_and_no_path() {
    let secrets = |file: &str| parse(&format!("[secrets]\nfile = \"{file}\"\n"));
    let file = secrets("credential:keys").expect("it parses").secrets.file;
    assert_eq!(file, NamedFile::Credential("keys".to_owned()));
    for wrong in ["credential:", "credential:../keys"] {
        assert!(secrets(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn two_listeners_on_one_port_are_refused_where_they_are_written() {
    let places = |text: &str| -> Vec<(usize, usize)> {
        problems(text).iter().map(|problem| (problem.line, problem.column)).collect()
    };
    let both = "[console]\nlisten = \"0.0.0.0:8080\"\n[public]\nlisten = \"127.0.0.1:8080\"\n";
    assert_eq!(places(both), [(2, 10)]);
    // What the other one does where nothing is said.
    assert_eq!(places("[public]\nlisten = \"127.0.0.1:8081\"\n"), [(2, 10)]);
    assert_eq!(places("[lmtp]\nlisten = \"127.0.0.1:8081\"\n"), [(2, 10)]);
    let wrong = "[console]\nlisten = \"here\"\n[public]\nlisten = \"127.0.0.1:8081\"\n";
    assert_eq!(places(wrong), [(2, 10)], "one mistake is one problem");
    let found = &problems(both)[0];
    assert_eq!(found.message, "[public] and [console] would both listen on 0.0.0.0:8080");
}
