# Owns reading weir's JSONL and Parquet with DuckDB and ClickHouse (chdb): the totals that each of them finds, as JSON.
import json
import sys

import chdb
import duckdb

jsonl, parquet = sys.argv[1:]
columns = "operation, count(*) AS records, sum({0}input_tokens) AS input, sum({0}output_tokens) AS output"


def found(rows):
    return {row[0]: [int(value or 0) for value in row[1:]] for row in rows}


def clickhouse(query):
    rows = json.loads(str(chdb.query(query, "JSONCompact")))["data"]
    return found(rows)


usage = "JSONExtractInt(json, 'usage', '{}')"
print(
    json.dumps(
        {
            "duckdb parquet": found(
                duckdb.sql(f"SELECT {columns.format('')} FROM '{parquet}' GROUP BY 1").fetchall()
            ),
            "duckdb jsonl": found(
                duckdb.sql(
                    f"SELECT {columns.format('usage.')} FROM read_json_auto('{jsonl}', format='newline_delimited', "
                    "union_by_name=true, sample_size=-1) GROUP BY 1"
                ).fetchall()
            ),
            "clickhouse parquet": clickhouse(
                f"SELECT operation, count(), sum(input_tokens), sum(output_tokens) FROM file('{parquet}', Parquet) GROUP BY 1"
            ),
            "clickhouse jsonl": clickhouse(
                f"SELECT JSONExtractString(json, 'operation'), count(), sum({usage.format('input_tokens')}), "
                f"sum({usage.format('output_tokens')}) FROM file('{jsonl}', JSONAsString) GROUP BY 1"
            ),
        }
    )
)
