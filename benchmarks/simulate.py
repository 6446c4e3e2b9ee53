"""Measure how long invented customers take to make and to write, on one core.

Run it by hand:

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/simulate.py --accounts 20000

The bar is 20,000 accounts in under a minute of processor time, written files included.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from cs_models.data import simulate
from cs_models.data.simulation import parquet


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--accounts", type=int, default=20_000)
    reader.add_argument("--scenario", default="step", choices=simulate.SCENARIOS)
    reader.add_argument("--seed", type=int, default=0)
    chosen = reader.parse_args()

    started, wall = time.process_time(), time.perf_counter()
    world = simulate.customers(
        scenario=chosen.scenario, n_accounts=chosen.accounts, seed=chosen.seed
    )
    made, made_wall = time.process_time(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, table in world.tables.items():
            parquet.write(table, Path(folder) / f"{name}.parquet")
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    written, written_wall = time.process_time(), time.perf_counter()

    for name, table in world.tables.items():
        print(f"{name:<15} {table.num_rows:>12,} rows")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"made            {made - started:8.1f} s processor {made_wall - wall:8.1f} s wall")
    print(
        f"written         {written - made:8.1f} s processor {written_wall - made_wall:8.1f} s wall"
    )
    print(f"files           {size / 1e6:8.1f} MB     peak memory {peak:8.0f} MB")


if __name__ == "__main__":
    main()
