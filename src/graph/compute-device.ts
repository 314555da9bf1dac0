/** @file Devices that graphs may be computed on. */

/** `cpu` works everywhere; `webgpu` is experimental; `cuda` needs libraries that npm does not bring. */
export type ComputeDevice = "cpu" | "webgpu" | "cuda";
