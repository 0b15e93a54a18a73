/** Proves what a metadata record never says: whose home folder it was, and what stood before the @ of an address. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { allowAttributes } from "../../src/record/attributes.ts";
import { withoutCredentials, withoutHome } from "../../src/record/privacy.ts";

const name = fc.stringMatching(/^[a-z][a-z0-9._-]{2,10}$/);
const rest = fc.constantFrom("", "/project", "/a/b c/ü");

describe("a folder", () => {
  test("below any platform's home folder is told from ~", () => {
    fc.assert(
      fc.property(name, rest, (user, path) => {
        for (const home of [
          ...[`/home/${user}`, `/var/home/${user}`, "/root"],
          ...[`/Users/${user}`, `/System/Volumes/Data/Users/${user}`],
          ...[`/mnt/c/Users/${user}`, `/mnt/c/users/${user}`, `c:/users/${user}`],
          ...[`//wsl.localhost/Ubuntu-24.04/home/${user}`, `//wsl$/Ubuntu/home/${user}`, "//wsl.localhost/Debian/root"],
        ])
          expect(withoutHome(home + path, [])).toBe(`~${path}`);
        const windows = path.replaceAll("/", "\\");
        expect(withoutHome(`C:\\Users\\${user}${windows}`, [])).toBe(`~${windows}`);
        expect(withoutHome(`\\\\wsl.localhost\\Ubuntu\\home\\${user}${windows}`, [])).toBe(`~${windows}`);
        expect(withoutHome(`\\\\wsl$\\Ubuntu\\home\\${user}${windows}`, [])).toBe(`~${windows}`);
        expect(withoutHome(`c:\\users\\${user}${windows}`, [])).toBe(`~${windows}`);
        expect(withoutHome(`d:/Users/${user}${path}`, [])).toBe(`~${path}`);
      }),
    );
  });

  test("below a given home is told from ~, one beside it is not", () => {
    expect(withoutHome("/backup/me/work", ["/backup/me"])).toBe("~/work");
    expect(withoutHome("/backup/me", ["/backup/me"])).toBe("~");
    expect(withoutHome("/backup/meadow", ["/backup/me"])).toBe("/backup/meadow");
    expect(withoutHome("D:\\homes\\me\\work", ["D:\\homes\\me"])).toBe("~\\work");
  });

  test("elsewhere is told as it is; a home of one character hides nothing", () => {
    for (const path of [
      "/srv/app",
      "/homestead/x",
      "/rooted",
      "/var/homes/x",
      "//server/home/x",
      "/users/x",
      "relative/path",
      "",
    ])
      expect(withoutHome(path, ["/"])).toBe(path);
  });
});

describe("an address", () => {
  test("has no user information, query or fragment left, whatever they are", () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9:@%_.!~-]{1,20}$/);
    fc.assert(
      fc.property(secret, fc.constantFrom("https", "ssh", "git+ssh", "HTTP"), (user, scheme) => {
        expect(withoutCredentials(`${scheme}://${user}@example.com/r.git`)).toBe(`${scheme}://example.com/r.git`);
        expect(withoutCredentials(`${scheme}://example.com/r.git?token=${user}`)).toBe(`${scheme}://example.com/r.git`);
        expect(withoutCredentials(`${scheme}://example.com/r.git#${user}`)).toBe(`${scheme}://example.com/r.git`);
      }),
    );
  });

  test("of the short form loses a password, and keeps what is none", () => {
    expect(withoutCredentials("git@github.com:org/repo.git")).toBe("git@github.com:org/repo.git");
    expect(withoutCredentials("me:secret@example.com:org/repo.git")).toBe("example.com:org/repo.git");
    expect(withoutCredentials("https://example.com/@scope/pkg")).toBe("https://example.com/@scope/pkg");
    expect(withoutCredentials("/srv/git/repo.git")).toBe("/srv/git/repo.git");
  });
});

describe("attributes", () => {
  test("that are not on the list are dropped and their names counted; the others are short scalars", () => {
    const dropped: string[] = [];
    const given = {
      "gen_ai.request.max_tokens": 100,
      "gen_ai.input.messages": "what somebody typed",
      prompt: "what somebody typed",
      service_tier: "x".repeat(1000),
      trigger: { nested: "what somebody typed" },
      speed: null,
    };
    const allowed = allowAttributes(given, (each) => dropped.push(each));
    expect(allowed).toEqual({ "gen_ai.request.max_tokens": 100, service_tier: "x".repeat(256) });
    expect(dropped.sort()).toEqual(["gen_ai.input.messages", "prompt"]);
  });

  test("are no numbers that JSON cannot write", () => {
    const given = JSON.parse('{"tokensBefore":1e400,"tokensAfter":-1e400,"summaryTokens":5}');
    expect(allowAttributes(given)).toEqual({ summaryTokens: 5 });
    expect(allowAttributes({ tokensBefore: Number.NaN })).toBeUndefined();
  });

  test("are absent when none is left", () => {
    expect(allowAttributes({ prompt: "x", speed: undefined })).toBeUndefined();
  });

  test("never carry what no list names, whatever the names and values are", () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ maxLength: 12 }).map((key) => `x.${key}`),
          value,
        ),
        (given) => {
          expect(allowAttributes(given)).toBeUndefined();
        },
      ),
    );
  });
});
