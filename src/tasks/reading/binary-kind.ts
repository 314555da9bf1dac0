/** @file Files that hold no text, told by their first bytes, with what to do about them. */
import { extname } from "node:path";

interface BinaryKind {
  /** "an Excel workbook (.xlsx)". */
  what: string;
  hint: string;
}

const SAVE_AS = "open it in a spreadsheet and save the sheet as CSV (UTF-8)";

/** How Python's pandas turns a file into one that is read here. */
const convert = (reader: string) =>
  `turn it into JSONL, for example with Python: import pandas as pd; pd.${reader}(FILE).to_json("data.jsonl", orient="records", lines=True)`;

const ARROW = {
  what: "an Arrow file",
  hint: `${convert("read_feather")}; a saved Hugging Face dataset: datasets.load_from_disk(FOLDER).to_json("data.jsonl")`,
};
const WITH_TOOL = (tool: string) => `unpack it first with ${tool}; .gz is read as it is`;

/** First bytes, as Latin-1. */
const KINDS: readonly (readonly [string, BinaryKind])[] = [
  ["ARROW1", ARROW],
  ["\xff\xff\xff\xff", ARROW],
  ["\xd0\xcf\x11\xe0", { what: "an old Office file (.xls)", hint: SAVE_AS }],
  [
    "SQLite format 3\0",
    { what: "an SQLite database", hint: "export the table as CSV: sqlite3 -csv -header" },
  ],
  ["\x28\xb5\x2f\xfd", { what: "zstd data", hint: WITH_TOOL("zstd -d") }],
  ["BZh", { what: "bzip2 data", hint: WITH_TOOL("bunzip2") }],
  ["\xfd7zXZ\0", { what: "xz data", hint: WITH_TOOL("unxz") }],
  ["7z\xbc\xaf", { what: "a 7z archive", hint: WITH_TOOL("7z x") }],
  ["%PDF-", { what: "a PDF", hint: "make a table of its items: CSV or JSONL" }],
  ["Obj\x01", { what: "an Avro file", hint: "turn it into JSONL first" }],
  ["ORC", { what: "an ORC file", hint: convert("read_orc") }],
  ["\x89HDF", { what: "an HDF5 file", hint: convert("read_hdf") }],
  ["\x80\x04\x95", { what: "a Python pickle", hint: convert("read_pickle") }],
  ["\x80\x05\x95", { what: "a Python pickle", hint: convert("read_pickle") }],
  ["GGUF", { what: "a GGUF model", hint: "name a file of records; a model goes to --model" }],
];

/** What a file holds that is no text, or undefined. @param head - its first bytes, the longer the better */
export function binaryKind(head: Buffer, path: string): BinaryKind | undefined {
  const start = head.subarray(0, 64 * 1024).toString("latin1");
  const found = KINDS.find(([magic]) => start.startsWith(magic));
  if (found && !(found[0] === "ORC" && isText(head))) return found[1];
  if (start.startsWith("PK\x03\x04")) return zipKind(start, path);
  if (/^version https:\/\/git-lfs/.test(start))
    return { what: "a pointer of Git LFS, not the data", hint: "fetch the data with git lfs pull" };
  if (/^\s*<(?:!doctype|html)\b/i.test(start))
    return { what: "an HTML page, not a file of records", hint: "download the raw file instead" };
  return undefined;
}

function zipKind(start: string, path: string): BinaryKind {
  const ending = extname(path).toLowerCase();
  if (ending === ".xlsx" || ending === ".xlsm" || /\bxl\//.test(start))
    return { what: "an Excel workbook (.xlsx)", hint: SAVE_AS };
  if (ending === ".ods" || start.includes("opendocument.spreadsheet"))
    return { what: "an OpenDocument spreadsheet (.ods)", hint: SAVE_AS };
  return { what: "a zip archive", hint: "unpack it and name the file, or the folder, with the records" };
}

/** No byte that text has no use for. */
function isText(head: Buffer): boolean {
  return !/[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(head.toString("latin1"));
}
