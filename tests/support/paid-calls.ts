/** @file Replies that name their request, so that the store of a run tells which calls were paid for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { hashJson, sha256 } from "../../src/core/hash.js";

export function requestId(body: unknown): string {
  // The first answer of a session comes whole, the others as streams: what is asked is the same.
  const { stream: _, stream_options: __, ...asked } = body as Record<string, unknown>;
  return sha256(hashJson(asked)).slice(0, 16);
}

/** The number in a reply depends on the request, so that workflows differ in accuracy. */
export function namedReply({ body }: { body: unknown }, index: number): string {
  const id = requestId(body);
  return `[${id}/${index}] so the answer is ${Number.parseInt(id.slice(0, 6), 16) % 7}`;
}

/** Ids of the requests whose replies lie in the store of a run; none where a kill left no store to read. */
export function storedRequests(run: string): Set<string> {
  const path = join(run, "calls.db");
  if (!existsSync(path)) return new Set();
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true } as object);
    const rows = db.prepare("SELECT reply FROM replies").all() as { reply: string }[];
    return new Set(rows.map((row) => /\[([0-9a-f]{16})\//.exec(row.reply)?.[1] ?? ""));
  } catch {
    return new Set();
  } finally {
    db?.close();
  }
}
