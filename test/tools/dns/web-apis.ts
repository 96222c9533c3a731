import type { IncomingMessage } from 'node:http';
import type { DnsRecord } from '../../../tools/dns/types.ts';

interface Answer {
  status: number;
  body?: unknown;
}

export interface Api {
  records: DnsRecord[];
  /** It answers, with something else. */
  speaksOtherwise: boolean;
  /** Open ones, where there are any. */
  sessions(): number;
  answer(request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>, body: unknown): Answer;
}

interface Login {
  username: string;
  password: string;
}

interface Rewrite {
  domain: string;
  answer: string;
}

/** Source: AdGuardHome, openapi/openapi.yaml: /rewrite/list, /rewrite/add, /rewrite/update, /rewrite/delete; basic auth. */
export function adguardApi({ username, password }: Login): Api {
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const same =
    ({ domain, answer }: Rewrite) =>
    (record: DnsRecord) =>
      record.name === domain && record.address === answer;
  const api: Api = {
    records: [],
    speaksOtherwise: false,
    sessions: () => 0,
    answer({ method, url, headers }, body) {
      if (headers.authorization !== expected) return { status: 401 };
      if (api.speaksOtherwise) return { status: 200, body: { hello: 'world' } };
      const rewrite = body as Rewrite;
      switch (`${method} ${url}`) {
        case 'GET /control/rewrite/list':
          return {
            status: 200,
            body: api.records.map(({ name, address }) => ({ domain: name, answer: address })),
          };
        case 'POST /control/rewrite/add':
          api.records.push({ name: rewrite.domain, address: rewrite.answer });
          return { status: 200 };
        case 'POST /control/rewrite/delete':
          api.records = api.records.filter((record) => !same(rewrite)(record));
          return { status: 200 };
        case 'PUT /control/rewrite/update': {
          const { target, update } = body as { target: Rewrite; update: Rewrite };
          const at = api.records.findIndex(same(target));
          if (at < 0) return { status: 400 };
          api.records[at] = { name: update.domain, address: update.answer };
          return { status: 200 };
        }
        default:
          return { status: 404 };
      }
    },
  };
  return api;
}

/** Source: pi-hole/FTL, src/api/docs/content/specs: auth.yaml and config.yaml; sessions by X-FTL-SID. */
export function piholeApi({ password }: Login): Api {
  const open = new Set<string>();
  const api: Api = {
    records: [],
    speaksOtherwise: false,
    sessions: () => open.size,
    answer({ method, url = '', headers }, body) {
      if (api.speaksOtherwise) return { status: 200, body: { hello: 'world' } };
      if (url === '/api/auth' && method === 'POST') return login(body as { password: string });
      const sid = String(headers['x-ftl-sid']);
      if (!open.has(sid)) return { status: 401, body: { error: { key: 'unauthorized' } } };
      if (url === '/api/auth' && method === 'DELETE') {
        open.delete(sid);
        return { status: 204 };
      }
      return hosts(method, url);
    },
  };

  function login(body: { password: string }): Answer {
    if (body.password !== password)
      return { status: 401, body: { session: { valid: false, sid: null, message: 'password incorrect' } } };
    const sid = `sid-${open.size + 1}`;
    open.add(sid);
    return { status: 200, body: { session: { valid: true, totp: false, sid, csrf: 'x', validity: 300 } } };
  }

  function hosts(method: string | undefined, url: string): Answer {
    const list = '/api/config/dns/hosts';
    if (method === 'GET' && url === list) {
      const lines = api.records.map(({ name, address }) => `${address} ${name}`);
      return { status: 200, body: { config: { dns: { hosts: lines } } } };
    }
    const [address = '', name = ''] = decodeURIComponent(url.slice(list.length + 1)).split(' ');
    const at = api.records.findIndex((each) => each.name === name && each.address === address);
    if (method === 'PUT' && at < 0) api.records.push({ name, address });
    else if (method === 'DELETE' && at >= 0) api.records.splice(at, 1);
    else return { status: method === 'DELETE' ? 404 : 400 };
    return { status: method === 'PUT' ? 201 : 204 };
  }
  return api;
}
