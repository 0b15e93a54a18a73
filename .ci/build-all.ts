/** Owns `npm run build:all`: every platform's executable, their sums and notices, the npm packages, and what of it runs here. */
import { createHash } from "node:crypto";
import { copyFileSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../build.ts";
import { noticesPage } from "../docs/notices.ts";
import { type Built, writePackages } from "./npm-packages.ts";
import { fileName, isHost, PLATFORMS, type Platform, runtimeOf } from "./targets.ts";

const root = join(import.meta.dir, "..");
const dist = join(root, "dist");
const release = join(dist, "release");
/** They run the program that `WEIR_TEST_DIST` holds. */
const SMOKE = ["smoke", "hostile", "output"].map((name) => `./test/e2e/${name}.test.ts`);
/** Of them: its version, a hostile folder to run in, 20 MB through a pipe, `head -1`. */
const SMOKE_NAMES = "it tells its version|the folder weir runs in|20 MB|a reader that leaves";

async function buildFor(platform: Platform): Promise<Built> {
  const path = join(release, fileName(platform));
  const runtime = runtimeOf(platform, join(dist, "runtimes"));
  const target = { name: platform.compile, runtime, isHost: isHost(platform) };
  const bytes = await build({ root, outfile: path, faults: false, target });
  console.log(`built ${fileName(platform)} (${(bytes / 1e6).toFixed(1)} MB)`);
  return { platform, path };
}

/** As `sha256sum` writes and checks it. */
function sums(built: readonly Built[]): string {
  const lines = built.map(({ platform, path }) => {
    const sum = createHash("sha256").update(readFileSync(path)).digest("hex");
    return `${sum}  ${fileName(platform)}\n`;
  });
  return lines.join("");
}

/** Runs the smoke tests on an executable. */
async function smoke({ platform, path }: Built): Promise<boolean> {
  const folder = join(dist, "smoke");
  const program = join(folder, platform.os === "win32" ? "weir.exe" : "weir");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  linkSync(path, program);
  const child = Bun.spawn([process.execPath, "test", "--timeout=120000", "-t", SMOKE_NAMES, ...SMOKE], {
    cwd: root,
    env: { ...process.env, WEIR_TEST_DIST: folder },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const passed = (await child.exited) === 0;
  rmSync(folder, { recursive: true });
  return passed;
}

rmSync(release, { recursive: true, force: true });
mkdirSync(release, { recursive: true });
const built: Built[] = [];
const problems: string[] = [];
for (const platform of PLATFORMS) {
  try {
    built.push(await buildFor(platform));
  } catch (error) {
    problems.push(`${platform.name} could not be built: ${error instanceof Error ? error.message : String(error)}`);
  }
}
writeFileSync(join(release, "SHA256SUMS"), sums(built));
writeFileSync(join(release, "THIRD-PARTY-NOTICES.md"), noticesPage());
copyFileSync(join(root, "docs/install.sh"), join(release, "install.sh"));
writePackages(built, join(dist, "npm"));
for (const each of built) {
  if (!isHost(each.platform)) console.log(`${fileName(each.platform)}: built only, this machine cannot run it`);
  else if (!(await smoke(each))) problems.push(`${each.platform.name} failed its smoke tests`);
}
for (const problem of problems) console.error(problem);
console.log(`${built.length} of ${PLATFORMS.length} platforms in ${release}`);
process.exitCode = problems.length === 0 ? 0 : 1;
