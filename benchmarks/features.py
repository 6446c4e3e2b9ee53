"""Time and memory of the usage columns beside the bare GROUP BY over the same Parquet.

    python benchmarks/features.py [--events 10000000] [--folder DIR] [--stages bare,account,full]

Makes its own customers (seeded, NumPy to Parquet in order of time): string ids of 36
characters, 30 features, three one-year terms an account, one decision date a term (90 days
before the renewal), 2 % of the events known late.  Each stage runs in a process of its own, so
that its peak memory is its own; the tables are read and checked beforehand, outside the time:

    bare      SELECT account_id, user_id, day, count(*) GROUP BY 1, 2, 3, every group kept
    account   panel.build with features=(): windows of 7, 28 and 90 days, trend, recency
    full      panel.build with every feature by events and users
    check     the full panel of 30 accounts against plain pandas

Prints seconds and processor seconds (median of the repetitions), both as multiples of
``bare``, and the peak memory.  On a busy machine read the processor's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cs_models.data import sources
from cs_models.data.sources import Source
from cs_models.data.tables import Tables
from cs_models.features import cohort, panel

SEED = 20240601
START = np.datetime64("2021-01-01")
DAYS = 1096
AS_OF = date(2024, 1, 31)
FEATURES = 30
CHUNK = 1_000_000
USERS_PER_ACCOUNT = 20
EVENTS_PER_USER_DAY = 3
STAGES = ("bare", "account", "full", "check")


def identifiers(n: int, salt: int) -> np.ndarray:
    rng = np.random.default_rng([SEED, salt])
    parts = rng.integers(0, 2**63, (n, 2), dtype=np.int64)
    return np.array([str(uuid.UUID(int=(int(a) << 64) | int(b))) for a, b in parts])


def event_chunks(n_events: int, n_accounts: int) -> Iterator[pa.Table]:
    """Yield events in order of time; a user does about three things on a day of use."""
    rng = np.random.default_rng([SEED, 3])
    n_users = n_accounts * USERS_PER_ACCOUNT
    accounts, users = identifiers(n_accounts, 1), identifiers(n_users, 2)
    names = np.array([f"feature_{number:02d}_{'x' * (number % 7)}" for number in range(FEATURES)])
    popularity = 1 / np.arange(1, FEATURES + 1)
    vigour = rng.gamma(0.7, 1.0, n_users)
    shares = np.cumsum(vigour / vigour.sum())
    n_chunks = max(1, n_events // CHUNK)
    for chunk in range(n_chunks):
        n = n_events // n_chunks
        n_visits = n // EVENTS_PER_USER_DAY
        visitor = np.searchsorted(shares, rng.random(n_visits)).clip(max=n_users - 1)
        low, high = DAYS * chunk / n_chunks, DAYS * (chunk + 1) / n_chunks
        visit_day = np.sort(rng.uniform(low, high, n_visits)).astype("int64")
        visit = np.sort(rng.integers(0, n_visits, n))
        user, day = visitor[visit], visit_day[visit]
        seconds = rng.integers(0, 86_400, n)
        happened = START.astype("datetime64[s]") + day * 86_400 + seconds
        late = np.where(rng.random(n) < 0.02, rng.exponential(10 * 86_400, n), 60).astype("int64")
        feature = rng.choice(FEATURES, n, p=popularity / popularity.sum())
        quantity = np.where(rng.random(n) < 0.05, rng.integers(1, 9000, n), 1000)
        yield pa.table(
            {
                "event_ts": pa.array(happened.astype("datetime64[us]")),
                "account_id": accounts[user // USERS_PER_ACCOUNT],
                "user_id": users[user],
                "feature": names[feature],
                "quantity": pa.array(quantity / 1000).cast(pa.decimal128(18, 3)),
                "known_at": pa.array((happened + late).astype("datetime64[us]")),
            }
        )


def make(folder: Path, n_events: int) -> None:
    """Write accounts, subscriptions and events."""
    n_accounts = max(200, n_events // 2000)
    make_contracts(folder, n_accounts)
    writer = None
    for chunk in event_chunks(n_events, n_accounts):
        writer = writer or pq.ParquetWriter(folder / "events.parquet", chunk.schema)
        writer.write_table(chunk, row_group_size=250_000)
    assert writer is not None
    writer.close()


def make_contracts(folder: Path, n_accounts: int) -> None:
    """Write accounts and their terms."""
    ids = identifiers(n_accounts, 1)
    accounts = pd.DataFrame({"account_id": ids, "created_at": START.astype("datetime64[us]")})
    accounts.to_parquet(folder / "accounts.parquet")
    rng = np.random.default_rng([SEED, 4])
    offset = rng.integers(0, 30, n_accounts)
    terms = pd.concat(
        pd.DataFrame(
            {
                "subscription_id": [f"{name}/{number}" for name in ids],
                "account_id": ids,
                "term_start": START + offset - 30 + 365 * number,
                "term_end": START + offset - 30 + 365 * (number + 1),
                "seats": rng.integers(5, 40, n_accounts),
                "arr": 1200,
                "outcome": np.where(rng.random(n_accounts) < 0.2, "churned", "renewed"),
            }
        )
        for number in range(3)
    )
    table = pa.Table.from_pandas(terms, preserve_index=False)
    for name, dtype in (("term_start", pa.date32()), ("term_end", pa.date32())):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(dtype))
    pq.write_table(table, folder / "subscriptions.parquet")


def bare(folder: Path) -> int:
    """Group by account, user and day and keep every group."""
    connection = ibis.duckdb.connect().con
    connection.execute(
        "CREATE TEMP TABLE groups AS SELECT account_id, user_id, event_ts::DATE AS day, "
        f"count(*) AS n FROM read_parquet('{folder}/events.parquet') GROUP BY 1, 2, 3"
    )
    return int(connection.execute("SELECT count(*) FROM groups").fetchone()[0])


def build(checked: Tables, name: str) -> pd.DataFrame:
    terms = cohort.terms(checked, AS_OF, days=90, data_start=date(2021, 1, 1))
    return panel.build(checked, terms, features=() if name == "account" else None)


def by_hand(folder: Path, frame: pd.DataFrame, n_accounts: int = 30) -> int:
    """Compare a sample of accounts with loops in pandas; return the numbers compared."""
    wanted = sorted(frame["account_id"].unique())[
        :: max(1, frame["account_id"].nunique() // n_accounts)
    ]
    events = pq.read_table(folder / "events.parquet", filters=[("account_id", "in", wanted)])
    events = events.to_pandas()
    events["day"] = events["event_ts"].dt.floor("D")
    events["known"] = events["known_at"].dt.floor("D") + pd.Timedelta(days=1)
    events["quantity"] = events["quantity"].astype(float)
    compared = 0
    for _, row in frame[frame["account_id"].isin(wanted)].iterrows():
        point = row["as_of_date"]
        own = events[events["account_id"] == row["account_id"]]
        own = own[(own["day"] < point) & (own["known"] <= point)]
        for days in (7, 28, 90):
            seen = own[own["day"] >= point - pd.Timedelta(days=days)]
            expected = {
                "events": seen["quantity"].sum(),
                "active_users": seen["user_id"].nunique(),
                "active_days": seen["day"].nunique(),
                "distinct_features": seen["feature"].nunique(),
            }
            for name, rows in own.groupby("feature"):
                rows = rows[rows["day"] >= point - pd.Timedelta(days=days)]
                expected[f"events__{name}"] = rows["quantity"].sum()
                expected[f"users__{name}"] = rows["user_id"].nunique()
            for name, value in expected.items():
                assert abs(float(row[f"{name}__last_{days}d"]) - value) < 1e-6, (name, days, row)
                compared += 1
        last = (point - own["day"].max()).days if len(own) else None
        assert last is None or row["days_since_last_use__to_date"] == last
        for name, rows in own[own["day"] >= row["term_start"]].groupby("feature"):
            if row["term_start"] >= pd.Timestamp(2021, 1, 1):
                first = (rows["day"].min() - row["term_start"]).days
                assert row[f"days_to_first__{name}__to_date"] == first
                compared += 1
    return compared


def stage(name: str, folder: Path, repeat: int) -> dict[str, object]:
    """Run one stage in this process."""
    seconds, processor, result = [], [], 0
    checked = None if name == "bare" else sources.read(Source(path=str(folder)), as_of=AS_OF)
    for _ in range(repeat):
        began, used = time.perf_counter(), time.process_time()
        if name == "bare":
            result = bare(folder)
        else:
            frame = build(checked, name)
            result = frame.shape[0] * frame.shape[1]
            if name == "check":
                result = by_hand(folder, frame)
        seconds.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return {
        "seconds": statistics.median(seconds),
        "processor": statistics.median(processor),
        "peak_gb": peak_gb(),
        "result": result,
    }


def peak_gb() -> float:
    """Return this process's peak memory; ru_maxrss would carry over the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--stage", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    default = Path(tempfile.gettempdir()) / f"cs-models-features-{options.events}"
    folder = options.folder or default
    if options.stage:
        print(json.dumps(stage(options.stage, folder, options.repeat)))
        return
    if not (folder / "made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make(folder, options.events)
        (folder / "made").touch()
    reference: dict[str, float] | None = None
    for name in options.stages.split(","):
        command = [sys.executable, __file__, "--folder", str(folder), "--stage", name]
        repeat = "1" if name == "check" else str(options.repeat)
        done = subprocess.run(
            [*command, "--repeat", repeat],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        figures = json.loads(done.stdout.splitlines()[-1])
        reference = figures if name == "bare" else reference
        ratios = ""
        if reference and name != "check":
            ratios = "  ".join(
                f"{figures[key] / reference[key]:5.2f} x" for key in ("seconds", "processor")
            )
        print(
            f"{options.events:>11,} events  {name:8}{figures['seconds']:8.2f} s "
            f"{figures['processor']:8.2f} s processor  {ratios:18}"
            f"{figures['peak_gb']:6.2f} GB peak  result {figures['result']}",
            flush=True,
        )


if __name__ == "__main__":
    main()
