/** @file A server of the Model Context Protocol that misbehaves as its first argument says; it speaks the protocol by hand, so that it starts at once. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const [mode = "well"] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const tool = (name) => ({
  name,
  description: `Says ${name}.`,
  inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
});

if (mode === "dies-at-start") {
  console.error("no licence found");
  process.exit(3);
}
if (mode === "greets") console.log("Welcome to the server!");
if (mode === "greets-only") {
  console.log("usage: server FILE");
  setInterval(() => {}, 1_000);
}
if (mode === "clings") {
  // Neither the end of its input nor SIGTERM ends it, and it has started another.
  process.on("SIGTERM", () => {});
  spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], {
    stdio: "ignore",
  });
  setInterval(() => {}, 1_000);
}
if (mode === "floods-unasked") {
  const notification = {
    method: "notifications/message",
    params: { level: "info", data: "x".repeat(60_000) },
  };
  const flood = () => {
    while (process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...notification })}\n`));
    process.stdout.once("drain", flood);
  };
  setTimeout(flood, 50);
}

const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "odd", version: "1" },
  }),
  ping: () => ({}),
  "tools/list": () =>
    mode === "lists-forever"
      ? { tools: [], nextCursor: "more" }
      : { tools: [tool(mode === "renames" ? `p${process.pid}` : "say")] },
  "tools/call": ({ arguments: { text } }) => {
    if (mode === "env") return { content: [{ type: "text", text: JSON.stringify(process.env) }] };
    if (mode === "dies-on-call" || mode === "renames" || text === "die") process.exit(7);
    if (mode === "nonsense") return { content: "hello" };
    if (mode === "floods") process.stdout.write("x".repeat(40 * 1024 * 1024));
    return { content: [{ type: "text", text: `said ${text}` }] };
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  if (mode === "greets-only") return;
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (mode === "hangs" && (method === "tools/call" || method === "ping")) return;
  if (mode === "is-slow" && method === "tools/call") return;
  say({ id, result: answers[method](params) });
});
