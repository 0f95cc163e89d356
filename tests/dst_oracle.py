"""What Python's zoneinfo says of when schedules come, for every IANA zone around every change of clocks from 2024 to 2034.

Standard library only, and /usr/share/zoneinfo. Prints JSON, read by server/src/expectations/schedule/oracle_tests.rs:

    {"schedules": ["30 2 * * *", ...],
     "groups": [{"names": ["America/New_York", ...], "transitions": 22, "windows": [[after, until], ...],
                 "cron": [[instant, ...], ...], "systemd": [[instant, ...], ...]}, ...]}

A group is the zones whose clocks change alike in these years. Instants are Unix seconds; each list holds those of one schedule in all
windows, after `after` and up to and including `until`, in order.

The rules, which this file states on its own and shares no code with:
  * Minute and hour that do not begin with a star are times of the day. A time that clocks skip comes once, at the end of the
    gap (policy "cron"), or not at all ("systemd"). A time that clocks repeat comes the first time only.
  * Otherwise a schedule follows real time: whatever the clock shows at an instant decides about that instant.
  * A day matches when month, day of the month and day of the week do; when both kinds of day are restricted, either is
    enough.
"""

import json
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone
from pathlib import Path

ZONES = Path("/usr/share/zoneinfo")
FIRST = datetime(2024, 1, 1, tzinfo=timezone.utc)
LAST = datetime(2035, 1, 1, tzinfo=timezone.utc)
STEP = timedelta(hours=24)
AROUND = 2 * 86400
EPOCH = datetime(1970, 1, 1)

SCHEDULES = [
    "0 2 * * *",
    "30 2 * * *",
    "30 1 * * *",
    "0 0 * * *",
    "0,20,45 0-3 * * *",
    "15 23 * * 1-5",
    "30 0 * * 0,6",
    "10 2 13 * 0",
    "0 3 1,15,31 3,4,9,10,11 *",
    "*/15 * * * *",
    "30 * * * *",
    "5 */3 * * *",
]


def numbers(field, first, last):
    chosen = set()
    for part in field.split(","):
        part, _, step = part.partition("/")
        low, _, high = (f"{first}-{last}" if part == "*" else part).partition("-")
        chosen.update(range(int(low), int(high or low) + 1, int(step or 1)))
    return chosen


class Schedule:
    def __init__(self, text):
        minute, hour, day, month, weekday = text.split()
        self.real_time = minute.startswith("*") or hour.startswith("*")
        self.times = sorted(h * 3600 + m * 60 for h in numbers(hour, 0, 23) for m in numbers(minute, 0, 59))
        self.days, self.months = numbers(day, 1, 31), numbers(month, 1, 12)
        self.weekdays = {number % 7 for number in numbers(weekday, 0, 7)}
        self.either = day != "*" and weekday != "*"

    def on(self, date):
        by_day, by_weekday = date.day in self.days, date.isoweekday() % 7 in self.weekdays
        return date.month in self.months and (by_day or by_weekday if self.either else by_day and by_weekday)


def offset(zone, instant):
    return int(datetime.fromtimestamp(instant, zone).utcoffset().total_seconds())


def transitions(zone):
    """(instant, offset before, offset after) of every change from FIRST to LAST, to the second."""
    found = []
    at, end, step = int(FIRST.timestamp()), int(LAST.timestamp()), int(STEP.total_seconds())
    before = offset(zone, at)
    while at < end:
        after = offset(zone, at + step)
        if after != before:
            low, high = at, at + step
            while high - low > 1:
                middle = (low + high) // 2
                if offset(zone, middle) == before:
                    low = middle
                else:
                    high = middle
            found.append((high, before, after))
        at, before = at + step, after
    return found


def windows(changes):
    """Two days around every change, and two days of another month in every year."""
    spans = [(at - AROUND, at + AROUND) for at, _, _ in changes]
    for year in range(2024, 2035):
        first = int(datetime(year, year % 12 + 1, 12, tzinfo=timezone.utc).timestamp())
        spans.append((first, first + 2 * 86400))
    merged = []
    for after, until in sorted(spans):
        if merged and after <= merged[-1][1]:
            merged[-1][1] = max(until, merged[-1][1])
        else:
            merged.append([after, until])
    return merged


def days(after, until):
    date = (EPOCH + timedelta(seconds=after)).date() - timedelta(days=2)
    last = (EPOCH + timedelta(seconds=until)).date() + timedelta(days=2)
    while date <= last:
        yield date, int((datetime(date.year, date.month, date.day) - EPOCH).total_seconds())
        date += timedelta(days=1)


def in_real_time(schedule, zone, changes, after, until):
    """Every stretch between two changes has one offset; in it, the wall clock is the instant plus that."""
    inside = [change for change in changes if after < change[0] <= until]
    edges = [after + 1] + [change[0] for change in inside] + [until + 1]
    instants = []
    for begin, end in zip(edges, edges[1:]):
        if begin < end:
            ahead = offset(zone, begin)
            for date, midnight in days(begin, end):
                if schedule.on(date):
                    instants.extend(at for time in schedule.times if begin <= (at := midnight + time - ahead) < end)
    return sorted(instants)


def at_fixed_times(schedule, zone, changes, after, until, skips):
    instants = set()
    for date, midnight in days(after, until):
        if not schedule.on(date):
            continue
        for time in schedule.times:
            wall = midnight + time
            local = datetime(date.year, date.month, date.day, time // 3600, time % 3600 // 60, tzinfo=zone)
            instant = wall - int(local.utcoffset().total_seconds())
            if instant + offset(zone, instant) == wall:
                instants.add(instant)
            elif not skips:
                (end,) = [at for at, before, ahead in changes if at + before <= wall < at + ahead]
                instants.add(end)
    return sorted(at for at in instants if after < at <= until)


def instants(schedule, zone, changes, spans, skips):
    found = []
    for after, until in spans:
        if schedule.real_time:
            found += in_real_time(schedule, zone, changes, after, until)
        else:
            found += at_fixed_times(schedule, zone, changes, after, until, skips)
    return found


def group(names, changes, schedules):
    zone = zoneinfo.ZoneInfo(names[0])
    spans = windows(changes)
    return {
        "names": names,
        "transitions": len(changes),
        "windows": spans,
        "cron": [instants(schedule, zone, changes, spans, False) for schedule in schedules],
        "systemd": [instants(schedule, zone, changes, spans, True) for schedule in schedules],
    }


def main():
    zoneinfo.reset_tzpath(to=[str(ZONES)])
    alike = {}
    for name in sorted(zoneinfo.available_timezones()):
        if not name.startswith(("posix/", "right/")):
            zone = zoneinfo.ZoneInfo(name)
            changes = transitions(zone)
            alike.setdefault((offset(zone, int(FIRST.timestamp())), tuple(changes)), []).append(name)
    schedules = [Schedule(text) for text in SCHEDULES]
    groups = [group(names, list(changes), schedules) for (_, changes), names in alike.items()]
    json.dump({"schedules": SCHEDULES, "groups": groups}, sys.stdout)


main()
