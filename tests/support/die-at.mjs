/**
 * @file Preloaded into a command: tells on stderr every write to its run and every call as it comes, and ends the
 * process with SIGKILL at a chosen one. From outside none can be chosen: a process goes on until the signal arrives.
 */
import fs from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { relative, resolve } from "node:path";
import { isMainThread } from "node:worker_threads";

/** `moments` in the order of their coming, each "before", "half" or "after" and a name. Threads, which may have no environment, are left alone. */
const { run, moments } = isMainThread ? JSON.parse(process.env.DIE_AT) : { run: "/dev/null", moments: [] };
const { closeSync, openSync, promises, rename, writeSync } = fs;
const { open: openHandle, rename: renameLater } = promises;
const { request } = http;
/** Open logs by descriptor: their name in the run, and how many lines they have. */
const logs = new Map();
let calls = 0;

const tell = (name) => writeSync(2, `comes ${name}\n`);
const nameOf = (path) => relative(run, resolve(String(path)));

function dieIf(isChosen, moment) {
  if (!isChosen) return;
  writeSync(2, `died ${moment}\n`);
  process.kill(process.pid, "SIGKILL");
}
/** A moment that was missed must not keep the later ones from coming. */
const passing = (moment) => dieIf(moments.includes(moment), moment);
/** Calls are counted from the start of the process: they mean something only where they come next. */
const calling = (moment) => dieIf(moments[0] === moment, moment);

/** Events are named by what they tell: after a kill they do not have the line number they had before. */
function lineName(name, line, text) {
  if (name !== "events.jsonl") return `${name}:${line}`;
  const { type, round, record, phase, policy, event, episode, turn, index } = JSON.parse(text);
  // Warnings come at any time, above all after a kill.
  if (type === "warning") return undefined;
  const told = [type, round ?? record?.round, phase, policy, event?.type, event?.step, episode, turn, index];
  return [name, ...told.filter((word) => ["string", "number"].includes(typeof word))].join(" ");
}

fs.openSync = (path, flags, ...rest) => {
  const descriptor = openSync(path, flags, ...rest);
  const name = nameOf(path);
  if (flags === "a" && !name.startsWith(".."))
    logs.set(descriptor, { name, lines: fs.readFileSync(path, "utf8").split("\n").length - 1 });
  return descriptor;
};

fs.closeSync = (descriptor) => {
  logs.delete(descriptor);
  closeSync(descriptor);
};

fs.writeSync = (descriptor, text, ...rest) => {
  const log = logs.get(descriptor);
  const name = log && lineName(log.name, ++log.lines, text);
  if (name === undefined) return writeSync(descriptor, text, ...rest);
  tell(name);
  passing(`before ${name}`);
  if (moments.includes(`half ${name}`)) writeSync(descriptor, text.slice(0, text.length / 2));
  passing(`half ${name}`);
  const written = writeSync(descriptor, text, ...rest);
  passing(`after ${name}`);
  return written;
};

// The last step of every file that is written as a whole.
fs.rename = (from, to, done) => {
  const name = nameOf(to);
  if (name.startsWith("..")) return rename(from, to, done);
  tell(name);
  passing(`before ${name}`);
  rename(from, to, (error) => {
    passing(`after ${name}`);
    done(error);
  });
};

// Large files: written piece by piece beside their place, then renamed.
promises.open = async (path, ...rest) => {
  const handle = await openHandle(path, ...rest);
  const moment = `half ${nameOf(path).replace(/\.\d+-\d+\.tmp$/, "")}`;
  if (moments.includes(moment)) {
    handle.write = async (bytes) => {
      writeSync(handle.fd, bytes, 0, bytes.length >> 1);
      passing(moment);
    };
  }
  return handle;
};

promises.rename = async (from, to) => {
  const name = nameOf(to);
  if (name.startsWith("..")) return renameLater(from, to);
  tell(name);
  passing(`before ${name}`);
  await renameLater(from, to);
  passing(`after ${name}`);
};

// Updates of a training, as they are told to the parent.
const send = process.send?.bind(process);
if (send !== undefined) {
  process.send = (message, ...rest) => {
    const isUpdate = message.type === "event" && message.event.type === "step";
    if (isUpdate) passing(`before update ${message.event.step}`);
    return send(message, ...rest);
  };
}

http.request = (url, options, ...rest) => {
  if (options.method !== "POST") return request(url, options, ...rest);
  const name = `call ${++calls}`;
  tell(name);
  calling(`before ${name}`);
  const outgoing = request(url, options, ...rest);
  // The reply is there and paid for, and not yet stored.
  outgoing.once("response", (incoming) => incoming.once("end", () => calling(`after ${name}`)));
  return outgoing;
};

syncBuiltinESMExports();
