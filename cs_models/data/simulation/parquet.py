"""Parquet files that are small, checked page by page, and the same bytes every time.

Row groups have a fixed number of rows; each is written with plain text ids, so that a reader sees
strings; the Arrow schema is left out, for it adds nothing to the Parquet types used here.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cs_models import files

ROWS_PER_GROUP = 250_000
LEVEL_OF_SMALL, LEVEL_OF_LARGE = 9, 3
SMALL = 3_000_000


def write(table: pa.Table, path: Path) -> None:
    """Write a table as one Parquet file, whole or not at all.

    Raises
    ------
    OSError
        When the disk is full or the folder is not writable; the former file stays.
    """
    level = LEVEL_OF_SMALL if table.num_rows <= SMALL else LEVEL_OF_LARGE
    plain = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    schema = pa.schema(plain)
    # Rows are sorted by account and time: steps between instants are far smaller than instants.
    moments = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    with (
        files.atomic_path(path) as temporary,
        pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            compression_level=level,
            use_dictionary=[name for name in schema.names if name not in moments],
            column_encoding=dict.fromkeys(moments, "DELTA_BINARY_PACKED"),
            write_page_checksum=True,
            store_schema=False,
            version="2.6",
            data_page_version="1.0",
        ) as writer,
    ):
        for first in range(0, max(table.num_rows, 1), ROWS_PER_GROUP):
            writer.write_table(table.slice(first, ROWS_PER_GROUP).cast(schema), ROWS_PER_GROUP)
