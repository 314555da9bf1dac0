/** @file Where a page is opened, and with what. */
import { expect, it } from "vitest";
import { pageOpener } from "../../../../src/cli/print/open-page.js";

it.each<[NodeJS.Platform, NodeJS.ProcessEnv, string | undefined]>([
  ["darwin", {}, "open"],
  ["win32", {}, "explorer.exe"],
  ["linux", { DISPLAY: ":0" }, "xdg-open"],
  ["freebsd", { WAYLAND_DISPLAY: "wayland-0" }, "xdg-open"],
  ["linux", {}, undefined],
  ["darwin", { SSH_CONNECTION: "10.0.0.1 22" }, undefined],
  ["linux", { DISPLAY: ":0", CI: "1" }, undefined],
])("%s with %j: %s", (platform, environment, program) => {
  expect(pageOpener(platform, environment)).toBe(program);
});
