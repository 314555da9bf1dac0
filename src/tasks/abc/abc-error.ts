/** @file Why a text is no tune in ABC notation, and where. */

/** Line and column count from 1. */
export interface AbcPlace {
  line: number;
  column: number;
}

export class AbcError extends Error {
  readonly line: number;
  readonly column: number;
  constructor(reason: string, { line, column }: AbcPlace) {
    super(`line ${line}, column ${column}: ${reason}`);
    this.line = line;
    this.column = column;
  }
}
