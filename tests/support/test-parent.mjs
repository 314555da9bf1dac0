/** @file A parent that starts a child, prints its pid, makes it spin, and waits to be killed. */
import { fileURLToPath } from "node:url";
import { ManagedChild } from "../../dist/core/managed-child.js";

const child = await ManagedChild.start(fileURLToPath(new URL("./test-child.mjs", import.meta.url)), {
  name: "test",
});
child.onMessage((message) => {
  if (message.type === "spinning") process.stdout.write(`${child.pid}\n`);
});
child.post({ type: process.argv[2] === "idle" ? "echo" : "spin" });
if (process.argv[2] === "idle") process.stdout.write(`${child.pid}\n`);
setInterval(() => {}, 1000);
