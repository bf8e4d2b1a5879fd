"""One implementation of one workload in a process of its own, driven line by line.

    python worker.py WORKLOAD IMPLEMENTATION DATA.npz THREADS

Prints a JSON line when it is ready, and one for each line "run" that it reads: wall and CPU
seconds, memory at the peak beyond what was resident before, and the values that implementations
must agree on. Whatever the library prints goes to stderr.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import resource
import sys
import time
import warnings


def resident(field: str) -> float:
    """VmRSS or VmHWM of this process in MB."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return float("nan")


def forget_peak() -> None:
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(run) -> dict[str, object]:
    gc.collect()
    forget_peak()
    before = resident("VmRSS")
    cpu, wall = cpu_seconds(), time.perf_counter()
    check = run()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    return {"wall": wall, "cpu": cpu, "peak_mb": resident("VmHWM") - before, "check": check}


def main() -> None:
    name, implementation, data, threads = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    warnings.simplefilter("ignore")

    import numpy as np
    import workloads

    prepare, _, packages = workloads.load()[name].implementations[implementation]
    with np.load(data) as file:
        columns = {key: file[key] for key in file.files}
    run = prepare(columns, int(threads))
    versions = {p: importlib.metadata.version(p) for p in packages if p != "tenure"}
    if "tenure" in packages:
        import tenure

        versions["tenure"] = tenure.__version__
    print(json.dumps({"versions": versions}), file=answers)
    for line in sys.stdin:
        if line.strip() == "run":
            print(json.dumps(measure(run)), file=answers)


if __name__ == "__main__":
    main()
