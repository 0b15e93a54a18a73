/** Owns the folders that are published to npm: one `weir`, and one package a platform that holds its executable. */
import { chmodSync, copyFileSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Platform } from "./targets.ts";

const root = join(import.meta.dir, "..");
const sources = join(import.meta.dir, "npm");
const TEXTS = ["LICENSE", "README.md", "docs/THIRD-PARTY-NOTICES.md"];

export interface Built {
  readonly platform: Platform;
  readonly path: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
}

/** What a published package.json says. */
interface Fields {
  readonly name: string;
  readonly files: readonly string[];
  readonly [field: string]: unknown;
}

/** Writes the packages into a folder, which is emptied first; returns their folders, the platforms' first. */
export function writePackages(built: readonly Built[], out: string): string[] {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  const { name, version, description, license } = manifest;
  const common = { version, description, license };
  rmSync(out, { recursive: true, force: true });
  const platforms = built.map(({ platform, path }) => {
    const binary = platform.os === "win32" ? "weir.exe" : "weir";
    const { os, cpu, libc } = platform;
    const folder = put(out, {
      name: `${name}-${platform.name}`,
      ...common,
      os: [os],
      cpu: [cpu],
      ...(libc && { libc: [libc] }),
      files: [binary],
    });
    link(path, join(folder, binary));
    return folder;
  });
  const main = put(out, {
    name,
    ...common,
    bin: { weir: "bin/weir" },
    scripts: { postinstall: "node install.cjs" },
    files: ["bin", "*.cjs"],
    engines: { node: ">=18" },
    optionalDependencies: Object.fromEntries(built.map(({ platform }) => [`${name}-${platform.name}`, version])),
  });
  mkdirSync(join(main, "bin"));
  for (const file of ["binary.cjs", "install.cjs"]) copyFileSync(join(sources, file), join(main, file));
  copyFileSync(join(sources, "launcher.cjs"), join(main, "bin/weir"));
  chmodSync(join(main, "bin/weir"), 0o755);
  return [...platforms, main];
}

/** A package's folder with its manifest and the texts that go with every copy. */
function put(out: string, manifest: Fields): string {
  const folder = join(out, manifest.name);
  mkdirSync(folder, { recursive: true });
  for (const text of TEXTS) copyFileSync(join(root, text), join(folder, text.replace(/^.*\//, "")));
  const files = [...manifest.files, "THIRD-PARTY-NOTICES.md"];
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ ...manifest, files }, undefined, 2)}\n`);
  return folder;
}

function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // another file system
  }
  chmodSync(to, 0o755);
}
