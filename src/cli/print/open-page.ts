/** @file Opens a page in the browser where a desktop is, and does nothing where there is none. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";

/** Program that opens files for a person at this desktop; undefined where nobody would see it: no desktop, or one far away. */
export function pageOpener(platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): string | undefined {
  if (environment.CI || environment.SSH_CONNECTION) return undefined;
  if (platform === "darwin") return "open";
  if (platform === "win32") return "explorer.exe";
  return environment.DISPLAY || environment.WAYLAND_DISPLAY ? "xdg-open" : undefined;
}

/** Opens a file, without waiting for it. A desktop that cannot is no error: the path was printed. */
export function openPage(path: string): void {
  const program = pageOpener(process.platform, process.env);
  if (program === undefined) return;
  const child = spawn(program, [resolve(path)], { detached: true, stdio: "ignore" });
  child.once("error", () => {});
  child.unref();
}
