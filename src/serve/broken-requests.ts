/** @file Answers to what is no HTTP request, or none that may be read on, in the form of all other errors: Node's have no body. */
import { type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { ApiError } from "./api-error.js";

/** Refusal by the code of Node's error; all others are 400. */
const REFUSALS: Readonly<Record<string, [status: number, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "headers_too_large", "the headers of the request are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    413,
    "request_too_large",
    "the chunk extensions of the request are too large",
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "request_timeout", "the request did not come to its end in time"],
};

/** Takes the place of Node's answers without a body; a connection ends with each of them. */
export function answerBrokenRequests(server: Server): void {
  const latest = new WeakMap<Socket, ServerResponse>();
  server.on("request", ({ socket }, response) => latest.set(socket, response));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const response = latest.get(socket);
    // Bytes of ours behind half an answer would be read as a part of it.
    const isAnswering = response?.headersSent && !response.writableFinished;
    if (error.code === "ECONNRESET" || !socket.writable || isAnswering) return socket.destroy();
    const [status, code, message] = REFUSALS[error.code ?? ""] ?? [
      400,
      "invalid_request",
      "this is no valid HTTP request",
    ];
    const { head, body } = parts(new ApiError(status, code, message));
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`, () =>
      socket.destroy(),
    );
  });
  server.on("checkExpectation", (_, response) => {
    const { head, body } = parts(
      new ApiError(417, "unknown_expectation", "only 100-continue can be expected"),
    );
    response.writeHead(417, head).end(body);
  });
}

function parts(error: ApiError): { head: Record<string, string>; body: string } {
  const body = JSON.stringify(error.body());
  const head = { "content-type": "application/json", "content-length": `${Buffer.byteLength(body)}` };
  return { head: { ...head, connection: "close" }, body };
}
