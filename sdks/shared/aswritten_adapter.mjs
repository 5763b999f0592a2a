// What every adapter for Node.js shares: one JSON object per line each way.
//
// The protocol is described in the documentation of the module `aswritten::sdk::protocol`, and checked by
// `aswritten sdk check-adapter`.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const PROTOCOL = 1;

/** The SDK has no way to make this call. */
export class Unsupported extends Error {}

/** The endpoint without its scheme, as most SDKs want it. */
export const host = (endpoint) => endpoint.replace(/^\w+:\/\//, '').replace(/\/$/, '');

export const require = createRequire(import.meta.url);

/** Names of the error's class and of those that it inherits from. */
export function classes(error) {
  const names = [];
  for (let kind = error?.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) names.push(kind.name);
  return names.length > 0 ? names : [typeof error];
}

function version(name) {
  const path = new URL(`./node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')).version;
}

/**
 * Answers the lines on standard input until it ends.
 *
 * `sdks` maps services to names of packages. `call` makes one call: it returns how a caller would write it, a promise of what
 * it returned, and what a caller can see of an error.
 */
export async function serve(adapter, sdks, call) {
  const write = process.stdout.write.bind(process.stdout);
  // Whatever an SDK prints must not get between the lines.
  process.stdout.write = process.stderr.write.bind(process.stderr);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim()) write(`${JSON.stringify(await answer(adapter, sdks, call, line))}\n`);
  }
  process.exit(0);
}

async function answer(adapter, sdks, call, line) {
  let ask;
  try {
    ask = JSON.parse(line);
    if (ask.id === undefined || ask.ask === undefined) throw new Error('`id` or `ask` is missing');
  } catch (error) {
    return { id: null, outcome: 'not-understood', reason: `no line of the protocol: ${error.message}` };
  }
  const { id } = ask;
  if (ask.ask === 'hello') {
    if (ask.protocol !== PROTOCOL) return { id, outcome: 'not-understood', reason: `only protocol ${PROTOCOL} is spoken here` };
    const known = Object.entries(sdks).map(([service, sdk]) => ({ service, sdk, sdk_version: version(sdk) }));
    return { id, protocol: PROTOCOL, adapter, runtime: `Node.js ${process.versions.node}`, sdks: known };
  }
  if (ask.ask !== 'call') return { id, outcome: 'not-understood', reason: `nothing is known of \`${ask.ask}\`` };
  if (!(ask.service in sdks)) return { id, outcome: 'unsupported', reason: `no SDK for ${ask.service} here` };
  let made;
  try {
    made = call(ask);
  } catch (error) {
    if (error instanceof Unsupported) return { id, outcome: 'unsupported', reason: error.message };
    // What the adapter itself trips over does not end it.
    return { id, outcome: 'not-understood', reason: String(error) };
  }
  const { written, run, seen } = made;
  try {
    const fields = await run();
    return fields !== null && typeof fields === 'object'
      ? { id, outcome: 'success', call: written, fields }
      : { id, outcome: 'success', call: written, text: String(fields) };
  } catch (error) {
    const shown = { class: classes(error), message: String((error && error.message) ?? error), ...seen(error) };
    return { id, outcome: 'error', call: written, error: shown };
  }
}
