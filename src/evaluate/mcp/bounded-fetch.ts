/** @file fetch whose bodies end in an error where they are too big to be meant. */

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** As the global fetch. A body is counted as it is read; streams of events that stay open are counted as a whole. */
export async function boundedFetch(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.body === null) return response;
  let size = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES)
        controller.error(new Error(`more than ${MAX_BODY_BYTES} bytes in one answer`));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(counted), { status, statusText, headers });
}
