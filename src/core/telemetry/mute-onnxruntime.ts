/** @file onnxruntime without its own telemetry, which sends usage to its maker and leaves files behind. */

/**
 * Turns the telemetry of onnxruntime off for this process; to be called before the package is loaded, which
 * looks once. A value that the user has set stays.
 * @source docs/Privacy.md of onnxruntime: ORT_DISABLE_TELEMETRY, from 1.29 on
 */
export function muteOnnxruntime(): void {
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
}
