/** @file The minicpm family: MiniCPM and MiniCPM4 files; Granite's layer, whose scales must stand in the file. */
import type { Family } from "./family.js";
import { granite } from "./granite.js";

/** llama.cpp makes up numbers of the first MiniCPM where one of these is missing; what it makes up is not computed here. */
const SCALES = ["embedding_scale", "residual_scale", "logit_scale"];

export const minicpm: Family = {
  ...granite,
  name: "minicpm",

  traits(keys, sizes) {
    for (const key of SCALES) keys.number(key);
    // llama.cpp reads no score scale in this family.
    keys.refuseIfPresent(["attention.scale"]);
    return granite.traits(keys, sizes);
  },
};
