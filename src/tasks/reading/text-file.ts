/** @file Lines of a text file from outside, streamed: no line and no file is larger in memory than its cap. */
import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { InputError, messageOf } from "../../core/errors.js";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

export interface FileLimits {
  /** Longest line without its end. Default 8 MiB. */
  lineBytes: number;
  /** All bytes, after unpacking. Default 1 GiB. */
  fileBytes: number;
  /** Lines, blank ones included. Default 10 million. */
  lines: number;
}

const FILE_LIMITS: FileLimits = { lineBytes: 8 * MIB, fileBytes: 1024 * MIB, lines: 10_000_000 };

export interface TextLine {
  /** Line number from 1, blank lines included. */
  number: number;
  /** Offset of the line's first byte in the (unpacked) file. */
  offset: number;
  /** Bytes of the line without its end; a byte order mark at the start of the file is left out. */
  bytes: Buffer;
}

type Conversion = (content: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** A regular file opened for one reading; `.gz` content is unpacked, whatever the name says. */
export class TextFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #isPacked: boolean;
  readonly #limits: FileLimits;
  readonly #convert: Conversion;
  readonly #hash = createHash("sha256");
  #rawBytes = 0;

  private constructor(
    path: string,
    handle: FileHandle,
    isPacked: boolean,
    limits: FileLimits,
    convert: Conversion,
  ) {
    this.path = path;
    this.#handle = handle;
    this.#isPacked = isPacked;
    this.#limits = limits;
    this.#convert = convert;
  }

  /**
   * @throws {InputError} at once when the path is absent, unreadable, or not a regular file: opening does not
   *   wait for a writer of a pipe, and nothing is read from a device.
   * @param convert - makes UTF-8 with LF of what another encoding holds. Default: as it is
   */
  static async open(
    path: string,
    limits: Partial<FileLimits> = {},
    convert: Conversion = (content) => content,
  ): Promise<TextFile> {
    let handle: FileHandle;
    try {
      handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      throw cannotRead(path, reasonOf(error), error);
    }
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw cannotRead(path, `it is ${kindOf(stats)}, not a file`);
      const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      const isPacked = buffer[0] === 0x1f && buffer[1] === 0x8b;
      return new TextFile(path, handle, isPacked, { ...FILE_LIMITS, ...limits }, convert);
    } catch (error) {
      await handle.close();
      throw error instanceof InputError ? error : cannotRead(path, reasonOf(error), error);
    }
  }

  /** The first bytes after unpacking, as they are: at least `count`, or all there are. @throws {InputError} as `lines()` */
  static async head(path: string, count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of (await TextFile.open(path)).#content()) {
      pieces.push(piece);
      size += piece.length;
      if (size >= count) break;
    }
    return Buffer.concat(pieces);
  }

  /** SHA-256 of the file as it lies on disk; complete once all lines were read. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Reads to the end without keeping anything, and returns the digest. */
  async drain(): Promise<string> {
    for await (const _chunk of this.#raw()) void _chunk;
    return this.digest();
  }

  /**
   * The lines in batches, one for each chunk read: millions of short lines would be slow one by one.
   * @throws {InputError} at a cap, a cut or damaged .gz, or a read error.
   */
  async *lines(): AsyncGenerator<TextLine[]> {
    const { lineBytes, fileBytes, lines } = this.#limits;
    let number = 1;
    let lineStart = 0;
    let seen = 0;
    let pending: Buffer[] = [];
    let pendingBytes = 0;
    for await (const chunk of this.#convert(this.#content())) {
      if (seen + chunk.length > fileBytes) throw cannotRead(this.path, `larger than ${bytesText(fileBytes)}`);
      const batch: TextLine[] = [];
      let from = 0;
      while (from < chunk.length) {
        const end = chunk.indexOf(0x0a, from);
        const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
        if (pendingBytes + piece.length > lineBytes) {
          throw new InputError(`${this.path}: line ${number} is longer than ${bytesText(lineBytes)}`, {
            code: "line-too-long",
            hint: "one record a line is expected; should the file be one JSON value, name it .json",
          });
        }
        // Copied, since a short piece would keep its whole chunk alive.
        pending.push(end < 0 ? Buffer.from(piece) : piece);
        pendingBytes += piece.length;
        if (end < 0) break;
        batch.push(trimmed(number, lineStart, pending));
        number++;
        lineStart = seen + end + 1;
        from = end + 1;
        pending = [];
        pendingBytes = 0;
      }
      seen += chunk.length;
      if (number > lines) throw cannotRead(this.path, `more than ${lines} lines`);
      yield batch;
    }
    if (pendingBytes > 0) yield [trimmed(number, lineStart, pending)];
  }

  async *#raw(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const { bytesRead, buffer } = await this.#handle.read(
          Buffer.allocUnsafe(CHUNK_BYTES),
          0,
          CHUNK_BYTES,
          this.#rawBytes,
        );
        if (bytesRead === 0) return;
        const chunk = buffer.subarray(0, bytesRead);
        this.#rawBytes += bytesRead;
        this.#hash.update(chunk);
        yield chunk;
      }
    } finally {
      await this.#handle.close();
    }
  }

  async *#content(): AsyncGenerator<Buffer> {
    try {
      if (!this.#isPacked) {
        yield* this.#raw();
        return;
      }
      const unpacked = createGunzip();
      // Errors arrive through the iteration below.
      pipeline(Readable.from(this.#raw()), unpacked, () => {});
      yield* unpacked as AsyncIterable<Buffer>;
    } catch (error) {
      if (error instanceof InputError) throw error;
      const { code } = error as NodeJS.ErrnoException;
      if (code === "Z_BUF_ERROR") {
        throw cannotRead(this.path, `the .gz data is cut at byte ${this.#rawBytes}`, error);
      }
      if (code?.startsWith("Z_"))
        throw cannotRead(this.path, `damaged .gz data (${messageOf(error)})`, error);
      throw cannotRead(this.path, reasonOf(error), error);
    }
  }
}

function trimmed(number: number, offset: number, pieces: readonly Buffer[]): TextLine {
  let bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  if (bytes[bytes.length - 1] === 0x0d) bytes = bytes.subarray(0, -1);
  const hasMark = number === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return hasMark ? { number, offset: offset + 3, bytes: bytes.subarray(3) } : { number, offset, bytes };
}

function cannotRead(path: string, reason: string, cause?: unknown): InputError {
  return new InputError(`cannot read ${path}: ${reason}`, {
    code: "unreadable-file",
    hint: "give a plain text file (or .gz of one) that this user may read",
    cause,
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "no permission",
  EPERM: "no permission",
  EISDIR: "it is a folder, not a file",
  ELOOP: "too many links",
  ENXIO: "it is a socket or an unconnected device, not a file",
};

function reasonOf(error: unknown): string {
  return REASONS[(error as NodeJS.ErrnoException).code ?? ""] ?? messageOf(error);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a pipe";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

function bytesText(bytes: number): string {
  return bytes % MIB === 0 ? `${bytes / MIB} MiB` : `${bytes} bytes`;
}
