//! One row of a file of events: who, when, what.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    ImportError,
    rejects::{is_own, restored},
    table::ROW_LIMIT,
};
use crate::domain::{
    address::Address,
    event::{EventData, EventKind},
    name::Name,
    question::Ask,
    time::Instant,
    value::Value,
};

/// What a lead asks of us takes effect at the door, with a proof that an event of a file is not.
const ASKED_OF_US: &str = "import it as the lead's later_until or its consents, by `leads import`";

/// An event as a file tells it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Happened {
    pub address: Address,
    pub at: Instant,
    pub kind: EventKind,
    pub object: Option<Name>,
    pub data: EventData,
    /// The same row has the same key, in whatever file it comes.
    pub dedupe: String,
}

/// Why a row is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub column: String,
    pub reason: String,
    pub advice: &'static str,
}

/// Where things are in a CSV file; every other column is data.
pub(super) struct Columns {
    email: usize,
    at: usize,
    event: usize,
    object: Option<usize>,
    id: Option<usize>,
}

impl Columns {
    /// `headers` in lower case.
    pub(super) fn find(headers: &[String]) -> Result<Self, (String, &'static str)> {
        let of = |names: &[&str]| headers.iter().position(|header| names.contains(&&**header));
        let need = |names: &[&str]| {
            of(names).ok_or_else(|| {
                (
                    format!("there is no column `{}`; there are: {}", names[0], headers.join(", ")),
                    "events have the columns email, at, event, and if you like object, id and others; \
                     deals have email, deal, opened_on, outcome, closed_on",
                )
            })
        };
        Ok(Self {
            email: need(&["email", "e-mail"])?,
            at: need(&["at", "occurred_at", "timestamp"])?,
            event: need(&["event", "kind"])?,
            object: of(&["object"]),
            id: of(&["id", "event_id"]),
        })
    }
}

/// Reads a row; `headers` are in lower case.
pub(super) fn from_csv(
    columns: &Columns,
    headers: &[String],
    cells: &[&str],
) -> Result<Happened, Refusal> {
    let cell = |column: usize| restored(cells[column].trim());
    let mut data = EventData::new();
    for (column, header) in headers.iter().enumerate() {
        let named = [Some(columns.email), Some(columns.at), Some(columns.event), columns.object];
        let is_data = !named.contains(&Some(column))
            && columns.id != Some(column)
            && !is_own(header)
            && !header.is_empty()
            && !cell(column).is_empty();
        if is_data {
            data.insert(header.replace([' ', '-'], "_").into(), value_of(cell(column)));
        }
    }
    let id = columns.id.map(cell).filter(|id| !id.is_empty());
    let object = columns.object.map(cell).filter(|object| !object.is_empty());
    happened(cell(columns.email), cell(columns.at), cell(columns.event), object, id, data)
}

fn happened(
    email: &str,
    at: &str,
    event: &str,
    object: Option<&str>,
    id: Option<&str>,
    data: EventData,
) -> Result<Happened, Refusal> {
    let refusal = |column: &str, reason: String, advice| Refusal {
        column: column.to_owned(),
        reason,
        advice,
    };
    let address = Address::parse(email)
        .map_err(|error| refusal("email", error.to_string(), "correct the address"))?;
    let at = instant(at).ok_or_else(|| {
        refusal("at", format!("`{at}` is no instant"), "write 2027-03-28T09:00:00Z")
    })?;
    let kind = kind(event)?;
    if kind == EventKind::DEAL_WON {
        amount(&data)?;
    }
    let object = object.map(inert);
    if let Some(key @ (Ask::LATER | Ask::PREFERENCES)) =
        object.as_deref().filter(|_| kind == EventKind::LEAD_ANSWERED)
    {
        let reason =
            format!("`{key}` is no declared question, and its answer would change nothing");
        return Err(refusal("object", reason, ASKED_OF_US));
    }
    let dedupe = dedupe(&kind, at, object.as_deref(), id, &data);
    Ok(Happened { address, at, kind, object: object.map(Into::into), data, dedupe })
}

/// `page_visited` and `page.visited` alike; our own inner kinds are refused.
fn kind(text: &str) -> Result<EventKind, Refusal> {
    let refusal = |reason, advice| Refusal { column: "event".into(), reason, advice };
    let mut word = text.trim().to_lowercase().replace([' ', '-'], "_");
    if !word.contains('.') {
        word = word.replacen('_', ".", 1);
    }
    let kind = EventKind::parse(&word)
        .map_err(|reason| refusal(reason, "write what happened, like page.visited"))?;
    if kind.is_of_our_making() {
        let reason = format!("`{kind}` is recorded by nurtured itself");
        return Err(refusal(reason, "leave it out, or give it another name"));
    }
    Ok(kind)
}

/// Whether the amount of a deal, if it says one, can be summed.
pub(super) fn amount(data: &EventData) -> Result<(), Refusal> {
    match data.get("amount") {
        Some(amount) if amount.number().is_none() => Err(Refusal {
            column: "amount".to_owned(),
            reason: format!("`{amount}` is not a number"),
            advice: "write 1234.50, and the currency in a column of its own",
        }),
        _ => Ok(()),
    }
}

/// RFC 3339, a date, or a date and a time without a zone (UTC).
pub(super) fn instant(text: &str) -> Option<Instant> {
    text.parse().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(Instant::from(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()))
    })
}

/// A number if it reads back as the same text (`007` stays a text), else a text.
pub(super) fn value_of(cell: &str) -> Value {
    match Value::untyped(cell) {
        Value::Text(text) => Value::Text(inert(&text).into()),
        value => value,
    }
}

/// One line without control characters.
pub(super) fn inert(text: &str) -> String {
    let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.replace(odd, " ").trim().to_owned()
}

/// By an id, which two systems may both have given, or else by all that the row says. Not by the source:
/// that is the file's name unless it is said, and the same rows may come in another file.
fn dedupe(
    kind: &EventKind,
    at: Instant,
    object: Option<&str>,
    id: Option<&str>,
    data: &EventData,
) -> String {
    let at = at.millis().to_string();
    let mut parts = vec![kind.as_str(), &at, object.unwrap_or_default()];
    let id = id.map(inert);
    let values: Vec<String> = match &id {
        Some(_) => Vec::new(),
        None => data.iter().flat_map(|(key, value)| [key.to_string(), value.to_string()]).collect(),
    };
    parts.extend(id.as_deref());
    parts.extend(values.iter().map(String::as_str));
    format!("{}:{}", if id.is_some() { "id" } else { "row" }, hashed(&parts))
}

/// Texts as one key, none of which runs into the next.
pub(super) fn hashed(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let half = u128::from_be_bytes(digest[..16].try_into().unwrap_or_default());
    format!("{half:032x}")
}

/// JSON lines: `{"email": …, "at": …, "event": …, "object": …, "id": …, "data": {…}}`; other keys are
/// data too.
pub(super) struct JsonLines {
    file: PathBuf,
    reader: BufReader<File>,
    line: u64,
    bytes: u64,
    size: u64,
}

type Line = (u64, Vec<u8>, Result<Happened, Refusal>);

impl JsonLines {
    pub(super) fn open(file: &Path) -> Result<Self, ImportError> {
        let unreadable = |source| ImportError::Unreadable { file: file.to_owned(), source };
        let handle = File::open(file).map_err(unreadable)?;
        let size = handle.metadata().map_err(unreadable)?.len();
        let reader = BufReader::with_capacity(64 * 1024, handle);
        Ok(Self { file: file.to_owned(), reader, line: 0, bytes: 0, size })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line that is not blank: its number, its bytes, and what it says.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, ImportError> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.reader)
                .take(ROW_LIMIT + 1)
                .read_until(b'\n', &mut line)
                .map_err(|source| ImportError::Unreadable { file: self.file.clone(), source })?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.bytes += read as u64;
            if read as u64 > ROW_LIMIT {
                return Err(ImportError::RowTooLarge { file: self.file.clone(), row: self.line });
            }
            let text = line.trim_ascii();
            let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
            if !text.is_empty() {
                let happened = from_json(text);
                return Ok(Some((self.line, text.to_vec(), happened)));
            }
        }
    }
}

fn from_json(line: &[u8]) -> Result<Happened, Refusal> {
    let advice = "write one JSON object a line: {\"email\": …, \"at\": …, \"event\": …}";
    let refusal = |column: &str, reason: String| Refusal { column: column.into(), reason, advice };
    let json: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| refusal("", not_json(&error)))?;
    let serde_json::Value::Object(mut object) = json else {
        return Err(refusal("", "it is not an object".into()));
    };
    let mut text = |keys: &[&str]| {
        keys.iter().find_map(|key| match object.remove(*key)? {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let email = text(&["email"]).ok_or_else(|| refusal("email", "no `email`".into()))?;
    let at =
        text(&["at", "occurred_at", "timestamp"]).ok_or_else(|| refusal("at", "no `at`".into()))?;
    let event = text(&["event", "kind"]).ok_or_else(|| refusal("event", "no `event`".into()))?;
    let about = text(&["object"]);
    let id = text(&["id", "event_id"]);
    let mut data = EventData::new();
    let nested = object.remove("data");
    let nested = match nested {
        Some(serde_json::Value::Object(nested)) => nested,
        None | Some(serde_json::Value::Null) => serde_json::Map::new(),
        Some(_) => return Err(refusal("data", "`data` is not an object".into())),
    };
    object.retain(|key, _| !is_own(key));
    for (key, value) in object.into_iter().chain(nested) {
        let value = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::Bool(yes) => Value::Bool(yes),
            serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or_default()),
            serde_json::Value::String(text) => Value::Text(inert(&text).into()),
            _ => {
                return Err(refusal(
                    &key,
                    format!("`{key}` is neither text nor number nor yes or no"),
                ));
            }
        };
        data.insert(key.into(), value);
    }
    happened(&email, &at, &event, about.as_deref(), id.as_deref(), data)
}

/// The line of the file is known; where on it reading came to its end is not.
fn not_json(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "it is JSON that ends too early".to_owned();
    }
    format!("it is not JSON: see character {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(headers: &str, row: &str) -> Result<Happened, Refusal> {
        let headers: Vec<String> = headers.split(',').map(ToOwned::to_owned).collect();
        let cells: Vec<&str> = row.split(',').collect();
        let columns = Columns::find(&headers).map_err(|(what, _)| what).expect("columns");
        from_csv(&columns, &headers, &cells)
    }

    #[test]
    fn a_row_of_a_crm_is_an_event() {
        let event = csv(
            "email,at,event,object,outcome",
            "Ann@Example.com,2024-01-01T07:16:04Z,form_submitted,webinar,meeting_set",
        )
        .expect("an event");
        assert_eq!(event.address.as_str(), "ann@example.com");
        assert_eq!(event.kind, EventKind::FORM_SUBMITTED);
        assert_eq!(event.object.as_deref(), Some("webinar"));
        assert_eq!(event.data.get("outcome"), Some(&Value::Text("meeting_set".into())));
        assert_eq!(event.at.to_string(), "2024-01-01T07:16:04Z");
    }

    #[test]
    fn the_same_in_json_has_the_same_key() {
        let row =
            csv("email,at,event,object,outcome", "a@b.example,2024-01-01,page_visited,/pricing,")
                .expect("an event");
        let line = from_json(
            br#"{"email":"A@b.example","at":"2024-01-01T00:00:00Z","event":"page.visited","object":"/pricing"}"#,
        )
        .expect("an event");
        assert_eq!(row, line);
        let other =
            csv("email,at,event,object,outcome", "a@b.example,2024-01-01,page_visited,/demo,")
                .expect("an event");
        assert_ne!(row.dedupe, other.dedupe);
    }

    #[test]
    fn an_id_is_a_key_together_with_what_happened_and_when() {
        let read = |row: &str| csv("id,email,at,event,amount", row).expect("an event");
        let event = read("77,a@b.example,2024-01-01 10:00:00,deal_won,");
        assert!(event.data.is_empty());
        assert_eq!(event.at.to_string(), "2024-01-01T10:00:00Z");
        let key = |row| read(row).dedupe;
        assert_eq!(key("77,a@b.example,2024-01-01 10:00:00,deal_won,5"), event.dedupe);
        // Another system has counted to 77 as well.
        for other in [
            "77,a@b.example,2024-01-01 10:00:00,form_submitted,",
            "77,a@b.example,2024-01-02 10:00:00,deal_won,",
            "78,a@b.example,2024-01-01 10:00:00,deal_won,",
            ",a@b.example,2024-01-01 10:00:00,deal_won,",
        ] {
            assert_ne!(key(other), event.dedupe, "{other}");
        }
    }

    #[test]
    fn numbers_are_numbers_unless_they_are_codes() {
        let event = csv("email,at,event,amount,code", "a@b.example,2024-01-01,deal_won,12.5,007");
        let data = event.expect("an event").data;
        assert_eq!(data.get("amount"), Some(&Value::Number(12.5)));
        assert_eq!(data.get("code"), Some(&Value::Text("007".into())));
    }

    #[test]
    fn the_amount_of_a_deal_is_a_number() {
        let row = |event: &str, amount: &str| {
            csv("email,at,event,amount", &format!("a@b.example,2024-01-01,{event},{amount}"))
        };
        for amount in ["1.234.50", "$500", "nan", "-inf", "1e999", "1 234"] {
            let refusal = row("deal_won", amount).expect_err(amount);
            let expected = ("amount".to_owned(), format!("`{amount}` is not a number"));
            assert_eq!((refusal.column, refusal.reason), expected);
        }
        for amount in ["", "1234.50", "1200", "-3"] {
            assert!(row("deal_won", amount).is_ok(), "{amount}");
        }
        assert!(
            row("form_submitted", "two").is_ok(),
            "of other events it is a word like any other"
        );
        let line = |amount: &str| {
            let line = format!(
                "{{\"email\":\"a@b.example\",\"at\":\"2024-01-01\",\"event\":\"deal.won\",\"amount\":{amount}}}"
            );
            from_json(line.as_bytes())
        };
        assert_eq!(line("\"1.234,50\"").expect_err("refused").column, "amount");
        assert_eq!(line("true").expect_err("refused").column, "amount");
        assert!(line("1234.5").is_ok());
    }

    #[test]
    fn a_line_that_is_not_json_is_refused_by_what_a_person_sees() {
        let reason = |line: &str| from_json(line.as_bytes()).expect_err("refused").reason;
        assert_eq!(reason("not json"), "it is not JSON: see character 2");
        assert_eq!(reason("{\"email\":"), "it is JSON that ends too early");
    }

    #[test]
    fn what_is_not_an_event_is_refused_with_its_column() {
        let column = |row: &str| csv("email,at,event,object", row).expect_err("refused").column;
        assert_eq!(column("nobody,2024-01-01,page_visited,"), "email");
        assert_eq!(column("a@b.example,yesterday,page_visited,"), "at");
        assert_eq!(column("a@b.example,2024-01-01,visited,"), "event");
        assert_eq!(column("a@b.example,2024-01-01,mail_sent,"), "event");
        for broken in [
            "",
            "[]",
            "{\"email\":1}",
            "{\"email\":\"a@b.example\",\"at\":\"2024-01-01\",\"event\":\"a.b\",\"data\":[]}",
        ] {
            assert!(from_json(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
