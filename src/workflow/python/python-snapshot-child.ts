/** @file Process that writes the picture of a started interpreter to the file named in its environment, and ends. */
import { createHash } from "node:crypto";
import { serveParent } from "../../core/serve-parent.js";
import { writeAtomic } from "../../core/write-atomic.js";
import { takeSnapshot } from "./boot-python.js";
import { SNAPSHOT_VARIABLE } from "./python-protocol.js";

const path = process.env[SNAPSHOT_VARIABLE];
if (!path) throw new Error(`${SNAPSHOT_VARIABLE} is not set`);
const picture = await takeSnapshot();
await writeAtomic(path, Buffer.concat([createHash("sha256").update(picture).digest(), picture]));
serveParent(() => {});
