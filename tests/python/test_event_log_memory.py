"""What a log takes: hardly more than its columns, and while it is built 2.5 times them at most."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from children import SANITIZED

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps freed memory for a while")

ROWS = 3_000_000

BUILD = f"""
import gc, json, sys
import numpy as np, pyarrow as pa, tenure as tn

def status(field):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))

text, shuffled = (word == "True" for word in sys.argv[1:])
rng = np.random.default_rng(3)
who = rng.integers(0, {ROWS} // 10, {ROWS})
when = np.sort(rng.integers(0, 10**15, {ROWS}))
if shuffled:
    when = rng.permutation(when)
columns = {{"who": pa.array(who), "when": pa.array(when).view(pa.timestamp("us"))}}
columns["paid"] = pa.array(rng.random({ROWS}))
if text:
    columns["who"] = pa.array([f"{{c * 2654435761 % 2**32:08x}}" for c in range({ROWS} // 10)])
    columns["who"] = columns["who"].take(pa.array(who))
table = pa.table(columns)
names = {{"customer": "who", "time": "when", "amount": "paid"}}
tn.EventLog(table.slice(0, 1000), **names, n_threads=2)
del columns, who, when
gc.collect()
with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
    file.write("5")
before = status("VmRSS")
log = tn.EventLog(table, **names, n_threads=2)
peak = status("VmHWM") - before
ids = log.customer_ids.nbytes
print(json.dumps({{"nbytes": log.nbytes, "columns": 16 * {ROWS} + ids, "peak": peak}}))
"""


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("text", [False, True])
def test_memory_of_a_log(text, shuffled):
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(text), str(shuffled)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["nbytes"] <= 1.2 * found["columns"]
    assert found["peak"] <= 2.5 * found["columns"], found
    assert found["peak"] >= 0.8 * found["columns"], "the measure does not see the log"
