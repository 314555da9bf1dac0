/** @file Encoding and line ends of a text file: what is certain is found, anything else has to be named. */
import { ConfigError, InputError, messageOf } from "../../core/errors.js";
import { printable } from "./printable.js";

/** How the bytes of a file become lines. */
export interface TextForm {
  /** A label of the WHATWG encoding standard. "utf-8" is checked byte by byte by whoever reads the lines. */
  encoding: string;
  /** Lines end in CR alone, as on old Macintoshes. */
  isCrOnly: boolean;
}

/**
 * The form of a file by its first bytes: marks of UTF-8 and UTF-16, UTF-16 without a mark by its zeros, else UTF-8.
 * @param encoding - what the user named, which wins
 * @throws {ConfigError} on a name that is no encoding; {InputError} on UTF-32 and on bytes of no text.
 */
export function textForm(head: Buffer, path: string, encoding?: string): TextForm {
  const found = encoding === undefined ? encodingOf(head) : knownEncoding(encoding);
  if (found === "utf-32")
    throw new InputError(`${path}: UTF-32 is not read`, {
      code: "bad-encoding",
      hint: `convert it: iconv -f UTF-32 -t UTF-8 ${path} > utf8-file`,
    });
  const text = lossyText(head, found);
  // One zero byte may be a slip; many are another format.
  if (text.split("\0").length - 1 > text.length / 100)
    throw new InputError(`${path}: it holds zero bytes, so it is no text file`, {
      code: "not-text",
      hint: "give JSONL, JSON, CSV, TSV or Parquet; text in another encoding needs --encoding NAME",
    });
  return { encoding: found, isCrOnly: text.includes("\r") && !text.includes("\n") };
}

/** The text of the first bytes, for guesses: bad and cut characters become U+FFFD. */
export function lossyText(head: Buffer, encoding: string): string {
  return new TextDecoder(encoding).decode(head);
}

/** The content as UTF-8 with LF. @throws {InputError} while reading, where the bytes are not of that encoding */
export async function* asUtf8(
  content: AsyncIterable<Buffer>,
  { encoding, isCrOnly }: TextForm,
  path: string,
): AsyncGenerator<Buffer> {
  if (encoding === "utf-8") {
    for await (const chunk of content) yield isCrOnly ? withLf(chunk) : chunk;
    return;
  }
  const decoder = new TextDecoder(encoding, { fatal: true });
  let seen = 0;
  const decode = (chunk?: Buffer) => {
    try {
      return Buffer.from(chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode());
    } catch (error) {
      throw new InputError(`${path}: not ${encoding} near byte ${seen}: ${messageOf(error)}`, {
        code: "bad-encoding",
        hint: "name the encoding it was saved in with --encoding",
        cause: error,
      });
    }
  };
  for await (const chunk of content) {
    const text = decode(chunk);
    yield isCrOnly ? withLf(text) : text;
    seen += chunk.length;
  }
  yield decode();
}

/** Advice on a line that is not UTF-8: how it reads in the encoding that is likely. @param badAt - index of the bad byte */
export function encodingHint(bytes: Buffer, badAt: number): string {
  const around = bytes.subarray(Math.max(0, badAt - 20), badAt + 20);
  const read = printable(lossyText(around, "windows-1252"), 60);
  return `it looks like Latin-1 (Windows-1252): where ${read} reads right, pass --encoding latin1, else the name of the encoding it was saved in`;
}

function withLf(chunk: Buffer): Buffer {
  return Buffer.from(chunk.map((byte) => (byte === 0x0d ? 0x0a : byte)));
}

function knownEncoding(name: string): string {
  try {
    return new TextDecoder(name, { fatal: true }).encoding;
  } catch {
    throw new ConfigError(`--encoding: ${printable(name, 40)} is unknown`, {
      hint: "such as utf-8, utf-16le, latin1, windows-1251, shift_jis, gb18030, euc-kr",
    });
  }
}

function encodingOf(head: Buffer): string {
  const start = head.subarray(0, 4).toString("latin1");
  if (start === "\xff\xfe\0\0" || start === "\0\0\xfe\xff") return "utf-32";
  if (start.startsWith("\xff\xfe")) return "utf-16le";
  if (start.startsWith("\xfe\xff")) return "utf-16be";
  return utf16ByZeros(head.subarray(0, 4096)) ?? "utf-8";
}

/** Without a mark: nearly every other byte of western text in UTF-16 is zero, and none of the rest. */
function utf16ByZeros(head: Buffer): string | undefined {
  const zeros = [0, 0];
  for (const [index, byte] of head.entries()) if (byte === 0) zeros[index % 2]!++;
  const [even, odd] = zeros as [number, number];
  const many = head.length * 0.3;
  if (odd > many && even === 0) return "utf-16le";
  return even > many && odd === 0 ? "utf-16be" : undefined;
}
