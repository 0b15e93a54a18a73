/** Proves that words which agents wrote are looked up as words: a name that every object has is one like any other. */
import { expect, test } from "bun:test";
import { heard, type Log } from "../../src/agents/kimi-code/log.ts";
import { answer, partsOf } from "../../src/record/messages.ts";
import { providerName } from "../../src/record/provider.ts";

test("providers, kinds of blocks, reasons and ids may be called as what every object has", () => {
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf"]) {
    expect(providerName(name)).toBe(name);
    expect(partsOf([{ type: name, text: "x" }])).toEqual([{ type: name, text: "x" }]);
    expect(answer([{ type: "text", content: "x" }], name)).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "x" }], finish_reason: name },
    ]);
    expect(heard({ said: {} } as unknown as Log, name)).toEqual([]);
  }
  expect(providerName("Bedrock")).toBe("aws.bedrock");
});
