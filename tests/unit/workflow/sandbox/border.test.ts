import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutBytes, plainLines } from "../../../../src/workflow/plain-text.js";
import { parseBorderJson } from "../../../../src/workflow/sandbox/parse-border-json.js";
import { workflowHash } from "../../../../src/workflow/workflow-hash.js";

describe("parseBorderJson", () => {
  it("parses what JSON.parse parses", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseBorderJson(text, 1e6)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("refuses size and depth before parsing; brackets in strings do not count", () => {
    expect(() => parseBorderJson('"éé"', 5)).toThrow(/more than 5 bytes/);
    expect(parseBorderJson('"éé"', 6)).toBe("éé");
    expect(() => parseBorderJson("[".repeat(200_000), 1e6)).toThrow(/nested deeper/);
    expect(parseBorderJson(JSON.stringify('[{"\\'.repeat(500)), 1e6)).toHaveLength(2000);
    expect(() => parseBorderJson("{", 10)).toThrow(SyntaxError);
    const polluting = parseBorderJson('{"__proto__": {"x": 1}}', 100) as object;
    expect(Object.keys(polluting)).toEqual(["__proto__"]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe("plain text", () => {
  it("keeps lines, escapes what drives terminals, turns text around or is half a character", () => {
    expect(plainLines("a\n\u001b[2J\r\u202eb\u0000\ud800")).toBe("a\n\\x1b[2J\\x0d\\u202eb\\x00\\ud800");
    expect(plainLines("héllo → 🙂")).toBe("héllo → 🙂");
  });

  it("is cut to bytes at a character's end, with the mark only where something is missing", () => {
    expect(cutBytes("héllo", 6, "…")).toBe("héllo");
    expect(cutBytes("héllo!", 6, "…")).toBe("hé…");
    expect(cutBytes("h", 100, "[cut]", true)).toBe("h[cut]");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 8, max: 50 }), (text, max) => {
        const cut = cutBytes(text, max, "[cut]");
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(max);
      }),
    );
  });
});

describe("workflowHash", () => {
  it("names the exact text", () => {
    expect(workflowHash("a")).toMatch(/^[0-9a-f]{64}$/);
    expect(workflowHash("a")).not.toBe(workflowHash("a\n"));
  });
});
