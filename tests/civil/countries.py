"""Makes src/domain/country/countries.tsv: pip install babel tzdata pycountry, then run this and keep what it prints.

Codes and zones: iso3166.tab and zone.tab of the IANA time zone database (public domain). Codes of three
letters: ISO 3166-1. Names: Unicode CLDR by babel (Unicode License), in the languages below and in those
that are official in the country, and the aliases below.
"""
import sys
import unicodedata
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from importlib import resources
from zoneinfo import ZoneInfo, reset_tzpath

import babel
import pycountry
from babel.languages import get_official_languages

reset_tzpath([])  # the rules of the tzdata package, not the system's
DATA = resources.files("tzdata.zoneinfo")
LANGUAGES = ["en", "it", "de", "fr", "es"]

# Where most people live, of countries in which clocks differ.
MOST = {
    "AQ": None, "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto", "CD": "Africa/Kinshasa",
    "CL": "America/Santiago", "CN": "Asia/Shanghai", "EC": "America/Guayaquil", "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei", "GL": "America/Nuuk", "ID": "Asia/Jakarta", "KI": "Pacific/Tarawa", "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City", "NZ": "Pacific/Auckland", "PF": "Pacific/Tahiti", "PG": "Pacific/Port_Moresby",
    "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "UM": None, "US": "America/New_York",
}
# Of countries in which clocks do not differ, where the first of zone.tab is not the known one.
SAME = {"AR": "America/Argentina/Buenos_Aires", "CY": "Asia/Nicosia", "DE": "Europe/Berlin", "MY": "Asia/Kuala_Lumpur"}
ALIASES = {
    "AE": ["UAE", "Emirates"], "BA": ["Bosnia"], "BY": ["Belorussia"], "CD": ["DR Congo", "Democratic Republic of the Congo"],
    "CG": ["Republic of the Congo"], "CI": ["Ivory Coast"], "CN": ["PRC", "People's Republic of China", "Mainland China"],
    "CZ": ["Czech Republic", "Repubblica Ceca", "Tschechische Republik", "République tchèque"], "DE": ["BRD", "Federal Republic of Germany"],
    "GB": ["UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland", "Gran Bretagna", "Inghilterra",
           "Scozia", "Galles", "Großbritannien", "England Wales", "Schottland", "Grande-Bretagne", "Angleterre", "Écosse", "Gran Bretaña",
           "United Kingdom of Great Britain and Northern Ireland"],
    "HK": ["Hong Kong"], "IE": ["Republic of Ireland", "Eire"], "IR": ["Islamic Republic of Iran"], "KP": ["DPRK"],
    "KR": ["Korea", "South Korea", "Republic of Korea", "Corea"], "LA": ["Lao PDR"], "MD": ["Republic of Moldova"],
    "MK": ["Macedonia", "North Macedonia"], "MM": ["Burma"], "MO": ["Macau", "Macao"], "NL": ["Holland", "Olanda", "Hollande"],
    "PS": ["Palestine"], "RU": ["Russian Federation", "Federazione Russa"], "SY": ["Syrian Arab Republic"], "SZ": ["Swaziland"],
    "TR": ["Turkey", "Turkiye"], "TW": ["Taiwan ROC", "Taiwan Province of China"], "TZ": ["United Republic of Tanzania"],
    "US": ["USA", "United States of America", "Stati Uniti d'America", "Vereinigte Staaten von Amerika", "États-Unis d'Amérique",
           "America", "U.S.", "Estados Unidos de América"],
    "VA": ["Holy See", "Vatican"], "VN": ["Viet Nam"], "CV": ["Cape Verde"], "TL": ["East Timor"],
}


def key(text):
    """As Country::parse compares."""
    text = unicodedata.normalize("NFKD", text).lower()
    words = "".join(c if c.isalnum() else " " for c in text if not unicodedata.combining(c) and c not in ".'’").split()
    return " ".join(words[1:] if words[:1] == ["the"] else words)


def rules(zone):
    start = datetime(2027, 1, 1, tzinfo=timezone.utc)
    info = ZoneInfo(zone)
    return tuple(info.utcoffset((start + timedelta(hours=h)).astimezone(info)) for h in range(2 * 8766))


def tab(name):
    lines = DATA.joinpath(name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


zones = defaultdict(list)
for row in tab("zone.tab"):
    zones[row[0]].append(row[2])
known, ambiguous = {}, set()
rows = []
for code, english in tab("iso3166.tab"):
    distinct = {rules(zone) for zone in zones[code]} if len(zones[code]) > 1 else set(zones[code])
    zone = MOST[code] if len(distinct) > 1 else SAME.get(code, zones[code][0] if zones[code] else None)
    found = pycountry.countries.get(alpha_2=code)
    own = [language for language in get_official_languages(code, de_facto=True)]
    names = [english, *ALIASES.get(code, [])]
    for language in LANGUAGES + own:
        try:
            names.append(babel.Locale.parse(language).territories.get(code, ""))
        except babel.UnknownLocaleError:
            pass
    names = [name.replace("(SAR)", "").strip() for name in names if name]
    unique = list(dict.fromkeys(k for name in names if (k := key(name))))
    for name in unique:
        if known.setdefault(name, code) != code:
            ambiguous.add(name)
    rows.append((code, found.alpha_3, zone or "", "+" if len(distinct) > 1 else "", unique))
version = DATA.joinpath("tzdata.zi").read_text().split()[2]
print("# Made by tests/civil/countries.py: ISO 3166 codes, the zone where most people live (+: clocks differ), names.")
print(f"# Zones: IANA time zone database {version} (public domain). Names: Unicode CLDR by babel {babel.__version__} (Unicode License).")
for code, three, zone, many, names in rows:
    names = [name for name in names if name not in ambiguous]
    print("\t".join([code, three, zone, many, "|".join(names)]))
print(*sorted(ambiguous), sep=", ", file=sys.stderr)
