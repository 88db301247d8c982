//! Manual pages and completions.

use std::process::{Command, Stdio};

use crate::support::{site::Site, skipped::skipped};

#[test]
fn every_command_has_a_page_that_renders_without_a_warning() {
    let site = Site::bare();
    let report = site.json(&["man", "pages"]);
    let pages: Vec<_> =
        std::fs::read_dir(site.path("pages")).unwrap().map(|page| page.unwrap().path()).collect();
    assert_eq!(report["pages"], pages.len());
    for name in ["nurtured.1", "nurtured-leads-import.1", "nurtured-restore.1"] {
        assert!(site.path("pages").join(name).exists(), "{name}");
    }
    if Command::new("groff").arg("--version").stdout(Stdio::null()).status().is_err() {
        skipped("the manual pages: groff is not installed");
        return;
    }
    for page in pages {
        let ran =
            Command::new("groff").args(["-ww", "-man", "-Tutf8"]).arg(&page).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && said.is_empty(), "{}: {said}", page.display());
        assert!(ran.stdout.len() > 500, "{}", page.display());
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let site = Site::bare();
    let script = site.write("nurtured.bash", site.run(&["completions", "bash"]).out);
    assert!(Command::new("bash").arg("-n").arg(&script).status().unwrap().success());
    let complete = |words: &str| {
        let program = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _nurtured nurtured \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let ran = Command::new("bash").args(["-c", &program]).output().unwrap();
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete("nurtured mig"), "migrate");
    assert_eq!(complete("nurtured leads im"), "import");
    assert_eq!(complete("nurtured restore --nothing"), "--nothing-sent");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(site.run(&["completions", shell]).out.contains("suppressions"), "{shell}");
    }
}
