#!/usr/bin/env node
/** @file The `w4s` binary. */
import { runCli } from "./program.js";

await runCli(process.argv.slice(2));
