/** Owns the named mutants of the protocol: what each changes in the sources, and the scenario that must notice it. */
import type { ScenarioName } from "./scenarios.ts";

export interface Change {
  /** Below `src/`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

export interface Mutant {
  readonly name: string;
  readonly changes: readonly Change[];
  readonly scenario: ScenarioName;
}

const SYNCED = `    writeFully(fd, bytes, committed);
    sys.fsync(fd);`;
const WRITTEN = "    writeFully(fd, bytes, committed);";
const COMMIT = `        this.#inTransaction("commit", () => this.#moveState(changed));`;
/** Takes a part of the batch's transaction into one of its own that is committed before it. */
function ownTransaction(name: string, part: string): Change[] {
  const file = "archive/archive.ts";
  return [
    { file, from: `    this.sources.${part}();\n`, to: "" },
    { file, from: COMMIT, to: `        this.#inTransaction("${name}", () => this.sources.${part}());\n${COMMIT}` },
  ];
}

export const mutants: readonly Mutant[] = [
  {
    name: "commit before fsync",
    changes: [
      { file: "archive/segment.ts", from: SYNCED, to: WRITTEN },
      {
        file: "archive/archive.ts",
        from: COMMIT,
        to: `${COMMIT}
        for (const { name } of changed) {
          const fd = sys.open(\`\${this.#folder.archive}/\${name}\`, 2);
          sys.fsync(fd);
          sys.close(fd);
        }`,
      },
    ],
    scenario: "a loss of power after any call",
  },
  {
    name: "no fsync of the segment",
    changes: [{ file: "archive/segment.ts", from: SYNCED, to: WRITTEN }],
    scenario: "a loss of power after any call",
  },
  {
    name: "no fsync of a new segment's folder",
    changes: [{ file: "archive/segment.ts", from: "  if (create) syncFolder(folder);", to: "  void syncFolder;" }],
    scenario: "a loss of power after any call",
  },
  {
    name: "append mode instead of the committed length",
    changes: [
      { file: "archive/segment.ts", from: WRITTEN, to: "    writeFully(fd, bytes, committed && sys.fstat(fd).size);" },
    ],
    scenario: "bytes that come after the committed length while weir runs",
  },
  {
    name: "no cut at start",
    changes: [
      {
        file: "archive/segments.ts",
        from: "  for (const segment of readSegments(db)) cutToCommitted(folder.archive, segment.name, segment.bytes);\n",
        to: "",
      },
    ],
    scenario: "a kill after any call, when the agent then deletes its session",
  },
  {
    name: "cursor in its own transaction",
    changes: ownTransaction("cursors", "storeCursors"),
    scenario: "a kill after any call",
  },
  {
    name: "ledger in its own transaction",
    changes: ownTransaction("ledgers", "storeLedgers"),
    scenario: "a kill after any call",
  },
  {
    name: "> for >= at the anchor",
    changes: [
      { file: "read/identity.ts", from: "if (size < offset) return false;", to: "if (size <= offset) return false;" },
    ],
    scenario: "a session that is touched and has not grown",
  },
  {
    name: "anchor skipped",
    changes: [
      {
        file: "read/identity.ts",
        from: "hashBytes(head) === proof.headHash && hashBytes(anchor) === proof.anchorHash",
        to: "hashBytes(head) === proof.headHash && anchor.length === proof.anchorLength",
      },
    ],
    scenario: "a session that is cut off and grows longer behind the same head",
  },
  {
    name: "head hash skipped",
    changes: [
      {
        file: "read/identity.ts",
        from: "hashBytes(head) === proof.headHash && hashBytes(anchor) === proof.anchorHash",
        to: "head.length === proof.headLength && hashBytes(anchor) === proof.anchorHash",
      },
    ],
    scenario: "a session whose head is written anew in place",
  },
  {
    name: "stat after read",
    changes: [
      {
        file: "sync/tail.ts",
        from: "rowOf(this.#found, place)",
        to: "rowOf({ ...this.#found, stamp: sys.fstat(this.#fd) }, { ...place, size: sys.fstat(this.#fd).size })",
      },
    ],
    scenario: "a session that grows while it is read, by a clock that is ahead",
  },
  {
    name: "torn tail consumed",
    changes: [
      {
        file: "read/tail.ts",
        from: `    }
    return undefined;
  }

  /** Gives its memory back. */`,
        to: `    }
    if (this.#held === 0) return undefined;
    this.#chunk.bytes[this.#held] = NEWLINE;
    const torn = split(this.#chunk, this.#held + 1, this.#position);
    return this.past({ ...torn, end: this.#position + this.#held, bytes: NONE });
  }

  /** Gives its memory back. */`,
      },
    ],
    scenario: "a last line that is written in two pieces",
  },
  {
    name: "keyset alone for spans",
    changes: [
      {
        file: "sync/tables.ts",
        from: "        for (const key of reader.groupsIn(block)) keys.add(key);",
        to: `        const since = this.#cursors[fit.name];
        for (const key of reader.groupsIn(block)) {
          const later = since && db.page((ask) => ask.values(
            "SELECT 1 FROM spans WHERE trace_id = ?1 AND (end_time_ms, span_id) > (?2, ?3)",
            String(key), Number(since.end_time_ms), String(since.span_id)));
          if (later?.length !== 0) keys.add(key);
        }`,
      },
    ],
    scenario: "spans that come late with an older end",
  },
  {
    name: "integer end times",
    changes: [
      {
        file: "agents/copilot-vscode/spans.ts",
        from: "spanTimes(start, end)",
        to: "spanTimes(start, Math.trunc(Number(end)))",
      },
    ],
    scenario: "spans that end within one millisecond",
  },
  {
    name: "immutable with a live WAL",
    changes: [
      {
        file: "read/sqlite.ts",
        from: '  if (!wal?.size) return "immutable";',
        to: '  if (wal || shm || !wal) return "immutable";',
      },
    ],
    scenario: "a database whose rows are only in its log",
  },
  {
    name: "lock handle not pinned",
    changes: [{ file: "archive/lock.ts", from: "    pinned().set(path, db);\n", to: "" }],
    scenario: "a lock while garbage is collected",
  },
  {
    name: "short write unchecked",
    changes: [
      {
        file: "system/system.ts",
        from: "    done += n;\n  }\n}\n\n/** Reads up to",
        to: "    done = bytes.length;\n  }\n}\n\n/** Reads up to",
      },
    ],
    scenario: "a disk that takes only a part of each write",
  },
  {
    name: "rotation by rename",
    changes: [
      {
        file: "archive/segments.ts",
        from: "          if (!changed.includes(current)) changed.push(current);",
        to: `          const full = current.name.replace(/(?:\\.(\\d+))?\\.jsonl$/, (_, i) => \`.\${1000 + Number(i ?? 0)}.jsonl\`);
          sys.rename(\`\${this.#folder.archive}/\${current.name}\`, \`\${this.#folder.archive}/\${full}\`);
          current.name = full;
          if (!changed.includes(current)) changed.push(current);`,
      },
      {
        file: "archive/segments.ts",
        from: "DO UPDATE SET bytes = excluded.bytes,",
        to: "DO UPDATE SET name = excluded.name, bytes = excluded.bytes,",
      },
    ],
    scenario: "a kill after any call",
  },
  {
    name: "prune unlinks before it marks",
    changes: [
      {
        file: "archive/archive.ts",
        from: `      if (plan.prune.length > 0) this.#inTransaction("prune"`,
        to: `      for (const { name } of plan.prune) sys.unlink(\`\${this.#folder.archive}/\${name}\`);
      if (plan.prune.length > 0) this.#inTransaction("prune"`,
      },
    ],
    scenario: "a kill after any call of a prune",
  },
  {
    name: "export past the committed length",
    changes: [
      {
        file: "archive/read.ts",
        from: "bytes: committed?.bytes ?? completeLength(file)",
        to: "bytes: completeLength(file)",
      },
    ],
    scenario: "a reader after any call",
  },
];
