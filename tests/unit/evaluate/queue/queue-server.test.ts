/** @file The address of a queue, and what kind of server is refused. */
import { describe, expect, it } from "vitest";
import { badQueueUrl } from "../../../../src/config/queue-url.js";
import { ConfigError } from "../../../../src/core/errors.js";
import { type AskedServer, checkServer } from "../../../../src/evaluate/queue/check-server.js";

describe("badQueueUrl", () => {
  it.each(["redis://127.0.0.1:6379", "rediss://user@queue.example:6380/2", "redis://queue"])(
    "takes %s",
    (url) => {
      expect(badQueueUrl(url)).toBeUndefined();
    },
  );

  it.each([
    ["127.0.0.1:6379", "did you mean redis://127.0.0.1:6379"],
    ["http://queue:6379", "must be redis://"],
    ["postgres://queue/db", "PostgreSQL"],
    ["redis://:secret@queue:6379", "W4S_QUEUE_PASSWORD"],
    ["redis://queue:6379/a/b", "number of a database"],
    ["redis:///0", "must name a host"],
  ])("refuses %s and never repeats a password", (url, why) => {
    expect(badQueueUrl(url)).toContain(why);
    expect(badQueueUrl(url)).not.toContain("secret");
  });
});

function server(version: string, settings: Record<string, string> | Error): AskedServer {
  return {
    info: async (section) =>
      section === "server" ? `# Server\r\nredis_version:${version}\r\n` : "maxmemory_policy:allkeys-lru\r\n",
    config: async (_, name) => {
      if (settings instanceof Error) throw settings;
      return name in settings ? [name, settings[name]] : [];
    },
  };
}

describe("checkServer", () => {
  const check = async (version: string, settings: Record<string, string> | Error) => {
    const warnings: string[] = [];
    await checkServer(server(version, settings), "redis://queue", (message) => warnings.push(message));
    return warnings;
  };
  const good = { "maxmemory-policy": "noeviction", appendonly: "yes" };

  it.each(["6.2.0", "7.0.15", "8.1.2"])("takes %s that forgets nothing", async (version) => {
    expect(await check(version, good)).toEqual([]);
  });

  it.each(["5.0.14", "6.0.16"])("refuses %s", async (version) => {
    await expect(check(version, good)).rejects.toThrow(/6\.2 or newer/);
  });

  it("refuses a server that evicts, also where only INFO tells it", async () => {
    const evicting = { ...good, "maxmemory-policy": "allkeys-lru" };
    await expect(check("7.2.0", evicting)).rejects.toThrow(ConfigError);
    await expect(check("7.2.0", new Error("ERR unknown command 'CONFIG'"))).rejects.toThrow(/allkeys-lru/);
  });

  it("warns where nothing is kept on disk", async () => {
    expect(await check("7.2.0", { ...good, appendonly: "no" })).toEqual([
      expect.stringContaining("keeps nothing on disk"),
    ]);
  });
});
