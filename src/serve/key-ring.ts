/** @file Keys of clients: a file of names with hashes, and the comparison with what a request brings. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { ConfigError } from "../core/errors.js";
import { readRecord, writeRecord } from "../records/record-file.js";

const FORMAT = "w4s-keys";
const HINT = "make the first key with w4s serve --new-key NAME --keys FILE";

const keysSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  keys: z.array(
    z.object({
      name: z.string().min(1),
      /** SHA-256 of the key in hex: keys are 256 random bits, so that no slow hash is needed. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      created: z.string(),
    }),
  ),
});

export class KeyRing {
  readonly #path: string;
  #keys: { name: string; digest: Buffer }[] = [];

  /** @throws {ConfigError | InputError | StorageError} where the file is missing, damaged or holds no key */
  constructor(path: string) {
    this.#path = path;
    this.reload();
  }

  /** Reads the file again; where that fails, the keys from before stay. @throws as the constructor does */
  reload(): void {
    const record = readRecord(this.#path, keysSchema, HINT);
    if (!record || record.keys.length === 0)
      throw new ConfigError(`${this.#path} holds no keys`, { hint: HINT });
    this.#keys = record.keys.map(({ name, sha256 }) => ({ name, digest: Buffer.from(sha256, "hex") }));
  }

  /** Name of a key, or undefined. Takes as long for every key that is not there: digests are compared in full, all of them. */
  nameOf(key: string): string | undefined {
    const digest = digestOf(key);
    let found: string | undefined;
    for (const known of this.#keys) if (timingSafeEqual(known.digest, digest)) found = known.name;
    return found;
  }
}

/**
 * Makes a key and adds its hash to a file, which is begun where there is none.
 * @returns the key, which is written nowhere
 * @throws {ConfigError} when the name is taken or no name
 */
export async function addKey(path: string, name: string): Promise<string> {
  if (!/^[A-Za-z0-9][\w.@-]{0,63}$/.test(name))
    throw new ConfigError(`${JSON.stringify(name)} cannot be the name of a key`, {
      hint: "use letters, digits and . _ @ -, at most 64",
    });
  const { keys } = readRecord(path, keysSchema, HINT) ?? { keys: [] };
  if (keys.some((known) => known.name === name))
    throw new ConfigError(`${path} holds a key called ${name} already`, {
      hint: "choose another name, or remove its entry from the file first",
    });
  const key = `w4s-${randomBytes(32).toString("base64url")}`;
  const entry = { name, sha256: digestOf(key).toString("hex"), created: new Date().toISOString() };
  await writeRecord(path, { format: FORMAT, version: 1, keys: [...keys, entry] });
  return key;
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
