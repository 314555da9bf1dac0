/** @file The HTTP server, read when one command needs it: its packages would make every other command wait. */

/** The module that starts a server. */
export const loadServer = () => import("./start-server.js");
