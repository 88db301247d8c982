//! The manual says what the program does.

use std::{collections::BTreeSet, path::Path};

use nurtured::config::{Config, ConfigError};

/// The keys that the table of the manual explains, as `[section] key`.
fn explained() -> BTreeSet<String> {
    let manual = include_str!("../../docs/operations.md");
    let section = manual.split("\n## Configuration").nth(1).unwrap().split("\n## ").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .map(str::to_owned)
        .collect()
}

/// Whether a section is a key's, as `[webhook.NAME]` is that of `webhook`.
fn is_of(section: &str, key: &str) -> bool {
    section.trim_matches(['[', ']']).split('.').next() == Some(key)
}

#[test]
fn every_key_of_the_configuration_is_explained_and_every_explained_key_is_there() {
    let sections: BTreeSet<String> = explained()
        .iter()
        .filter_map(|key| key.split_once(' '))
        .map(|(section, _)| section.to_owned())
        .collect();
    let mut wrong = String::from("nonsense = 1\n");
    for section in &sections {
        wrong.push_str(&format!("{section}\nnonsense = 1\n"));
    }
    // An unknown key is answered by the list of those that there are.
    let Err(ConfigError::Invalid { problems, .. }) = Config::parse(&wrong, Path::new("")) else {
        panic!("nonsense was taken for a key");
    };
    let mut there = BTreeSet::new();
    for problem in problems {
        let Some((of, known)) = problem.message.split_once(": known are ") else { continue };
        let title = of.trim_start_matches("`nonsense` is not a key of ");
        for key in known.split(", ") {
            if title.starts_with('[') {
                there.insert(format!("{title} {key}"));
            } else if !sections.iter().any(|section| is_of(section, key)) {
                there.insert(key.to_owned());
            }
        }
    }
    assert_eq!(explained(), there);
}

#[test]
fn the_paths_of_the_unit_are_those_of_the_manual() {
    let unit = include_str!("../../systemd/nurtured.service");
    let manual =
        concat!(include_str!("../../docs/operations.md"), include_str!("../../docs/install.md"));
    for path in [
        "/usr/bin/nurtured",
        "/etc/nurtured/nurtured.toml",
        "/etc/nurtured/campaign",
        "/etc/nurtured/relay-password",
        "nurtured --config /etc/nurtured/nurtured.toml --dir /etc/nurtured/campaign ",
    ] {
        assert!(unit.contains(path) && manual.contains(path), "{path}");
    }
    assert!(
        manual.contains("sqlite:/var/lib/nurtured/") && unit.contains("StateDirectory=nurtured")
    );
    let (before, _) = manual.split_once("systemctl enable --now nurtured").unwrap();
    assert!(
        before.contains("[secrets]\nfile = \"/var/lib/nurtured/"),
        "first the paths, then the start"
    );
}

/// What a sysadmin copies into `nurtured.toml`, beside the sections that the page takes for granted.
#[test]
fn every_piece_of_configuration_in_the_manual_is_taken() {
    let manual = include_str!("../../docs/operations.md");
    let pieces: Vec<&str> =
        manual.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(pieces.len() >= 5, "{pieces:#?}");
    let granted = [
        ("[public]", "base_url = \"https://go.example.com\""),
        (
            "[sender]",
            "from = \"Ada <ada@example.com>\"\nbounce_domain = \"b.example.com\"\npostal_address = \"Milano\"",
        ),
        ("[[relay]]", "name = \"granted\"\nhost = \"smtp.example.com\"\nuser = \"ada\""),
    ];
    for piece in pieces {
        let mut text = String::new();
        for (section, keys) in granted {
            // Keys without a section are a relay's: they come behind it.
            if !piece.contains(section) && (section != "[[relay]]" || !piece.starts_with('[')) {
                text.push_str(&format!("{section}\n{keys}\n"));
            }
        }
        let config = Config::parse(&(text + piece), Path::new(""));
        assert!(config.is_ok(), "{piece}\n{}", config.unwrap_err());
    }
}
