/** @file The functions of a workflow outside the sandbox, where no reply is known to be cut. */
import { readChoice, readCode, readMarks, readNumber } from "../../core/reply/reply-readers.js";
import { guestHelpers } from "./make-guest-helpers.js";

export const { number, choice, code, extract, vote, agreement, printed, fewShot } = guestHelpers(
  { readNumber, readChoice, readCode, readMarks },
  () => false,
);
