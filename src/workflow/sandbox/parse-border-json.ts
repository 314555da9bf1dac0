/** @file JSON text that came from a sandbox process: bounded before it is parsed. */

/** The guest's side refuses from depth 64 on; anything deeper did not come from it. */
const MAX_DEPTH = 128;

/**
 * Parses text of a child.
 * @throws {RangeError} when it is longer than `maxBytes` or nested too deeply
 * @throws {SyntaxError} when it is not JSON
 */
export function parseBorderJson(text: string, maxBytes: number): unknown {
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    throw new RangeError(`more than ${maxBytes} bytes`);
  }
  let depth = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (isString) {
      if (character === 0x5c) i++;
      else if (character === 0x22) isString = false;
    } else if (character === 0x22) isString = true;
    else if (character === 0x5b || character === 0x7b) {
      if (++depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH}`);
    } else if (character === 0x5d || character === 0x7d) depth--;
  }
  return JSON.parse(text);
}
