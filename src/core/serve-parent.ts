/** @file The child's side of ManagedChild: message loop and the watchdog that ends orphans. */
import { Worker } from "node:worker_threads";

/**
 * Handles the parent's messages and reports ready. The child ends itself when the parent is gone, also
 * while its own thread is stuck in native code or wasm: a watchdog thread looks at the parent's pid twice a second.
 */
export function serveParent(onMessage: (message: unknown, send: (reply: object) => void) => void): void {
  const send = (reply: object): void => {
    if (process.connected) process.send?.(reply);
  };
  process.on("message", (message) => onMessage(message, send));
  process.on("disconnect", () => process.exit(0));
  // Terminals and service managers send their signals to the whole group: the parent decides when we end.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
  const watchdog = new Worker(
    `const parent = ${process.ppid};
     setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 500);`,
    { eval: true, env: {}, stdin: false },
  );
  watchdog.unref();
  send({ type: "ready" });
}
