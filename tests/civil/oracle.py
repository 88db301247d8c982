"""When windows open, by zoneinfo alone: reads cases from standard input, answers on standard output.

A window is open when the clock on the wall reads a time within its hours; hours across midnight belong to
the day on which they open, and a day off opens none. So what a clock leaves out is not open, and what
begins there opens at the first instant after. One rule of ours is added: of an hour that comes twice, the
second pass reads as the last minute of the first, so that nothing opens twice.
"""
import bisect
import json
import sys
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DAY = 86_400


def wall(zone, at):
    return (EPOCH + timedelta(seconds=at)).astimezone(zone)


def changes(zone, span):
    """The seconds at which its offset is another than before: looked for between each two noons."""
    found = []
    offset = lambda at: wall(zone, at).utcoffset()
    for low in range(span[0], span[1], DAY // 2):
        high = min(low + DAY // 2, span[1])
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if offset(middle) == offset(low):
                low = middle
            else:
                high = middle
        if high < span[1]:
            found.append(high)
    return found


class Window:
    def __init__(self, case, zone, turns):
        self.days, self.zone, self.turns = case["days"], zone, turns
        self.off = {date.fromisoformat(day) for day in case["off"]}

    def hours(self, day):
        return [] if day in self.off else self.days[day.weekday()]

    def is_open(self, at):
        clock = wall(self.zone, at)
        if clock.fold:
            turn = self.turns[bisect.bisect_right(self.turns, at) - 1]
            clock = wall(self.zone, turn - 1)
        today, minute = clock.date(), clock.hour * 60 + clock.minute
        yesterday = today - timedelta(days=1)
        return any(start <= minute < end for start, end in self.hours(today)) or any(
            start <= minute + 1440 < end for start, end in self.hours(yesterday)
        )

    def may_open(self, now, days):
        """All instants at which it could: now, where some hours begin, where the clock is changed."""
        first = wall(self.zone, now).date() - timedelta(days=1)
        yield now
        yield from (turn for turn in self.turns if now < turn < now + days * DAY)
        for number in range(days + 2):
            day = first + timedelta(days=number)
            for start, _ in self.hours(day):
                for fold in (0, 1):
                    clock = datetime(day.year, day.month, day.day, start // 60, start % 60, fold=fold, tzinfo=self.zone)
                    at = (clock - EPOCH) // timedelta(seconds=1)
                    if at > now:
                        yield at

    def opens(self, now):
        for days in (9, 80):
            for at in sorted(set(self.may_open(now, days))):
                if at < now + (days - 1) * DAY and self.is_open(at):
                    return at
        return None


asked = json.load(sys.stdin)
span = asked["span"]
zones, differ = {}, []
for name, theirs in asked["zones"].items():
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        differ.append(name)
        continue
    turns = changes(zone, span)
    zones[name] = (zone, turns)
    if turns != theirs:
        differ.append(name)
answers = []
for case in asked["cases"]:
    name = case["zone"]
    answers.append(Window(case, *zones[name]).opens(case["now"]) if name in zones else None)
json.dump({"differ": differ, "answers": answers}, sys.stdout)
