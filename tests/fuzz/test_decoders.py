"""No body costs more than its share of memory and time, or anything but a refusal by name, whichever decoder reads it.

Runs for FUZZ_SECONDS in all, each decoder for as long as the others. A failure prints the seed of its round, by which
`make fuzz FUZZ_SEED=…` finds it again, hypothesis's own line for repeating the one example, and where the body is kept,
so that it can become a case of tests/amplification.py.
"""

import gzip
import hashlib
import os
import random
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st

from tests.amplification import FILE, STREAM, most_memory, most_seconds
from tests.dialects import LENGTH, NPY, Table
from tests.dialecttable import DIALECTS
from tests.fuzz import binaries, texts
from tests.fuzz.measuring import Body, Decoding, excess
from tests.fuzz.pieces import changed
from tests.victims import ROWS

pytestmark = pytest.mark.fuzz
SECONDS = float(os.environ.get("FUZZ_SECONDS", "30"))
FIRST_SEED = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(2**32)))
KEPT = Path(".fuzz")
JSON = {"Content-Type": "application/json"}
KINDS = {
    "iris": ["float64"] * 4,
    "wide": ["float64"] * len(ROWS["wide"]),
    "mixed": ["float64", "string", "bool", "any"],
    "text": ["string"],
}


@st.composite
def bodies(draw, codec, make, headers):
    """Return bodies of each model, from what `make` has for it."""
    victim = draw(st.sampled_from(sorted(ROWS)))
    found = draw(make(victim))
    if isinstance(found, tuple):  # V2's, with the length of its JSON
        return Body(codec, victim, found[0], len(found[0]), {**headers, LENGTH: found[1]})
    return Body(codec, victim, found, len(found), headers)


@st.composite
def seeds(draw, codec):
    """Return valid bodies of a protocol, in each of its dialects, with bytes changed in a few places."""
    victim = draw(st.sampled_from(sorted(ROWS)))
    row = ROWS[victim]
    table = Table(texts.NAMES[victim], KINDS[victim], [row if isinstance(row, list) else [row]] * 3)
    dialects = [dialect for dialect in DIALECTS if dialect.protocol == codec and dialect.can(table)]
    asked = draw(st.sampled_from(dialects)).ask(table)
    body = draw(changed(st.just(asked.body)))
    return Body(codec, victim, body, len(body), dict(asked.headers))


DECODERS = {
    "native JSON": bodies("native", lambda victim: texts.documents("native", victim), JSON),
    "native, seeds": seeds("native"),
    "CSV": bodies("native", texts.csv, {"Content-Type": "text/csv"}),
    "npy": bodies("native", binaries.npy, {"Content-Type": NPY}),
    "Arrow stream": bodies("native", binaries.stream, {"Content-Type": STREAM}),
    "Arrow file": bodies("native", lambda victim: binaries.stream(victim, file=True), {"Content-Type": FILE}),
    "Arrow, changed": bodies("native", lambda victim: changed(binaries.stream(victim)), {"Content-Type": STREAM}),
    "V2 JSON": bodies("v2", texts.v2, JSON),
    "V2 binary": bodies("v2", binaries.v2, {}),
    "V2, seeds": seeds("v2"),
    "V1": bodies("v1", lambda victim: texts.documents("v1", victim), JSON),
    "V1, seeds": seeds("v1"),
    "invocations": bodies("invocations", lambda victim: texts.documents("invocations", victim), JSON),
    "invocations, JSON Lines": bodies("invocations", texts.lines, {"Content-Type": "application/jsonlines"}),
    "invocations, CSV": bodies("invocations", texts.csv, {"Content-Type": "text/csv"}),
    "invocations, seeds": seeds("invocations"),
    "Azure": bodies("azure", lambda victim: texts.documents("azure", victim), JSON),
    "Azure, seeds": seeds("azure"),
}
# Of a round, half of them at random, then towards what costs most for its size. Making one takes about 0.2 s, and a
# round cannot be left before its end.
EXAMPLES = max(10, min(100, int(5 * SECONDS / len(DECODERS))))
# Nothing is made smaller: each try takes long, and what a large body costs is not what a part of it does.
SETTINGS = settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate, Phase.target],
    database=None,
    deadline=None,
    print_blob=True,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
)
PACKERS = {"": bytes, "gzip": lambda body: gzip.compress(body, 1), "deflate": lambda body: zlib.compress(body, 1)}


def packed(body, coding):
    return Body(body.codec, body.victim, PACKERS[coding](body.content), body.size, body.headers, coding)


@pytest.fixture(scope="module")
def decoding(victim_bundles):
    started = Decoding(victim_bundles)
    yield started
    started.stop()


def kept(body, wrong):
    """Keep a body that costs too much, and say where and what it is."""
    KEPT.mkdir(exist_ok=True)
    path = KEPT / hashlib.sha256(body.content).hexdigest()[:16]
    path.write_bytes(body.content)
    return f"{wrong}: {path.absolute()} is {body}"


@pytest.mark.parametrize("decoder", DECODERS)
def test_no_body_costs_more_than_its_share(decoding, decoder, capsys):
    """Memory within 32 times the body and 16 MB, time within 2 s for 16 MB, and no error but those of the table."""
    end, rounds = time.monotonic() + SECONDS / len(DECODERS), 0

    @SETTINGS
    @given(DECODERS[decoder], st.sampled_from(sorted(PACKERS)))
    def check(body, coding):
        if time.monotonic() > end:
            return  # what is left of the round
        asked = packed(body, coding)
        found = decoding.cost(asked)
        target(found.seconds / most_seconds(asked.size), label="seconds")
        target(found.memory / most_memory(asked.size), label="memory")
        wrong = excess(asked, found)
        assert not wrong, kept(asked, wrong)

    while time.monotonic() < end:
        drawn = FIRST_SEED + rounds
        with capsys.disabled():
            sys.stderr.write(f"\nFUZZ_SEED={drawn} {decoder} ")
        seed(drawn)(check)()
        rounds += 1
