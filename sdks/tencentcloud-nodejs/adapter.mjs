// Adapter for the Tencent Cloud SDK for Node.js.

import { Unsupported, host, require, serve } from './aswritten_adapter.mjs';

const SDKS = { cvm: 'tencentcloud-sdk-nodejs-cvm' };
const SIGNING = { 'tc3-hmac-sha256': 'TC3-HMAC-SHA256', 'tc-hmac-sha1': 'HmacSHA1', 'tc-hmac-sha256': 'HmacSHA256' };

function call({ service, version, action, arguments: given, region, endpoint, credentials, options }) {
  const { Client } = require(SDKS[service])[service][`v${version.replaceAll('-', '')}`];
  if (typeof Client.prototype[action] !== 'function') throw new Unsupported(`the client has no ${action}`);
  const client = new Client({
    credential: { secretId: credentials.id, secretKey: credentials.secret },
    region,
    profile: {
      signMethod: SIGNING[options.signing],
      httpProfile: { endpoint: host(endpoint), protocol: 'http://', reqTimeout: options.timeout_ms / 1000 },
    },
  });
  return {
    written: `await client.${action}(${JSON.stringify(given)})`,
    run: () => client[action](given),
    seen: (error) => ({ code: error.code, status: error.httpCode, request_id: error.requestId }),
  };
}

await serve('tencentcloud-nodejs', SDKS, call);
