/** @file A child for the tests of ManagedChild: answers, spins, dies or complains on demand. */
import { serveParent } from "../../dist/core/serve-parent.js";

if (process.env.SILENT) setInterval(() => {}, 1000);
else {
  serveParent((message, send) => {
    if (message.type === "echo")
      send({ type: "echo", value: message.value, env: Object.keys(process.env).sort() });
    if (message.type === "exit") process.exit(message.code);
    if (message.type === "throw") throw new Error("boom in the child");
    if (message.type === "spin") {
      send({ type: "spinning" });
      for (;;) {
        // Stuck, as native code or wasm can be.
      }
    }
  });
}
