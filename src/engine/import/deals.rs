//! A file of deals, as CRMs export them: one row a deal, which tells of two things that happened.

use super::happened::{Happened, Refusal, amount, hashed, inert, instant, value_of};
use crate::domain::{
    address::Address,
    event::{EventData, EventKind},
    time::Instant,
};

/// Where things are in the file. Other columns are not taken.
pub(super) struct DealColumns {
    email: usize,
    deal: usize,
    opened: usize,
    outcome: Option<usize>,
    closed: Option<usize>,
    /// What the events carry: the name of the value, and its column.
    data: Vec<(&'static str, usize)>,
}

/// What a deal's events carry, and what CRMs call it.
const DATA: [(&str, &[&str]); 3] = [
    ("amount", &["amount"]),
    ("currency", &["currency", "deal currency"]),
    ("name", &["name", "deal name", "opportunity name"]),
];

impl DealColumns {
    /// `headers` in lower case. `None`: this is no file of deals.
    pub(super) fn find(headers: &[String]) -> Option<Self> {
        let of = |names: &[&str]| headers.iter().position(|header| names.contains(&&**header));
        let data = DATA.iter().filter_map(|(name, known)| Some((*name, of(known)?)));
        Some(Self {
            email: of(&["email", "e-mail", "contact email"])?,
            deal: of(&["deal", "deal_id", "deal id", "opportunity", "opportunity id"])?,
            opened: of(&["opened_on", "opened on", "create date", "created date", "created_on"])?,
            outcome: of(&["outcome", "stage", "deal stage"]),
            closed: of(&["closed_on", "closed on", "close date", "closed date"]),
            data: data.collect(),
        })
    }
}

/// How a deal stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    Closed(Ending),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Won,
    Lost,
}

/// Reads a row: that the deal was opened and, if it is over, how it ended.
pub(super) fn from_csv(columns: &DealColumns, cells: &[&str]) -> Result<Vec<Happened>, Refusal> {
    let cell = |column: usize| cells[column].trim();
    let refusal = |column: &str, reason: String, advice| Refusal {
        column: column.to_owned(),
        reason,
        advice,
    };
    let address = Address::parse(cell(columns.email))
        .map_err(|error| refusal("email", error.to_string(), "correct the address"))?;
    let deal = inert(cell(columns.deal));
    if deal.is_empty() {
        let reason = "the deal has no id".to_owned();
        return Err(refusal("deal", reason, "a deal is known by its id in the CRM"));
    }
    let day = |name: &str, column: usize| {
        instant(cell(column)).ok_or_else(|| {
            let reason = format!("`{}` is no date", inert(cell(column)));
            refusal(name, reason, "write 2027-03-28")
        })
    };
    let opened = day("opened_on", columns.opened)?;
    let ended = match standing(columns.outcome.map_or("", cell)) {
        None => {
            let reason = "it says neither that the deal was won nor that it was lost".to_owned();
            let advice = "write closed_won or closed_lost, or nothing while it is open";
            return Err(refusal("outcome", reason, advice));
        }
        Some(Standing::Open) => None,
        Some(Standing::Closed(ending)) => {
            let closed = columns.closed.ok_or_else(|| {
                let reason = "there is no column that says when the deal was closed".to_owned();
                refusal("closed_on", reason, "add a column closed_on")
            })?;
            Some((ending, day("closed_on", closed)?))
        }
    };
    let named = columns.data.iter().map(|&(name, column)| (name, cell(column)));
    let data: EventData = named
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(name, cell)| (name.into(), value_of(cell)))
        .collect();
    amount(&data)?;
    let happened = |kind: EventKind, at: Instant| Happened {
        address: address.clone(),
        at,
        // A deal is opened once, and won once: neither its dates nor its amount make it another.
        dedupe: format!("deal:{}", hashed(&[kind.as_str(), &deal])),
        kind,
        object: Some(deal.as_str().into()),
        data: data.clone(),
    };
    let mut events = vec![happened(EventKind::DEAL_OPENED, opened)];
    if let Some((ending, at)) = ended {
        let kind = match ending {
            Ending::Won => EventKind::DEAL_WON,
            Ending::Lost => EventKind::DEAL_LOST,
        };
        events.push(happened(kind, at));
    }
    Ok(events)
}

/// `closed_won` and `Closed Won` alike; the stages before are as each house calls them, but say nothing of
/// winning or losing, nor of an end.
fn standing(text: &str) -> Option<Standing> {
    let word = text.to_lowercase().replace(['-', '_'], " ");
    let has = |part: &str| word.split([' ', '(', ')', '/']).any(|found| found == part);
    match (has("won"), has("lost"), has("closed")) {
        (true, false, _) => Some(Standing::Closed(Ending::Won)),
        (false, true, _) => Some(Standing::Closed(Ending::Lost)),
        (false, false, false) => Some(Standing::Open),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::Value;

    fn read(headers: &str, row: &str) -> Result<Vec<Happened>, Refusal> {
        let headers: Vec<String> = headers.split(',').map(ToOwned::to_owned).collect();
        let cells: Vec<&str> = row.split(',').collect();
        from_csv(&DealColumns::find(&headers).expect("deals"), &cells)
    }

    const CRM: &str = "email,deal,amount,currency,opened_on,outcome,closed_on";

    #[test]
    fn a_row_tells_that_a_deal_was_opened_and_how_it_ended() {
        let won = "Ann@Example.com,opp_1,71199,EUR,2024-01-19,closed_won,2024-02-28";
        let events = read(CRM, won).expect("events");
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["deal.opened", "deal.won"]);
        assert_eq!(events[1].at.to_string(), "2024-02-28T00:00:00Z");
        assert_eq!(events[1].object.as_deref(), Some("opp_1"));
        assert_eq!(events[1].data.get("amount"), Some(&Value::Number(71199.0)));
        assert_eq!(events[1].address.as_str(), "ann@example.com");
        let open = "ann@example.com,opp_1,,,2024-01-19,,";
        assert_eq!(read(CRM, open).expect("an event").len(), 1);
        let lost = read(
            "contact email,deal id,create date,deal stage,close date",
            "ann@example.com,7,2024-01-19,Closed Lost,2024-02-01",
        );
        assert_eq!(lost.expect("events")[1].kind, EventKind::DEAL_LOST);
        let expected = "ann@example.com,7,2024-01-19,Negotiation,2099-02-01";
        let expected = read("contact email,deal id,create date,deal stage,close date", expected);
        assert_eq!(expected.expect("an event").len(), 1, "it is to be closed then, perhaps");
    }

    #[test]
    fn a_deal_is_the_same_whatever_its_dates_and_its_amount() {
        let keys = |row: &str| -> Vec<String> {
            read(CRM, row).expect("events").into_iter().map(|event| event.dedupe).collect()
        };
        let first = keys("a@b.example,opp_1,5,EUR,2024-01-19,,");
        let later = keys("a@b.example,opp_1,7,EUR,2024-01-20,closed_won,2024-03-01");
        assert_eq!(first[0], later[0]);
        assert_ne!(later[0], later[1]);
        assert_ne!(first, keys("a@b.example,opp_2,5,EUR,2024-01-19,,"));
    }

    #[test]
    fn what_is_no_deal_is_refused_with_its_column() {
        let column = |row: &str| read(CRM, row).expect_err("refused").column;
        assert_eq!(column("nobody,opp_1,,,2024-01-19,,"), "email");
        assert_eq!(column("a@b.example,,,,2024-01-19,,"), "deal");
        assert_eq!(column("a@b.example,opp_1,,,soon,,"), "opened_on");
        assert_eq!(column("a@b.example,opp_1,$500,EUR,2024-01-19,,"), "amount");
        assert_eq!(column("a@b.example,opp_1,nan,EUR,2024-01-19,,"), "amount");
        assert_eq!(column("a@b.example,opp_1,,,2024-01-19,closed_won,"), "closed_on");
        assert_eq!(column("a@b.example,opp_1,,,2024-01-19,closed,2024-02-01"), "outcome");
        assert_eq!(column("a@b.example,opp_1,,,2024-01-19,won or lost,2024-02-01"), "outcome");
    }
}
