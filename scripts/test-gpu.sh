#!/usr/bin/env bash
# Op cases and gradients of tiny models on onnxruntime's WebGPU provider: through SwiftShader, a GPU in software, or with
# W4S_GPU=real on whatever adapter this machine has. Says which it was; where there is none it says why, and exits with 0.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "skipped: $1"
  exit 0
}

if [ "${W4S_GPU:-software}" = real ]; then
  echo "adapter: the first that this machine's drivers offer (W4S_GPU=real); w4s cannot ask for its name"
else
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || skip "SwiftShader is looked for on Linux on x64 only; W4S_GPU=real takes this machine's own adapter"
  library="${W4S_SWIFTSHADER:-/usr/lib/chromium/libvk_swiftshader.so}"
  [ -f "$library" ] || skip "no libvk_swiftshader.so (Debian: apt-get install chromium-common; or W4S_SWIFTSHADER=FILE)"
  PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q 'libvulkan\.so\.1' || skip "no libvulkan.so.1 (Debian: apt-get install libvulkan1)"
  driver="$(mktemp --suffix=.json)"
  trap 'rm -f "$driver"' EXIT
  printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.1.0"}}' "$library" > "$driver"
  # For this process only: llama.cpp would take a software adapter for a GPU.
  export VK_DRIVER_FILES="$driver" VK_ICD_FILENAMES="$driver" W4S_TEST_SOFTWARE="$library"
  echo "adapter: SwiftShader ($library), software: a GPU computed by the CPU. It shows that numbers are right, not how fast a GPU is."
fi
export W4S_TEST_DEVICE=webgpu
node_modules/.bin/vitest run --reporter=verbose tests/native/webgpu.test.ts
# The golden models of ../shared; without them these tests skip and say so.
node_modules/.bin/vitest run --reporter=verbose tests/golden/train.test.ts -t "loss and every gradient"
