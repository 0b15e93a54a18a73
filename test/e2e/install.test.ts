/** Proves that install.sh installs exactly what the sums name, from a server on this machine, and else nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Scratch, scratch } from "../support/home.ts";
import { programPath } from "../support/weir.ts";

const script = join(import.meta.dir, "../../docs/install.sh");
const NAMES = ["weir-linux-x64", "weir-linux-arm64", "weir-linux-x64-musl", "weir-darwin-x64", "weir-darwin-arm64"];

let program: Uint8Array;
let sum: string;
let server: Bun.Server<undefined>;

/** `/good`, `/wrong`, `/empty` have the sums that their names say; `/torn` breaks off half way. */
beforeAll(() => {
  program = readFileSync(programPath());
  sum = createHash("sha256").update(program).digest("hex");
  const sums: Readonly<Record<string, string>> = { wrong: sum.replace(/^./, (c) => (c === "0" ? "1" : "0")) };
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const [, folder = "", name = ""] = new URL(request.url).pathname.split("/");
      if (name === "SHA256SUMS")
        return new Response(folder === "empty" ? "" : NAMES.map((n) => `${sums[folder] ?? sum}  ${n}\n`).join(""));
      if (!NAMES.includes(name) || folder === "missing") return new Response("", { status: 404 });
      return new Response(folder === "torn" ? program.subarray(0, program.length / 2) : program);
    },
  });
});
afterAll(() => server.stop(true));

async function install(place: Scratch, base: string, ...more: string[]) {
  const PATH = `${process.env.PATH}:${join(place.home, ".local/bin")}`;
  const child = Bun.spawn(["sh", script, base, ...more], {
    env: { PATH, HOME: place.home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { status: await child.exited, stdout, stderr };
}

const at = (folder: string): string => `${server.url.href}${folder}`;

test.skipIf(process.platform === "win32")("what has its sum is installed and runs, over what was there", async () => {
  using place = scratch();
  const folder = join(place.home, ".local/bin");
  place.write(".local/bin/weir", "an older one");
  expect(await install(place, at("good/"))).toEqual({ status: 0, stdout: `installed ${folder}/weir\n`, stderr: "" });
  expect(readdirSync(folder)).toEqual(["weir"]);
  const elsewhere = join(place.root, "a b");
  const { stdout } = await install(place, at("good"), elsewhere);
  expect(stdout).toStartWith(`installed ${elsewhere}/weir\n${elsewhere} is not in PATH`);
  expect(Bun.spawnSync([join(folder, "weir"), "--version"]).stdout.toString()).toStartWith("weir ");
});

test.skipIf(process.platform === "win32")(
  "a wrong sum, half a file, no sum, no file, no server and no https install nothing; what was there stays",
  async () => {
    using place = scratch();
    const folder = join(place.root, "bin");
    place.write("../bin/weir", "an older one");
    const refusals: Readonly<Record<string, string>> = {
      [at("wrong")]: "nothing was installed",
      [at("torn")]: "nothing was installed",
      [at("empty")]: "there is no weir-",
      [at("missing")]: "cannot download",
      "http://127.0.0.1:1": "cannot download",
      "http://example.org/weir": "only https is safe",
      "/somewhere": "only https is safe",
    };
    for (const [base, says] of Object.entries(refusals)) {
      const { status, stderr } = await install(place, base, folder);
      expect({ base, status, stderr }).toEqual({ base, status: 1, stderr: expect.stringContaining(says) });
      expect(readdirSync(folder)).toEqual(["weir"]);
      expect(readFileSync(join(folder, "weir"), "utf8")).toBe("an older one");
    }
  },
);
