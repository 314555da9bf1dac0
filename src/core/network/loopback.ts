/** @file Addresses of this machine. */
import { isIPv4 } from "node:net";

/** True for a host name, as URLs hold it, that stands for this machine. */
export function isLoopback(hostname: string): boolean {
  if (hostname === "[::1]" || hostname === "localhost" || hostname.endsWith(".localhost")) return true;
  return isIPv4(hostname) && hostname.startsWith("127.");
}
