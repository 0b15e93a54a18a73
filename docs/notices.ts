/** Owns docs/THIRD-PARTY-NOTICES.md: whose code is in the executable, and its licences as their packages give them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dir, "..");

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const manifestAt = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** Where a package's dependency is installed: beside it, or beside one of the packages around it. */
function folderOf(name: string, from: string): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
  }
  throw new Error(`${name} is not installed: npm ci`);
}

/** Packages whose code stands inside that of others, which do not name them; they are installed for their licences. */
const INSIDE: Readonly<Record<string, readonly string[]>> = {
  "@secretlint/secretlint-rule-preset-recommend": ["@textlint/regexp-string-matcher"],
};

/** Every package that the program depends on, by its folder. */
function packages(from: string = root, seen: Map<string, Manifest> = new Map()): Map<string, Manifest> {
  const { name: of, dependencies } = manifestAt(from);
  for (const name of [...Object.keys(dependencies ?? {}), ...(INSIDE[of] ?? [])]) {
    const folder = folderOf(name, from);
    if (seen.has(folder)) continue;
    seen.set(folder, manifestAt(folder));
    packages(folder, seen);
  }
  return seen;
}

/** A package's licence files and notices; its own word where it has none. */
function textOf(folder: string, { license }: Manifest): string {
  const names = readdirSync(folder).filter((name) => /^(?:licen[cs]e|notice|copying)(?:[.-]|$)/i.test(name));
  if (names.length === 0) return `(The package names its licence, ${license ?? "none"}, and has no file of it.)`;
  return names
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n").trim())
    .join("\n\n");
}

export function noticesPage(): string {
  const bun = manifestAt(root).devDependencies?.bun;
  const all = [...packages()].map(([folder, manifest]) => ({ ...manifest, text: textOf(folder, manifest) }));
  const byText = Map.groupBy(
    all.sort((a, b) => (a.name < b.name ? -1 : 1)),
    ({ text }) => text,
  );
  const sections = [...byText].map(([text, those]) => {
    const names = those.map(({ name, version, license }) => `- ${name} ${version} (${license ?? "no licence named"})`);
    return `${names.join("\n")}\n\n\`\`\`text\n${text}\n\`\`\``;
  });
  return `# Third-party notices

<!-- Made by \`npm run docs\` from the dependencies in package.json. -->

The executable holds the runtime Bun ${bun}, which is under the MIT licence, and the libraries that Bun links, among them
JavaScriptCore under the LGPL 2: <https://bun.com/docs/project/license> lists them and tells how to build it anew. It also
holds code of the packages below; not all of what they contain ends up in it.

${sections.join("\n\n")}
`;
}
