/** @file Process that writes the picture of a started interpreter to the file named in its environment, and ends. */
import { createHash } from "node:crypto";
import { writeAtomic } from "../../core/atomic-file.js";
import { serveParent } from "../../core/child-main.js";
import { takeSnapshot } from "./python-boot.js";
import { SNAPSHOT_VARIABLE } from "./python-protocol.js";

const path = process.env[SNAPSHOT_VARIABLE];
if (!path) throw new Error(`${SNAPSHOT_VARIABLE} is not set`);
const picture = await takeSnapshot();
await writeAtomic(path, Buffer.concat([createHash("sha256").update(picture).digest(), picture]));
serveParent(() => {});
