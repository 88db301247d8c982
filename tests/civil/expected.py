"""Makes tests/civil/holidays.txt: pip install holidays==0.109, then run this and keep what it prints.

Nationwide public holidays by another hand than ours, with the days that stand for those on a weekend.
"""
import holidays

COUNTRIES = "IT DE FR GB US AT BE BR CA CH CZ DK ES FI HR IE JP LU NL NO PL PT SE SI SK".split()
YEARS = range(2026, 2036)

print(f"# Made by tests/civil/expected.py with the Python library holidays {holidays.__version__} (MIT).")
for code in COUNTRIES:
    for year in YEARS:
        # The neighbours, too: a day that stands for one may be in the year before.
        found = holidays.country_holidays(code, years=range(year - 1, year + 2), observed=True)
        days = sorted(day for day in found if day.year == year)
        print(code, year, *(day.strftime("%m-%d") for day in days))
