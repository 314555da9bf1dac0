/**
 * @file The package as a stranger gets it: packed, installed into an empty home, and used there without network.
 *
 * node scripts/pack-check.mjs [--size]
 *
 * --size stops after the sizes. The commands run where nothing but the home, the working folder and the temporary folder can be written
 * and no network exists (`unshare`; where that is missing the script says so and fails). Run after `make build`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * MiB. Ours is to stay small; the tree is what other packages bring: two inference runtimes with the binaries of their platforms.
 * Each has about a tenth above what was measured.
 */
const LIMITS = { packed: 5, unpacked: 10, tree: 1450 };
const HELP_MS = 150;
const HELP_RUNS = 20;
const SHORT_DEMO = ["demo", "--run", "short", "--rounds", "1", "--episodes", "3", "--eval-episodes", "1"];
/** Read-only everywhere, writable again in the folders that are named before the command. */
const CONFINE = `n=$1; shift
while [ "$n" -gt 0 ]; do mount --bind "$1" "$1"; shift; n=$((n - 1)); done
mount -o remount,bind,ro / && cd "$HOME/../work" && exec "$@"`;

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { size: { type: "boolean" } } });
const place = mkdtempSync(join(tmpdir(), "w4s-pack-"));
const [home, work, temporary, prefix] = ["home", "work", "tmp", "prefix"].map((name) => join(place, name));
let failures = 0;

try {
  for (const folder of [home, work, temporary]) mkdirSync(folder);
  const installed = install();
  if (!values.size) use(join(installed, "dist/cli/main.js"));
} finally {
  rmSync(place, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;

/** Packs and installs; prints and holds the sizes. Gives the folder of the installed package. */
function install() {
  const npm = (args, env) =>
    execFileSync("npm", args, {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
  const [packed] = JSON.parse(npm(["pack", "--json", "--pack-destination", place]));
  hold(
    `package, packed: ${mebibytes(packed.size)} MiB`,
    packed.size <= LIMITS.packed * 2 ** 20,
    `${LIMITS.packed} MiB`,
  );
  hold(
    `package, unpacked: ${mebibytes(packed.unpackedSize)} MiB in ${packed.entryCount} files`,
    packed.unpackedSize <= LIMITS.unpacked * 2 ** 20,
    `${LIMITS.unpacked} MiB`,
  );
  // The cache and the settings of the registry are this machine's; what npm writes into a home goes into the empty one.
  const kept = {
    npm_config_cache: npm(["config", "get", "cache"]).trim(),
    npm_config_userconfig: npm(["config", "get", "userconfig"]).trim(),
  };
  npm(["install", "-g", "--prefix", prefix, "--ignore-scripts", join(place, packed.filename)], {
    ...kept,
    HOME: home,
  });
  const folder = join(prefix, "lib/node_modules/w4s");
  const modules = join(folder, "node_modules");
  const names = readdirSync(modules).filter((name) => !name.startsWith("."));
  const packages = names.flatMap((name) =>
    name.startsWith("@") ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  );
  const sizes = packages.map((name) => ({ name, bytes: sizeOf(join(modules, name)) }));
  const tree = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  hold(
    `its dependencies: ${mebibytes(tree)} MiB in ${packages.length} packages`,
    tree <= LIMITS.tree * 2 ** 20,
    `${LIMITS.tree} MiB`,
  );
  for (const { name, bytes } of sizes.sort((a, b) => b.bytes - a.bytes).slice(0, 10))
    console.log(`  ${mebibytes(bytes).padStart(7)} MiB  ${name}`);
  return folder;
}

/** Runs the installed command where nothing else can be written. */
function use(main) {
  const demo = confined([process.execPath, main, ...SHORT_DEMO]);
  hold(`demo without network: exit ${demo.status}`, demo.status === 0, "0", demo);
  const report = confined([process.execPath, main, "report", "latest"]);
  hold(
    `report: ${report.stdout.trim()}`,
    report.status === 0 && report.stdout.includes("report.html"),
    "a page",
    report,
  );
  // Whatever else the machine does only adds to the time of a start: the shortest is the program's own.
  const times = Array.from({ length: HELP_RUNS }, () => {
    const start = performance.now();
    execFileSync(process.execPath, [main, "--help"], { cwd: work, env: environment(), stdio: "ignore" });
    return performance.now() - start;
  }).sort((a, b) => a - b);
  hold(
    `help: ${times[0].toFixed(0)} ms at best, ${times[HELP_RUNS / 2].toFixed(0)} ms in the middle of ${HELP_RUNS}`,
    times[0] <= HELP_MS,
    `${HELP_MS} ms`,
  );
  const left = readdirSync(temporary);
  hold(`left in the temporary folder: ${left.join(", ") || "nothing"}`, left.length === 0, "nothing");
  console.log(
    `in the home: ${readdirSync(home).join(", ") || "nothing"}; in the working folder: ${readdirSync(work).join(", ")}`,
  );
}

function confined(command) {
  const writable = [home, work, temporary];
  return spawnSync(
    "unshare",
    ["-rnm", "sh", "-c", CONFINE, "sh", String(writable.length), ...writable, ...command],
    {
      encoding: "utf8",
      env: environment(),
    },
  );
}

function environment() {
  return { PATH: process.env.PATH, HOME: home, TMPDIR: temporary, CI: "1" };
}

function hold(what, isHeld, wanted, { stdout = "", stderr = "", error } = {}) {
  console.log(`${isHeld ? "ok  " : "FAIL"}  ${what} (limit: ${wanted})`);
  if (isHeld) return;
  failures++;
  if (stdout || stderr || error) console.log(`${stdout}${stderr}${error ?? ""}`);
}

function mebibytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Bytes of the files in a folder; links count nothing. */
function sizeOf(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => (entry.isFile() ? sum + lstatSync(join(entry.parentPath, entry.name)).size : sum),
    0,
  );
}
