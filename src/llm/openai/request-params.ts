/** @file The user's own members and headers of a request: sent as they are. */
import { ConfigError } from "../../core/errors.js";

/** Members of the request body by name, with four of their own meaning. */
export interface RequestParams {
  /** HTTP headers; `${NAME}` in a value stands for a variable of the environment. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as the header OpenAI-Organization. */
  organization?: string | undefined;
  /** Sent as the header OpenAI-Project. */
  project?: string | undefined;
  /** Further members of the body; they win over equal names beside it. */
  extra_body?: Readonly<Record<string, unknown>> | undefined;
  [member: string]: unknown;
}

/** @throws {ConfigError} where a header names a variable that is not set */
export function splitParams(params: RequestParams = {}): {
  headers: Record<string, string>;
  body: Record<string, unknown>;
} {
  const { headers = {}, organization, project, extra_body, ...members } = params;
  const all = { ...headers };
  if (organization !== undefined) all["openai-organization"] = organization;
  if (project !== undefined) all["openai-project"] = project;
  const filled = Object.entries(all).map(([name, value]) => [name, filledIn(name, value)]);
  return { headers: Object.fromEntries(filled), body: { ...members, ...extra_body } };
}

function filledIn(name: string, value: string): string {
  return value.replace(/\$\{(\w+)\}/g, (_, variable: string) => {
    const found = process.env[variable];
    if (found === undefined) {
      throw new ConfigError(`params: header ${name} needs the variable ${variable}, which is not set`, {
        hint: `set ${variable} in the environment`,
      });
    }
    return found;
  });
}
