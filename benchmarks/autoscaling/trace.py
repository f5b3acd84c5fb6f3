"""Requests per minute of a web site over a day; worldcup98.txt says whose, from where, and under which terms."""

from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent / "worldcup98.csv"


@dataclass(frozen=True)
class Trace:
    """The time of day at which it starts, and requests per second in each minute."""

    start: str
    rates: tuple[float, ...]

    def scaled(self, peak: float) -> "Trace":
        """Return the same shape with another busiest minute."""
        factor = peak / max(self.rates)
        return Trace(self.start, tuple(rate * factor for rate in self.rates))

    def faster(self, times: int) -> list[float]:
        """Return the rate in each second if the day were so many times as short: as high, and rising as much faster."""
        return self.each_second()[::times]

    def each_second(self) -> list[float]:
        """Return the rate in each second: it changes evenly between the middles of the minutes."""
        found = []
        for minute, rate in enumerate(self.rates):
            before, after = self.rates[max(minute - 1, 0)], self.rates[min(minute + 1, len(self.rates) - 1)]
            for second in range(60):
                other, share = (before, 0.5 - second / 60) if second < 30 else (after, second / 60 - 0.5)
                found.append(rate + (other - rate) * share)
        return found


def worldcup98() -> Trace:
    """Return a day of the 1998 World Cup's site with two knock-out matches, 30 June."""
    lines = [line.split(",") for line in _FILE.read_text().splitlines()]
    return Trace(lines[0][0], tuple(int(count) / 60 for line in lines for count in line[1:]))
