/** @file Secrets leave no trace in text: raw, base64 in any position, URL-encoded, first twelve characters. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { REDACTED, Redactor } from "../../../src/llm/redaction.js";

const redact = (text: string, secrets: (string | undefined)[]) => new Redactor(secrets).redact(text);

const SECRET = "sk-canary/0123456789+abcdef==";

describe("forms", () => {
  test.each([
    ["raw", `Bearer ${SECRET}!`],
    ["URL-encoded", `?key=${encodeURIComponent(SECRET)}&x=1`],
    ["base64", Buffer.from(SECRET).toString("base64")],
    ["base64 of a header", Buffer.from(`user:${SECRET}`).toString("base64")],
    ["base64 at the second byte", Buffer.from(`a${SECRET}b`).toString("base64")],
    ["base64 at the third byte", Buffer.from(`ab${SECRET}cd`).toString("base64")],
    ["base64url", Buffer.from(`ab${SECRET}`).toString("base64url")],
    ["first twelve characters", `key ${SECRET.slice(0, 12)}… is wrong`],
    ["in JSON", JSON.stringify({ key: `${SECRET}` })],
  ])("%s", (_name, text) => {
    const clean = redact(text, [SECRET]);
    expect(clean).toContain(REDACTED);
    expect(clean).not.toContain(SECRET.slice(0, 12));
    expect(clean).not.toContain(Buffer.from(SECRET).toString("base64").slice(4, 20));
    expect(Buffer.from(clean, "base64").toString("latin1")).not.toContain("0123456789");
  });

  test("the longer of two secrets with one beginning is taken out whole", () => {
    expect(redact("a longsecret-1-and-more b", ["longsecret-1", "longsecret-1-and-more"])).toBe(
      `a ${REDACTED} b`,
    );
  });

  test("short stand-ins for keys, and no secrets at all, change nothing", () => {
    expect(redact("ollama says none", ["ollama", "none", "", undefined])).toBe("ollama says none");
  });
});

test("any secret in any text is gone in all its forms", () => {
  const secrets = fc
    .string({ minLength: 16, maxLength: 60, unit: "grapheme-ascii" })
    .filter((s) => s.trim() === s);
  fc.assert(
    fc.property(secrets, fc.string({ maxLength: 30 }), fc.nat(3), (secret, around, form) => {
      const forms = [
        secret,
        encodeURIComponent(secret),
        Buffer.from(secret).toString("base64").replace(/=+$/, ""),
        secret.slice(0, 12),
      ];
      const text = `${around}${forms[form]}${around}`;
      const clean = redact(text, [secret]);
      expect(clean.replaceAll(REDACTED, "")).not.toContain(forms[form]);
    }),
    { numRuns: 300, verbose: true },
  );
});
