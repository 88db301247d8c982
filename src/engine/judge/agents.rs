//! What a user agent says about who is behind a hit.
//!
//! A name can only give a machine away, never prove a person: scanners that matter call themselves
//! Chrome. So the lists here are short and general, and timing does the rest (see [`super`]).

/// What an agent's name gives away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Agent {
    /// Looks like a browser or a mail client: no sign either way.
    Ordinary,
    /// Fetches the pictures of a mail for its reader, when the reader opens it (Gmail, Yahoo). A sign
    /// of an open; never seen behind a click of a person.
    ImageProxy,
    /// Fetches pictures ahead, whether or not anybody reads (Apple Mail's privacy protection shows
    /// itself by a bare `Mozilla/5.0`).
    Prefetcher,
    /// A scanner, crawler, previewer, monitor or library.
    Machine,
}

/// Longer ones are cut before they are looked at: a name of a browser ends long before.
const LOOKED_AT: usize = 512;

const IMAGE_PROXIES: [&str; 4] =
    ["googleimageproxy", "yahoomailproxy", "yahoocachesystem", "ggpht.com"];

/// Mail clients that do not call themselves `Mozilla/…`.
const MAIL_CLIENTS: [&str; 14] = [
    "microsoft office/",
    "microsoft outlook",
    "outlook-ios",
    "outlook-android",
    "outlook-express",
    "office365",
    "applemail/",
    "mail/",
    "thunderbird/",
    "airmail",
    "samsungemail",
    "aquamail",
    "dalvik/",
    "opera/",
];

/// Words of a trade: they occur in the names of programs that fetch by themselves and in no browser's.
const MACHINE_WORDS: [&str; 74] = [
    "archiv",
    "audit",
    "barracuda",
    "bot",
    "capture",
    "check",
    "client-side-scan",
    "collector",
    "crawl",
    "curl",
    "discover",
    "download",
    "extract",
    "externalhit",
    "favicon",
    "feed",
    "fetch",
    "finder",
    "gateway",
    "generator",
    "grab",
    "harvest",
    "headless",
    "http-client",
    "httpclient",
    "httpunit",
    "httrack",
    "index",
    "inspect",
    "java/",
    "library",
    "lighthouse",
    "link",
    "lookup",
    "mimecast",
    "monitor",
    "nikto",
    "nmap",
    "offline",
    "openvas",
    "optimi",
    "parser",
    "phantom",
    "pingdom",
    "playwright",
    "prefetch",
    "preview",
    "probe",
    "proofpoint",
    "proxy",
    "ptst/",
    "puppeteer",
    "python",
    "reader",
    "resolver",
    "retriev",
    "rss",
    "ruby",
    "scan",
    "scrap",
    "search",
    "selenium",
    "security",
    "sitemap",
    "slurp",
    "spider",
    "survey",
    "synthetic",
    "transcod",
    "urllib",
    "validat",
    "verif",
    "watch",
    "wget",
];

/// Products with names of their own that no general word gives away.
const MACHINE_PRODUCTS: [&str; 30] = [
    "appinsights",
    "attracta",
    "collapsify",
    "dareboost",
    "datanyze",
    "daumoa",
    "foregenix",
    "google-",
    "googleagent",
    "gtmetrix",
    "hardenize",
    "hotjar",
    "indexnow",
    "l9explore",
    "manus-user",
    "marketgoo",
    "newsai",
    "newsnow",
    "outbrain",
    "physicalweb",
    "rigor)",
    "sindup",
    "silktide",
    "splash ",
    "testlocally",
    "tsm-turingos",
    "twingly",
    "ylt ",
    "-google",
    "zgrab",
];

/// What only a name that says whom to complain to holds: a page or an address.
const CONTACTS: [&str; 9] =
    ["http:", "https:", "www.", "@", ".com", "[at]", "(at)", ".io/", ".observer"];

/// What the user agent of a request gives away; an absent one is the empty text.
#[must_use]
pub fn recognise(agent: &str) -> Agent {
    let agent = agent.trim();
    let cut = agent.char_indices().nth(LOOKED_AT).map_or(agent, |(end, _)| &agent[..end]);
    let name = cut.to_ascii_lowercase();
    if has(&name, &IMAGE_PROXIES) {
        return Agent::ImageProxy;
    }
    if name == "mozilla/5.0" {
        return Agent::Prefetcher;
    }
    // "Microsoft Office" asks whether a link can be opened, before it opens the browser.
    if name.starts_with("microsoft office") && name.contains("discovery") {
        return Agent::Machine;
    }
    let shaped = if name.starts_with("mozilla/") {
        is_shaped_like_a_browser(&name)
    } else {
        MAIL_CLIENTS.iter().any(|client| name.starts_with(client))
    };
    if !shaped || gives_itself_away(&name) { Agent::Machine } else { Agent::Ordinary }
}

/// Every browser names its engine, and only old Internet Explorers are `compatible` with one.
fn is_shaped_like_a_browser(name: &str) -> bool {
    let engine =
        ["applewebkit/", "gecko/", "trident/", "msie ", "khtml/", "outlook", "thunderbird"];
    let internet_explorer = ["msie ", "trident/", "konqueror", "ms-office"];
    has(name, &engine) && (!name.contains("compatible;") || has(name, &internet_explorer))
}

fn gives_itself_away(name: &str) -> bool {
    // A maker of telephones and an app with a browser, whose names hold a word of the trade.
    let name = name.replace("cubot", "").replace("linkedinapp", "");
    has(&name, &MACHINE_WORDS)
        || has(&name, &MACHINE_PRODUCTS)
        || has(&name, &CONTACTS)
        || has_the_word(&name, "agent")
}

/// `agent` as a word of its own; `xagent` is somebody's browser.
fn has_the_word(name: &str, word: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == word)
}

fn has(name: &str, any: &[&str]) -> bool {
    any.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Browsers, in-app browsers and mail clients that people sit in front of.
    const PEOPLE: [&str; 30] = [
        "Mozilla/5.0 (Linux; Android 14; SM-A546B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36 [LinkedInApp]/9.31",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/144.0 Mobile/15E148 Safari/605.1.15",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.152 Mobile Safari/537.36",
        "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Vivaldi/7.6.3797.63",
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; .NET4.0C; .NET4.0E; Microsoft Outlook 16.0.17928; ms-office; MSOffice 16)",
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.12.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Outlook-iOS/723.4027091.prod.iphone (4.28.0)",
        "Outlook-Android/2.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/531.0.0.0]",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/390.0.0 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Teams/25290.205",
        "Dalvik/2.1.0 (Linux; U; Android 14; SM-S918B Build/UP1A.231005.007)",
    ];

    #[test]
    fn people_are_not_taken_for_machines() {
        for agent in PEOPLE {
            assert_eq!(recognise(agent), Agent::Ordinary, "{agent}");
        }
    }

    #[test]
    fn a_name_of_a_program_or_none_at_all_is_a_machine() {
        for agent in [
            "",
            "  ",
            "curl/8.5.0",
            "python-requests/2.32.3",
            "Go-http-client/2.0",
            "Apache-HttpClient/4.5.14 (Java/17.0.9)",
            "Barracuda Sentinel (EE)",
            "Microsoft Office Existence Discovery",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "facebookexternalhit/1.1",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36",
            "Mozilla/5.0 (compatible)",
            "Mozilla/5.0 (Windows NT 10.0) Firefox/140",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Firefox/140.0",
        ] {
            assert_eq!(recognise(agent), Agent::Machine, "{agent}");
        }
        assert_eq!(recognise(&"Mozilla/5.0 AppleWebKit/1 é".repeat(10_000)), Agent::Ordinary);
    }

    #[test]
    fn the_names_on_the_page_are_judged_as_it_says() {
        let page = include_str!("../../../docs/operations.md");
        let (_, section) = page.split_once("\n## Who clicked\n").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let names =
            section.split('`').skip(1).step_by(2).filter(|name| name.starts_with("Mozilla"));
        let names: Vec<&str> = names.collect();
        assert!(names.len() >= 2, "{names:?}");
        for name in names {
            assert!(matches!(recognise(name), Agent::Machine | Agent::Prefetcher), "{name}");
        }
        assert!(section.contains("no user agent at all"));
    }

    #[test]
    fn proxies_of_pictures_are_told_from_prefetchers() {
        let gmail = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
        assert_eq!(recognise(gmail), Agent::ImageProxy);
        assert_eq!(
            recognise("YahooMailProxy; https://help.yahoo.com/kb/x.html"),
            Agent::ImageProxy
        );
        assert_eq!(recognise("Mozilla/5.0"), Agent::Prefetcher);
    }

    #[test]
    fn nearly_every_published_crawler_is_recognised() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../shared/data/mail/user-agents/crawler-user-agents.json"
        );
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("skipped: {path} is not there");
            return;
        };
        let crawlers: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let agents: Vec<&str> = crawlers
            .iter()
            .flat_map(|crawler| crawler["instances"].as_array().into_iter().flatten())
            .filter_map(serde_json::Value::as_str)
            .collect();
        assert!(agents.len() > 1_000, "only {} in {path}", agents.len());
        let missed: Vec<&&str> =
            agents.iter().filter(|agent| recognise(agent) == Agent::Ordinary).collect();
        println!("missed {} of {}: {missed:#?}", missed.len(), agents.len());
        assert!(missed.len() * 100 <= agents.len(), "more than 1 in 100: {missed:#?}");
    }
}
