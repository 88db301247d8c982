//! The export of a CRM through half a year: imports, deals, what sales says, mails. What `report funnel` then
//! says is what pandas counts in the same files, figure by figure (`tests/funnel/recount.py`).

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use nurtured::{
    domain::{lead::Basis, time::Instant, value::Schema},
    engine::import::{
        EventsImport, LeadsImport, Mapping, import_events, import_leads, rejects_beside,
    },
    store::records::ImportRun,
};
use regex::Regex;

use crate::support::{
    databases::{TestDatabase, for_each_database},
    engine::{Campaign, DAY, Read, Rig, Setup, at},
    postgres,
    site::{Site, shared},
    skipped::skipped,
};

/// One address of so many is taken, with all its rows, activities and deals: some 1,200.
const ONE_OF: u32 = 5;
/// A tuesday, on which mails may go.
const START: &str = "2024-01-30T10:00:00Z";
const WEEKS: u32 = 27;
/// A third of the contacts comes in each: they are of three months.
const ARRIVALS: [u32; 3] = [0, 5, 10];
/// Deals are exported every so many weeks.
const DEALS_EVERY: u32 = 4;

/// Whose cards are read by their words.
const PEOPLE: &str = "people:\n  ada: { name: Ada Rossi, email: ada@example.com }\n  \
                      ben: { name: Ben Weber, email: ben@example.com }\n  sales: { team: [ada, ben] }\n";

const POLICY: &str = include_str!("../workflows/policy.yaml");

#[tokio::test(flavor = "multi_thread")]
async fn the_funnel_of_a_crm_is_what_pandas_counts() {
    let Some(crm) = shared("crm") else { return };
    let Some(python) = python() else {
        skipped("the funnel against an independent count: no python3 has pandas (python3-pandas)");
        return;
    };
    let crm = Crm::read(&crm);
    for_each_database(async |db| {
        let site = Site::new();
        HalfAYear::new(db, &site).await.lived(&crm).await;
        report(db, &site, &[("all.json", "", ""), ("spring.json", "2024-03-01", "2024-04-30")]);
        let recount = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/funnel/recount.py");
        let counted = Command::new(&python).arg(recount).arg(site.path("")).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&counted.stdout), text(&counted.stderr));
        assert!(counted.status.success(), "reported and counted differ:\n{out}{err}");
        eprintln!("{out}");
    })
    .await;
}

/// One that has pandas: Debian's may, where the first of the path does not.
fn python() -> Option<PathBuf> {
    let has_pandas = |python: &PathBuf| {
        let output = Command::new(python).args(["-c", "import pandas"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    ["python3", "/usr/bin/python3"].map(PathBuf::from).into_iter().find(has_pandas)
}

/// A table of texts.
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(file: &Path) -> Self {
        let mut reader = csv::Reader::from_path(file).unwrap();
        let texts = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = texts(reader.headers().unwrap());
        let rows = reader.records().map(|record| texts(&record.unwrap())).collect();
        Self { header, rows }
    }

    fn with(&self, rows: Vec<Vec<String>>) -> Self {
        Self { header: self.header.clone(), rows }
    }

    fn column(&self, name: &str) -> usize {
        self.header.iter().position(|header| header.trim_start_matches('\u{feff}') == name).unwrap()
    }

    fn text(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in std::iter::once(&self.header).chain(&self.rows) {
            writer.write_record(row).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }
}

/// A part of the contacts, and of all else what is theirs.
struct Crm {
    contacts: Table,
    activities: Table,
    deals: Table,
}

impl Crm {
    fn read(folder: &Path) -> Self {
        let table = |name: &str| Table::read(&folder.join(name));
        let (contacts, activities, deals) =
            (table("contacts.csv"), table("activities.csv"), table("deals.csv"));
        let sample = |table: &Table, email: &str| {
            let email = table.column(email);
            let is_taken = |row: &&Vec<String>| {
                let address = row[email].trim().to_lowercase();
                address.bytes().map(u32::from).sum::<u32>().is_multiple_of(ONE_OF)
            };
            table.with(table.rows.iter().filter(is_taken).cloned().collect())
        };
        Self {
            contacts: sample(&contacts, "Email"),
            activities: sample(&activities, "email"),
            deals: sample(&deals, "email"),
        }
    }

    /// A share of the contacts, by turns.
    fn arrivals(&self, part: usize) -> Table {
        let rows = self.contacts.rows.iter().skip(part).step_by(ARRIVALS.len());
        self.contacts.with(rows.cloned().collect())
    }

    /// What happened after one instant and until another.
    fn activities(&self, after: Option<Instant>, until: Instant) -> Table {
        let column = self.activities.column("at");
        let is_due = |row: &&Vec<String>| {
            let at = at(&row[column]);
            at <= until && after.is_none_or(|after| at > after)
        };
        self.activities.with(self.activities.rows.iter().filter(is_due).cloned().collect())
    }

    /// The deals as they stand on a day: nobody knows yet how those will end that are open.
    fn deals(&self, day: &str) -> Table {
        let [opened, outcome, closed] =
            ["opened_on", "outcome", "closed_on"].map(|name| self.deals.column(name));
        let mut rows = self.deals.rows.clone();
        rows.retain(|row| row[opened].as_str() <= day);
        for row in rows.iter_mut().filter(|row| row[closed].as_str() > day) {
            row[outcome].clear();
            row[closed].clear();
        }
        self.deals.with(rows)
    }
}

/// A house that lives through it. All it imports, and in which order, is in the folder of a site.
struct HalfAYear<'a> {
    rig: Rig,
    site: &'a Site,
    story: Table,
    cards_read: usize,
}

/// Of each week one instant is lived, and all mails that may go leave at it: none waits for its turn.
fn without_pace(policy: &str) -> String {
    let (before, rest) = policy.split_once("  pacing:\n").expect("a pace");
    let (_, after) = rest.split_once("  purposes:\n").expect("purposes");
    format!("{before}  purposes:\n{after}")
}

impl<'a> HalfAYear<'a> {
    async fn new(db: &TestDatabase, site: &'a Site) -> Self {
        let setup = Setup { start: at(START), ..Setup::default() };
        let campaign = Campaign::shipped()
            .file("workflows/people.yaml", PEOPLE)
            .file("workflows/policy.yaml", &without_pace(POLICY));
        let rig = Rig::with(db, &campaign, setup).await;
        let story =
            Table { header: ["at", "what", "file"].map(str::to_owned).into(), rows: Vec::new() };
        Self { rig, site, story, cards_read: 0 }
    }

    async fn lived(mut self, crm: &Crm) {
        let mut before = None;
        for week in 0..WEEKS {
            let now = at(START) + DAY * (7 * week);
            self.rig.clock.set(now);
            let arrivals = ARRIVALS.iter().position(|arrives| *arrives == week);
            if let Some(part) = arrivals {
                self.imports("leads", &crm.arrivals(part)).await;
            }
            // Of those who are new all that they did before; of the others that is known.
            let after = before.filter(|_| arrivals.is_none());
            self.imports("events", &crm.activities(after, now)).await;
            if week % DEALS_EVERY == 0 {
                self.imports("deals", &crm.deals(&now.to_string()[..10])).await;
            }
            self.rig.tick().await;
            self.told("tick", "");
            before = Some(now);
            let (cards, said) = self.sales_says();
            self.keeps("cards", &cards);
            // It is entered in the CRM on friday.
            self.rig.clock.set(now + 3 * DAY);
            self.imports("events", &said).await;
        }
        self.site.write("story.csv", self.story.text());
    }

    /// Has a file in the folder, and says so in the story.
    fn keeps(&mut self, what: &str, table: &Table) -> PathBuf {
        let name = format!("{}-{what}.csv", self.story.rows.len());
        self.told(what, &name);
        self.site.write(&name, table.text())
    }

    async fn imports(&mut self, what: &str, table: &Table) {
        let (file, now) = (self.keeps(what, table), self.rig.clock.now());
        let (store, rejects) = (&self.rig.store, rejects_beside(&file));
        if what == "leads" {
            let (id, source) = (now.millis(), "crm".into());
            let import = LeadsImport {
                file,
                mapping: Mapping::default(),
                schema: Some(Schema::standard()),
                people: None,
                run: ImportRun { id, source, is_named: false, campaign: None },
                purpose: Some("insights".into()),
                basis: Basis::Consent,
                rejects,
                dry_run: false,
            };
            import_leads(store, import, now, |_| {}).await.unwrap();
        } else {
            let import = EventsImport { file, source: "crm".into(), rejects, dry_run: false };
            import_events(store, import, now, |_| {}).await.unwrap();
        }
    }

    /// The cards that came, and what sales says of them the next day: it takes one, gives one back, knows one
    /// to be the wrong person, and leaves one lying.
    fn sales_says(&mut self) -> (Table, Table) {
        let address = Regex::new(r"[\w.+-]+@[\w.-]+\.example\b").unwrap();
        let mails = self.rig.smtp.mails();
        let new =
            mails[self.cards_read..].iter().filter(|mail| mail.to[0].ends_with("@example.com"));
        let cards: BTreeSet<String> = new
            .map(|mail| Read::of(mail).text)
            .filter(|text| text.contains("Accepted: I take it"))
            .map(|text| address.find(&text).expect("who it is about").as_str().to_owned())
            .collect();
        self.cards_read = mails.len();
        let (now, turn) = (self.rig.clock.now(), self.story.rows.len());
        let row = |lead: &String, at: Instant, event: &str, object: &str| {
            vec![lead.clone(), at.to_string(), event.to_owned(), object.to_owned()]
        };
        let words = [
            ("handoff.accepted", ""),
            ("handoff.returned", "not_now"),
            ("handoff.returned", "wrong_person"),
        ];
        let said = cards.iter().enumerate().filter_map(|(place, lead)| {
            let (event, object) = words.get((place + turn) % 4)?;
            Some(row(lead, now + DAY, event, object))
        });
        let header: Vec<String> = ["email", "at", "event", "object"].map(str::to_owned).into();
        let said = Table { header: header.clone(), rows: said.collect() };
        let rows = cards.iter().map(|lead| row(lead, now, "handoff.made", "")).collect();
        (Table { header, rows }, said)
    }

    fn told(&mut self, what: &str, file: &str) {
        let now = self.rig.clock.now().to_string();
        self.story.rows.push(vec![now, what.to_owned(), file.to_owned()]);
    }
}

/// As the binary prints it, of these days.
fn report(db: &TestDatabase, site: &Site, periods: &[(&str, &str, &str)]) {
    let url = match &db.url.file() {
        Some(file) => format!("sqlite:{}", file.display()),
        None => postgres::url_text(&db.url),
    };
    let mut reports = "file,since,until\n".to_owned();
    for (file, since, until) in periods {
        let mut arguments = vec!["--database", &url, "--json", "report", "funnel"];
        for (option, day) in [("--since", since), ("--until", until)] {
            if !day.is_empty() {
                arguments.extend([option, day]);
            }
        }
        let ran = site.run(&arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        site.write(file, ran.out);
        reports += &format!("{file},{since},{until}\n");
    }
    site.write("reports.csv", reports);
}
