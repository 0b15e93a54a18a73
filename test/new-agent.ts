/** Owns `npm run new:agent NAME`: writes an agent's first files, which work and obey the contract laws as they are. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const REGISTRY = "src/agents/index.ts";

interface Words {
  /** `my-agent`: its id and its file. */
  readonly name: string;
  /** `myAgent`: what its file exports. */
  readonly variable: string;
  /** `My Agent`: its title for people. */
  readonly title: string;
}

function wordsOf(name: string): Words {
  const parts = name.split("-");
  const title = parts.map((part) => part[0]?.toUpperCase() + part.slice(1));
  return { name, variable: [parts[0], ...title.slice(1)].join(""), title: title.join(" ") };
}

const agentFile = ({ name, variable, title }: Words): string => `/**
 * ${title}: one JSONL file a session, which is only appended to. (Link its own documentation of the store here.)
 * Counting rule: a call is one line of type \`assistant\`, known by its id; a copy of it is the same call.
 */
import { type Agent, type Emit, type Line, tail, whole } from "../read/types.ts";
import { object, text } from "../record/json.ts";
import { answer, message, partsOf } from "../record/messages.ts";
import { timeOf } from "../record/time.ts";
import { totalUsage } from "../record/usage.ts";

export const ${variable}: Agent = {
  id: "${name}",
  title: "${title}",
  // What the agent deletes by itself, and when; \`scan\` and the docs continue "It ..." with this.
  retention: "deletes nothing by itself",
  // Until a store that the agent itself wrote has been read.
  unverified: true,
  streams: [
    tail<string>({
      kind: "transcript",
      rank: 50,
      version: 1,
      // What the reducer looks at where texts are left alone; nothing else of a line is decoded then.
      reads: { keys: whole("type", "id", "time", "model", "usage") },
      locate: ({ homes }) => homes.map(({ path }) => ({ root: \`\${path}/.${name}/sessions\`, match: ["*.jsonl"] })),
      session: (path) => /([^/]+)\\.jsonl$/.exec(path)?.[1],
      // What must be remembered from line to line, as plain JSON; here it is only the session.
      start: ({ stem }) => stem,
      step,
      // A call that is told in several lines would be told from here as far as it is known, with \`open: true\`.
      open() {},
    }),
  ],
};

/** A line without an id is known by its place. \`totalUsage\` is for agents whose input includes caches, \`summedUsage\` for others. */
function step(session: string, line: Line, emit: Emit): void {
  const { type, id, time, model, usage: tokens, text: words } = line.json();
  const common = { key: text(id) ?? String(line.offset), fact: text(id), session_id: session, time: timeOf(time) };
  const usage = totalUsage(object(tokens) ?? {});
  const input_messages = emit.keep(message("user", partsOf(words)));
  const output_messages = emit.keep(answer(partsOf(words), undefined));
  if (type === "user") emit({ ...common, operation: "user_message", content: { input_messages } });
  else if (type === "assistant")
    emit({ ...common, operation: "chat", kind: "client", model: text(model), usage, content: { output_messages } });
  else emit.unknown(\`type \${text(type) ?? ""}\`);
}
`;

const testFile = ({
  name,
  title,
}: Words): string => `/** Owns the proof that ${title}'s calls are counted once; one test a pitfall of its format. */
import { expect, test } from "bun:test";
import { tellOf } from "../support/agent.ts";

const CALL = { type: "assistant", id: "call-1", time: "2026-11-21T05:20:30Z", usage: { input: 3, output: 4 } };

test("a call that a copy of its session repeats is counted once", async () => {
  const told = await tellOf("${name}", { ".${name}/sessions/a.jsonl": [CALL], ".${name}/sessions/b.jsonl": [CALL] });
  expect(told.records).toMatchObject([{ operation: "chat", usage: { input_tokens: 3, output_tokens: 4 } }]);
});
`;

const MARKER = "PLANTED: what a person typed";

const fixtureReadme = ({ title }: Words): string =>
  `Made by hand as an example. Put a home here that ${title} itself wrote, with nothing private in it, and name its version.\n`;

/** The planted text must not be found in an archive of metadata. */
const expected = ({ name }: Words): string =>
  `${JSON.stringify(
    {
      on_disk: {
        agent: name,
        by_model: { "example-1": { calls: 2, input_tokens: 300, output_tokens: 30 } },
        tool_calls: 0,
        sessions: ["session-1"],
        content_markers: [MARKER],
      },
    },
    undefined,
    1,
  )}\n`;

function session(): string {
  const at = (second: number): string => `2026-11-21T05:20:0${second}.000Z`;
  const answer = (id: string, second: number, input: number, output: number): object => ({
    type: "assistant",
    id,
    time: at(second),
    model: "example-1",
    text: MARKER,
    usage: { input, output },
  });
  return [
    { type: "user", id: "ask-1", time: at(0), text: MARKER },
    answer("answer-1", 1, 100, 10),
    { type: "user", id: "ask-2", time: at(2), text: MARKER },
    answer("answer-2", 3, 200, 20),
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
}

/** Every file that a new agent begins with, by its path below the project. */
function filesOf(words: Words): Readonly<Record<string, string>> {
  const fixture = `fixtures/agents/${words.name}`;
  return {
    [`src/agents/${words.name}.ts`]: agentFile(words),
    [`test/agents/${words.name}.test.ts`]: testFile(words),
    [`${fixture}/README.md`]: fixtureReadme(words),
    [`${fixture}/expected.json`]: expected(words),
    [`${fixture}/home/.${words.name}/sessions/session-1.jsonl`]: session(),
  };
}

/** The registry with one more import, in the order of the others, and one more agent at its end. */
function registered(registry: string, { name, variable }: Words): string {
  const line = `import { ${variable} } from "./${name}.ts";`;
  const pathOf = (text: string): string => /"\.\/(.*)"/.exec(text)?.[1] ?? "";
  const lines = registry.split("\n");
  const imports = lines.filter((each) => /^import \{.*"\.\//.test(each));
  const after = imports.findLast((each) => pathOf(each) < pathOf(line));
  const at = after === undefined ? lines.indexOf(imports[0] ?? "") : lines.indexOf(after) + 1;
  const end = lines.indexOf("];");
  if (at <= 0 || end === -1) throw new Error(`${REGISTRY} is not laid out as expected`);
  return lines.toSpliced(end, 0, `  ${variable},`).toSpliced(at, 0, line).join("\n");
}

/** Writes a new agent's files below a project, and returns their paths; throws before anything is written. */
export function newAgent(root: string, name: string): string[] {
  if (!NAME.test(name)) throw new Error(`an agent's name is written like "my-agent", not ${JSON.stringify(name)}`);
  const words = wordsOf(name);
  const files = filesOf(words);
  const taken = [...Object.keys(files), `src/agents/${name}`, `fixtures/agents/${name}`].find((path) =>
    existsSync(join(root, path)),
  );
  if (taken) throw new Error(`${name} is there already: ${taken}`);
  const registry = readFileSync(join(root, REGISTRY), "utf8");
  if (new RegExp(`^  ${words.variable},$`, "m").test(registry))
    throw new Error(`${name} is there already: ${REGISTRY}`);
  const changed = registered(registry, words);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  writeFileSync(join(root, REGISTRY), changed);
  return [...Object.keys(files), REGISTRY];
}

if (import.meta.main) {
  try {
    const [name = "", ...more] = process.argv.slice(2);
    if (name === "" || more.length > 0) throw new Error("usage: npm run new:agent NAME");
    for (const path of newAgent(join(import.meta.dir, ".."), name)) console.log(path);
    console.log("\nnpm test holds the contract laws on it; npm run docs puts it on the pages.");
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  }
}
