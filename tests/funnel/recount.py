"""What `nurtured report funnel --json` has to say, computed with pandas from the files that were imported.

    recount.py FOLDER

The folder holds what went in, and what came out:

  story.csv     at,what,file    in its order: `leads`, `events` and `deals` are imported, `tick` decides; `cards` came
                                to sales, which is a fact of its own: whom they are about is not in the other files
  reports.csv   file,since,until    days in the zone of the policy, or empty; the file is the report's JSON

Nothing of nurtured is used: the rules are those of its documentation and of workflows/scoring.yaml, said once
more below. Prints each figure that differs, and exits with 1 if one does.
"""

import json
import math
import re
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

ZONE = ZoneInfo("Europe/Rome")
DAY = pd.Timedelta(days=1)
STAGES = ["lead", "mql", "sql", "customer", "recycled", "disqualified"]

# workflows/scoring.yaml: which change together.
HALF_LIFE = pd.Timedelta(days=30)
ENGAGEMENT = [  # event, object, points, cap
    ("mail.opened", None, 1, 5),
    ("mail.clicked", None, 20, 60),
    ("page.visited", None, 2, 10),
    ("page.visited", "/pricing", 15, 30),
    ("page.visited", "/demo", 15, 30),
    ("form.submitted", "whitepaper", 15, 15),
    ("form.submitted", "webinar", 20, 40),
    ("lead.replied", None, 30, 30),
    ("fair.visited", None, 20, 20),
]
FIT = [  # attribute, its values, points
    ("seniority", ["c_suite", "vp"], 30),
    ("seniority", ["director"], 20),
    ("buying_role", ["economic_buyer"], 20),
    ("buying_role", ["champion"], 15),
    ("employees", ["500-999", "1000-1999", "2000+"], 20),
    ("employees", ["200-499"], 10),
    ("country", ["Italy", "Germany", "France", "United Kingdom"], 10),
]
# From, to, when: the first that applies. Engagement that is not known is neither much nor little. Nobody here has
# said what makes an sql of an mql (budget, authority, need, timing).
RULES = [
    (["lead", "mql", "sql", "recycled"], "customer", lambda lead, now: lead.has_won),
    (["lead", "mql", "recycled"], "disqualified", lambda lead, now: lead.is_("lead_status", "Unqualified")),
    (["lead", "recycled"], "mql", lambda lead, now: lead.fit() >= 40 and lead.is_tracked and lead.engagement(now) >= 30),
    (["mql"], "lead", lambda lead, now: lead.is_tracked and lead.engagement(now) < 10),
    (["sql"], "recycled", lambda lead, now: lead.is_("lead_status", "Not now", "No budget", "No answer")),
]

HANDED = {"handed_off": "handoff.made", "accepted": "handoff.accepted", "returned": "handoff.returned"}

ATTRIBUTES = {
    "Seniority": "seniority",
    "Buying Role": "buying_role",
    "Number of Employees": "employees",
    "Country/Region": "country",
    "Lead Status": "lead_status",
}
CRM_STAGES = {
    "Lead": "lead",
    "Marketing Qualified Lead": "mql",
    "Sales Qualified Lead": "sql",
    "Customer": "customer",
}


class Lead:
    def __init__(self, came):
        self.came = self.since = came
        self.stage = "lead"
        self.is_tracked = self.has_won = False
        self.attributes = {}
        self.hits = {}  # of each event and object: when
        self.new = []  # since it was decided
        self.waiting = []  # rules that wait until they have been false

    def is_(self, attribute, *values):
        return self.attributes.get(attribute) in values

    def fit(self):
        return sum(points for attribute, values, points in FIT if self.is_(attribute, *values))

    def engagement(self, now):
        total = 0.0
        for event, object, points, cap in ENGAGEMENT:
            last = sorted(self.hits.get((event, object), []))[-(cap // points) :]
            total += sum(points * 0.5 ** ((now - at) / HALF_LIFE) for at in last)
        return total


class House:
    def __init__(self):
        self.leads = {}
        self.moves = []
        self.deals = []
        self.handed = []
        self.known = set()  # rows of events, and deals

    def import_leads(self, rows, now):
        made = set()
        for row in rows.to_dict("records"):
            address = canonical(row["Email"])
            if address is None:
                continue
            if address not in self.leads:
                self.leads[address] = Lead(now)
                made.add(address)
            lead = self.leads[address]
            stage = CRM_STAGES.get(row["Lifecycle Stage"])
            if stage and address in made and lead.stage == "lead":
                lead.stage = stage
            for header, attribute in ATTRIBUTES.items():
                if row[header]:
                    lead.attributes[attribute] = row[header]
            if row["Marketing consent"] == "Yes":
                day = row["Consent date"]
                lead.is_tracked |= not day or pd.Timestamp(day, tz="UTC") <= now

    def import_events(self, rows, now):
        for row in rows.itertuples(index=False):
            lead = self.leads.get(canonical(row.email))
            if lead is not None and row not in self.known:
                self.known.add(row)
                at = min(pd.Timestamp(row.at), now)
                kind = row.event.replace("_", ".")
                lead.new.append((kind, row.object, at))
                if kind.startswith("handoff."):
                    self.handed.append({"lead": row.email, "kind": kind, "at": at})

    def import_deals(self, rows, now):
        for row in rows.itertuples(index=False):
            lead = self.leads.get(canonical(row.email))
            if lead is not None and row.outcome == "closed_won" and row.deal not in self.known:
                self.known.add(row.deal)
                at = min(pd.Timestamp(row.closed_on, tz="UTC"), now)
                lead.new.append(("deal.won", row.deal, at))
                deal = {"lead": row.email, "currency": row.currency, "amount": float(row.amount), "at": at}
                self.deals.append(deal)

    def import_cards(self, rows, now):
        self.handed += [{"lead": row.email, "kind": row.event, "at": now} for row in rows.itertuples()]

    def tick(self, now):
        for address, lead in self.leads.items():
            entered = set()  # in this decision: none twice
            for event, object, at in lead.new:
                lead.hits.setdefault((event, object), []).append(at)
                lead.hits.setdefault((event, None), []).append(at)
                lead.has_won |= event == "deal.won"
                if event == "handoff.returned":
                    to = "disqualified" if object == "wrong_person" else "recycled"
                    if lead.stage not in ("customer", "disqualified", to):
                        self.move(address, lead, to, now, entered)
                        lead.waiting = [rule for rule in RULES if applies(rule, lead, now)]
            lead.new = []
            moved = True
            while moved:
                lead.waiting = [rule for rule in lead.waiting if applies(rule, lead, now)]
                moved = False
                for rule in RULES:
                    if applies(rule, lead, now) and rule[1] not in entered and rule not in lead.waiting:
                        self.move(address, lead, rule[1], now, entered)
                        moved = True
                        break

    def move(self, address, lead, to, now, entered):
        entered.add(to)
        stood = (now - lead.since) / DAY
        self.moves.append({"lead": address, "from": lead.stage, "to": to, "at": now, "stood": stood})
        lead.stage, lead.since = to, now


def applies(rule, lead, now):
    return lead.stage in rule[0] and rule[2](lead, now)


def canonical(text):
    """One address is one text; None is none."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not re.fullmatch(r"[^\s@]+", local) or not re.fullmatch(r"[^\s@.]+(\.[^\s@.]+)+", domain):
        return None
    return f"{local.lower()}@{domain.lower().encode('idna').decode()}"


def rounded(number, digits):
    """Halves go up."""
    return math.floor(number * 10**digits + 0.5) / 10**digits


def share(part, whole):
    return rounded(part / whole, 4) if whole else None


def recount(house, since, until):
    def within(items, *columns):
        table = pd.DataFrame(items, columns=["lead", "at", *columns])
        begins = pd.Timestamp(since, tz=ZONE) if since else None
        ends = pd.Timestamp(until, tz=ZONE) + pd.DateOffset(days=1) if until else None
        if begins is not None:
            table = table[table["at"] >= begins]
        if ends is not None:
            table = table[table["at"] < ends]
        return table

    leads = pd.DataFrame(
        [{"stage": lead.stage, "month": lead.came.astimezone(ZONE).strftime("%Y-%m")} for lead in house.leads.values()]
    )
    moves = within(house.moves, "from", "to", "stood")
    handed = within(house.handed, "kind")
    deals = within(house.deals, "currency", "amount")
    figures = {("leads",): len(leads)}
    for stage in STAGES:
        here = int((leads["stage"] == stage).sum())
        figures["stages", stage, "leads"] = here
        figures["stages", stage, "share"] = share(here, len(leads))
        figures["stages", stage, "came"] = moves[moves["to"] == stage]["lead"].nunique()
        figures["stages", stage, "went"] = moves[moves["from"] == stage]["lead"].nunique()
    for (left, to), group in moves.groupby(["from", "to"]):
        name = f"{left} → {to}"
        figures["transitions", name, "changes"] = len(group)
        figures["transitions", name, "leads"] = group["lead"].nunique()
        figures["transitions", name, "share"] = share(len(group), int((moves["from"] == left).sum()))
        figures["transitions", name, "mean_days"] = rounded(group["stood"].mean(), 1)
        figures["transitions", name, "median_days"] = rounded(group["stood"].median(), 1)
    for month, group in leads.groupby("month"):
        figures["cohorts", month, "leads"] = len(group)
        figures["cohorts", month, "customers"] = share(int((group["stage"] == "customer").sum()), len(group))
        for stage, number in group["stage"].value_counts().items():
            figures["cohorts", month, stage] = int(number)
    for key, kind in HANDED.items():
        figures[key,] = handed[handed["kind"] == kind]["lead"].nunique()
    for currency, group in deals.groupby("currency"):
        figures["deals", currency, "deals"] = len(group)
        figures["deals", currency, "leads"] = group["lead"].nunique()
        figures["deals", currency, "amount"] = group["amount"].sum()
    return figures


def reported(report):
    figures = {("leads",): report["leads"]}
    for stage in report["stages"]:
        for key in ["leads", "share", "came", "went"]:
            figures["stages", stage["stage"], key] = stage[key]
    for one in report["transitions"]:
        for key in ["changes", "leads", "share", "mean_days", "median_days"]:
            figures["transitions", f"{one['from']} → {one['to']}", key] = one[key]
    for cohort in report["cohorts"]:
        figures["cohorts", cohort["month"], "leads"] = cohort["leads"]
        figures["cohorts", cohort["month"], "customers"] = cohort["customers"]
        for stage, number in cohort["by_stage"].items():
            figures["cohorts", cohort["month"], stage] = number
    figures.update({(key,): report[key] for key in HANDED})
    for sum in report["deals"]:
        for key in ["deals", "leads", "amount"]:
            figures["deals", sum["currency"], key] = sum[key]
    return figures


def main(folder):
    def read(name):
        return pd.read_csv(folder / name, dtype=str, keep_default_na=False, encoding="utf-8-sig")

    house = House()
    for step in read("story.csv").itertuples(index=False):
        now = pd.Timestamp(step.at)
        if step.what == "tick":
            house.tick(now)
        else:
            getattr(house, f"import_{step.what}")(read(step.file), now)
    compared = differ = 0
    for row in read("reports.csv").itertuples(index=False):
        counted = recount(house, row.since, row.until)
        says = reported(json.loads((folder / row.file).read_text()))
        for key in {**counted, **says}:
            compared += 1
            if counted.get(key) != says.get(key):
                differ += 1
                print(f"{row.file}: {', '.join(key)}: reported {says.get(key)}, counted {counted.get(key)}")
    print(f"{compared} figures compared, {differ} differ; {len(house.moves)} changes of stages")
    return differ == 0 and compared > 0


if __name__ == "__main__":
    sys.exit(not main(Path(sys.argv[1])))
