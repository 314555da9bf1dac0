/** @file What serving takes from the HTTP adapter of hono for Node: the one place that names the package. */
export { getRequestListener, type HttpBindings } from "@hono/node-server";
export { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
