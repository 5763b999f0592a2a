// Adapter for the Alibaba Cloud SDKs for Node.js.

import { Unsupported, host, require, serve } from './aswritten_adapter.mjs';

const SDKS = { ecs: '@alicloud/ecs20140526', swas: '@alicloud/swas-open20200601' };
// The setting is called after the document, which counts its signatures otherwise than the requests do.
const SIGNING = { 'acs3-hmac-sha256': undefined, 'acs-hmac-sha1': 'v2' };
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const { RetryOptions } = require('@darabonba/typescript');

/** A model made of arguments by their names on the wire, and how one writes it. */
function model(kind, given) {
  const names = Object.fromEntries(Object.entries(kind.names()).map(([own, wire]) => [wire, own]));
  const fields = {};
  const written = [];
  for (const [wire, value] of Object.entries(given)) {
    const own = names[wire];
    if (own === undefined) throw new Unsupported(`${kind.name} has no ${wire}`);
    const inner = kind.types()[own]?.itemType;
    if (Array.isArray(value) && typeof inner === 'function') {
      const members = value.map((member) => model(inner, member));
      fields[own] = members.map((member) => member.made);
      written.push(`${own}: [${members.map((member) => member.written).join(', ')}]`);
    } else {
      fields[own] = value;
      written.push(`${own}: ${JSON.stringify(value)}`);
    }
  }
  return { made: new kind(fields), written: `new ${kind.name}({ ${written.join(', ')} })` };
}

function call({ service, action, arguments: given, region, endpoint, credentials, options }) {
  const sdk = require(SDKS[service]);
  const kind = sdk[`${action}Request`];
  if (kind === undefined) throw new Unsupported(`there is no ${action}Request`);
  const { made, written } = model(kind, given);
  const config = new $OpenApiUtil.Config({
    accessKeyId: credentials.id,
    accessKeySecret: credentials.secret,
    regionId: region,
    protocol: 'HTTP',
    endpoint: host(endpoint),
    readTimeout: options.timeout_ms,
    connectTimeout: options.timeout_ms,
    signatureAlgorithm: SIGNING[options.signing],
  });
  let note = '';
  if (options.retries) {
    const condition = { maxAttempts: options.retries + 1, errorCode: options.retry_codes, exception: [] };
    config.retryOptions = new RetryOptions({ retryable: true, retryCondition: [condition], noRetryCondition: [] });
    note = ` // Config.retryOptions: ${options.retries} times on ${options.retry_codes.join(', ')}`;
  }
  const method = action[0].toLowerCase() + action.slice(1);
  return {
    written: `await client.${method}(${written})${note}`,
    run: async () => {
      const answer = await new sdk.default(config)[method](made);
      return answer.body ? answer.body.toMap() : {};
    },
    seen: (error) => ({ code: error.code, status: error.statusCode, request_id: error.requestId ?? error.data?.RequestId }),
  };
}

await serve('alibabacloud-nodejs', SDKS, call);
