/** @file The `serve` section of the configuration: address, keys, queue, budgets, log and templates of `w4s serve`. */
import { z } from "zod";
import { oneOf, positive, text, whole } from "./config-fields.js";

const KiB = 1024;
const MiB = 1024 * KiB;

const dollars = (whose: string) =>
  positive(1e6).optional().describe(`dollars that ${whose} may cost (UTC); default no limit`);
const tokens = (whose: string) =>
  whole(1, 1e12).optional().describe(`tokens of executors that ${whose} may use (UTC); default no limit`);
const calls = (whose: string) =>
  whole(1, 1e9).optional().describe(`calls of executors that ${whose} may make (UTC); default no limit`);
const ALL = "all requests of a day";
const ONE = "one key in a day";

const template = (otherwise: string) =>
  z
    .string({ error: "must be a text" })
    .max(10_000, { error: "must be at most 10000 characters" })
    .refine((value) => [...value.matchAll(/\{\{(.*?)\}\}/gs)].every(([, name = ""]) => PLACES.has(name)), {
      error: "may hold {{user}}, {{system}} and {{history}} between double braces",
    })
    .default(otherwise);

/** What a template may take from the messages of a request. */
const PLACES: ReadonlySet<string> = new Set(["user", "system", "history"]);

export const serveSchema = z.strictObject({
  host: text("an address or host name", 255)
    .default("127.0.0.1")
    .describe("address to listen on; any but this machine's own only with keys"),
  port: whole(0, 65_535).default(8484).describe("port to listen on; 0 = any free one"),
  hosts: text("host names, separated by commas")
    .optional()
    .describe("further names under which a proxy on this machine is asked; others are refused"),
  keys: text("a file")
    .optional()
    .describe("file with the hashes of the keys that may ask; default: none, whoever reaches the port may"),
  mcp: z
    .preprocess((value) => (value === true ? "http" : value), oneOf(["off", "http", "stdio"]))
    .default("off")
    .describe(
      "also offer the workflows as MCP tools at /mcp (http), or only so, through stdin and stdout (stdio)",
    ),
  queue: whole(0, 100_000)
    .default(256)
    .describe("requests that wait for one of the concurrency at work; the next is answered 429"),
  bodyBytes: whole(KiB, 64 * MiB)
    .default(MiB)
    .describe("size of a request"),
  timeoutMs: whole(100, 86_400_000)
    .default(600_000)
    .describe("time for a request from its arrival to its answer, waiting included, milliseconds"),
  dayDollars: dollars(ALL),
  dayTokens: tokens(ALL),
  dayCalls: calls(ALL),
  keyDollars: dollars(ONE),
  keyTokens: tokens(ONE),
  keyCalls: calls(ONE),
  log: text("a directory")
    .optional()
    .describe("keeps questions and answers there, one file a day, as w4s data import reads them"),
  redact: text("kinds and patterns, separated by commas")
    .optional()
    .describe("taken out of what is kept: emails, keys, numbers, patterns as /…/imsu"),
  question: template("{{user}}").describe(
    "what the workflow sees as task.question: {{user}} the last user message, {{system}}, {{history}} the turns before",
  ),
  context: template("{{system}}").describe("what it sees as task.context; left out where it comes out empty"),
});

/** The settings of a server, each with its value. */
export type ServeConfig = z.output<typeof serveSchema>;
