/** @file Records of a Parquet file, read by hyparquet. */
import { InputError, messageOf } from "../../core/errors.js";

/** The rows in order, in any compression but LZO. @throws {InputError} on a damaged file */
export async function readParquet(path: string): Promise<Record<string, unknown>[]> {
  const [{ asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects }, { compressors }] =
    await Promise.all([import("hyparquet"), import("hyparquet-compressors")]);
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const rows = await parquetReadObjects({ file, metadata, compressors });
    return rows.map((row) => plain(row) as Record<string, unknown>);
  } catch (error) {
    throw new InputError(`cannot read ${path}: ${reason(error)}`, {
      code: "bad-parquet",
      hint: 'download it again; where it opens elsewhere, turn it into JSONL, for example with pandas: read_parquet(FILE).to_json("data.jsonl", orient="records", lines=True)',
      cause: error,
    });
  }
}

/** The reader's own words where they are such; a damaged file makes it stumble anywhere. */
function reason(error: unknown): string {
  const text = messageOf(error);
  return text.startsWith("parquet") ? `damaged Parquet data (${text})` : "damaged Parquet data";
}

/** Values as JSON has them: whole numbers beyond 2^53 as text, times as ISO 8601, bytes as text; objects without prototypes. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (Array.isArray(value)) return value.map(plain);
  const fields: Record<string, unknown> = Object.create(null);
  for (const [name, member] of Object.entries(value)) fields[name] = plain(member);
  return fields;
}
