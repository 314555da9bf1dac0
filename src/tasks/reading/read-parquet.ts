/** @file Records of a Parquet file, read by hyparquet, with what Node itself unpacks. */

import * as zlib from "node:zlib";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { InputError, messageOf } from "../../core/errors.js";

type Unpack = (input: Uint8Array) => Uint8Array;

/** Only Node 22.15 and newer have zstd. */
const zstd = (zlib as { zstdDecompressSync?: Unpack }).zstdDecompressSync;

/** The rows in order. @throws {InputError} on a damaged file and on a compression that is not read */
export async function readParquet(path: string): Promise<Record<string, unknown>[]> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import("hyparquet");
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const codecs = metadata.row_groups.flatMap(({ columns }) => columns.map((one) => one.meta_data?.codec));
    const compressors = {
      GZIP: gunzipSync as Unpack,
      BROTLI: brotliDecompressSync as Unpack,
      ...(zstd ? { ZSTD: zstd } : {}),
    };
    const unread = codecs.find(
      (codec) =>
        codec !== undefined && !["UNCOMPRESSED", "SNAPPY", ...Object.keys(compressors)].includes(codec),
    );
    if (unread !== undefined) throw unreadCodec(path, unread);
    const rows = await parquetReadObjects({ file, metadata, compressors });
    return rows.map((row) => plain(row) as Record<string, unknown>);
  } catch (error) {
    if (error instanceof InputError) throw error;
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

function unreadCodec(path: string, codec: string): InputError {
  return new InputError(`cannot read ${path}: Parquet compressed with ${codec}`, {
    code: "bad-parquet",
    hint: `${codec === "ZSTD" ? "Node 22.15 or newer reads it; else " : ""}write it with snappy, gzip or brotli, or turn it into JSONL, for example with pandas: read_parquet(FILE).to_json("data.jsonl", orient="records", lines=True)`,
  });
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
