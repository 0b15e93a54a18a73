# Owns reading weir's JSONL and Parquet with DuckDB and ClickHouse (chdb): each agent's calls and tokens, as JSON.
import json
import sys

import chdb
import duckdb

jsonl, parquet = sys.argv[1:]
columns = "agent, count({0}input_tokens) AS calls, sum({0}input_tokens) AS input, sum({0}output_tokens) AS output"


def found(rows):
    return {row[0]: [int(value or 0) for value in row[1:]] for row in rows}


def clickhouse(query):
    rows = json.loads(str(chdb.query(query, "JSONCompact")))["data"]
    return found(rows)


usage = "JSONExtract(json, 'usage', '{}', 'Nullable(Int64)')"
(given, answered) = (usage.format("input_tokens"), usage.format("output_tokens"))
print(
    json.dumps(
        {
            "DuckDB, Parquet": found(
                duckdb.sql(f"SELECT {columns.format('')} FROM '{parquet}' GROUP BY 1").fetchall()
            ),
            "DuckDB, JSONL": found(
                duckdb.sql(
                    f"SELECT {columns.format('usage.')} FROM read_json_auto('{jsonl}', format='newline_delimited', "
                    "union_by_name=true, sample_size=-1) GROUP BY 1"
                ).fetchall()
            ),
            "ClickHouse, Parquet": clickhouse(f"SELECT {columns.format('')} FROM file('{parquet}', Parquet) GROUP BY 1"),
            "ClickHouse, JSONL": clickhouse(
                f"SELECT JSONExtractString(json, 'agent'), count({given}), sum({given}), sum({answered}) "
                f"FROM file('{jsonl}', JSONAsString) GROUP BY 1"
            ),
        }
    )
)
