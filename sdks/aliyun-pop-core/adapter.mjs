// Adapter for pop-core, the generic client of Alibaba Cloud for Node.js.

import { require, serve } from './aswritten_adapter.mjs';

const SDKS = { ens: '@alicloud/pop-core' };
const { RPCClient } = require('@alicloud/pop-core');

function call({ version, action, arguments: given, endpoint, credentials, options }) {
  const client = new RPCClient({
    accessKeyId: credentials.id,
    accessKeySecret: credentials.secret,
    endpoint,
    apiVersion: version,
    opts: { timeout: options.timeout_ms },
  });
  return {
    written: `await client.request(${JSON.stringify(action)}, ${JSON.stringify(given)}, { method: "POST" })`,
    run: () => client.request(action, given, { method: 'POST', timeout: options.timeout_ms }),
    seen: (error) => ({
      code: error.code,
      status: error.entry?.response?.statusCode,
      request_id: error.data?.RequestId,
    }),
  };
}

await serve('aliyun-pop-core', SDKS, call);
