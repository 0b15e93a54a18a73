/** Proves that a record's ids never change: archives of years and machines are joined by them. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  derivedSpanId,
  derivedTraceId,
  factOf,
  fingerprint,
  idNumber,
  recordId,
  responseFact,
  textHash,
  toolFact,
} from "../../src/record/identity.ts";

describe("the formulas of schema 1, as they were fixed", () => {
  test("ids", () => {
    const id = recordId("claude-code", "transcript", "03f082ee-ff25-4773-87d8-cf0790e73de6", "chat", "msg_01");
    expect(id).toBe("71dcbc941d0d5eb93cd80e864fed7105");
    expect(recordId("codex", "transcript", "", "execute_tool", "call_1")).toBe("26d0df448bd3b9473ff2e1a6ccf7d7fa");
    expect(recordId("a", "b", "c", "chat", "ключ\u{1f600}")).toBe("0fa7a17ff8f1ac65f9919710cadfbe5c");
  });

  test("facts", () => {
    expect(factOf("msg_01")).toBe("msg_01");
    expect(factOf("x".repeat(200))).toBe("x".repeat(200));
    expect(factOf("x".repeat(201))).toBe("84a0678c90937f5dcf9994d5866668da");
    expect(fingerprint(["2026-11-21T05:20:29Z", "gpt-5.4", 100, undefined, 0.25])).toBe(
      "85a73bd4954496d163d284009f128746",
    );
    expect(toolFact("call_1", "2026-11-21T05:20:29Z", "s")).toBe("call_1@2026-11-21T05:20:29Z");
    expect(toolFact("call_1", undefined, "s")).toBe("call_1@s");
    expect(toolFact("call_1", undefined, undefined)).toBe("call_1@");
    expect(toolFact("toolu_0123456789", undefined, "s")).toBe("toolu_0123456789");
    expect(responseFact("chatcmpl-1", "2026-11-21T05:20:29Z")).toBe("chatcmpl-1@2026-11-21T05:20:29Z");
    expect(responseFact("chatcmpl-1", undefined)).toBe("chatcmpl-1");
    expect(responseFact("resp_0123456789abc", "2026-11-21T05:20:29Z")).toBe("resp_0123456789abc");
  });

  test("derived trace and span ids", () => {
    expect(derivedTraceId("03f082ee-ff25-4773-87d8-cf0790e73de6")).toBe("4a5b53a23822325045818a3af86f5cd1");
    expect(derivedSpanId("0123456789abcdef0123456789abcdef")).toBe("0123456789abcdef");
  });
});

const word = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !text.includes("\0"));

describe("an id", () => {
  test("is 128 bits in hex, the same whenever it is asked for", () => {
    fc.assert(
      fc.property(word, word, word, word, word, (a, b, c, d, e) => {
        const id = recordId(a, b, c, d, e);
        expect(id).toMatch(/^[0-9a-f]{32}$/);
        expect(recordId(a, b, c, d, e)).toBe(id);
      }),
    );
  });

  test("differs when any part differs, also when the same characters stand in other parts", () => {
    fc.assert(
      fc.property(fc.tuple(word, word, word, word, word), fc.tuple(word, word, word, word, word), (a, b) => {
        fc.pre(a.some((part, at) => part !== b[at]));
        expect(recordId(...a)).not.toBe(recordId(...b));
      }),
    );
    expect(recordId("ab", "c", "", "", "")).not.toBe(recordId("a", "bc", "", "", ""));
    expect(recordId("a", "", "b", "", "")).not.toBe(recordId("a", "b", "", "", ""));
  });

  test("is known to the ledger by its first 52 bits, exactly", () => {
    fc.assert(
      fc.property(word, (key) => {
        const id = recordId("a", "b", "c", "chat", key);
        const number = idNumber(id);
        expect(Number.isSafeInteger(number)).toBe(true);
        expect(number.toString(16).padStart(13, "0")).toBe(id.slice(0, 13));
      }),
    );
  });
});

test("a text's hash is 32 bits and never 0, which stands for nothing", () => {
  fc.assert(
    fc.property(word, fc.nat(), (text, before) => {
      for (const hash of [textHash(text), textHash(text, before)]) {
        expect(hash).toBeGreaterThan(0);
        expect(hash).toBeLessThan(2 ** 32);
        expect(Number.isInteger(hash)).toBe(true);
      }
    }),
  );
});

test("a fingerprint tells an absent part from an empty number, and each place from its neighbour", () => {
  expect(fingerprint([undefined, 1])).not.toBe(fingerprint([1, undefined]));
  expect(fingerprint([0])).not.toBe(fingerprint([undefined]));
  expect(fingerprint([1, 23])).not.toBe(fingerprint([12, 3]));
});
