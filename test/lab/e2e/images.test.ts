import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { composeFile, type Files, labYaml } from './support/lab-files.ts';

/** A real registry that wants a password, and tags that move. */
let lab: Homelab;

const registry = '127.0.0.1:5000';
const password = 'open-sesame-42';
const passwordFile = `/etc/steward/passwords/${registry}`;
const image = `${registry}/app:1`;

/** bcrypt of the password, cheap: the server is emulated. */
const htpasswd = 'ada:$2b$04$abcdefghijklmnopqrstuumIRtBhXKsoBwYnzhbMFXoVR/o0XJQ46';
const registryConfig = `version: 0.1
storage: { filesystem: { rootdirectory: /var/lib/test-registry } }
http: { addr: ${registry} }
auth: { htpasswd: { realm: lab, path: /etc/test-registry.htpasswd } }
`;

function app(name: string, revision = 1, service = 'app'): Files {
  const container = `  ${service}:
    image: ${name}
    container_name: ${service}
    command: ["sleep", "1000000"]
    stop_signal: SIGKILL
    restart: unless-stopped
    networks: [${service}_net]
    environment: { REVISION: "${revision}" }
`;
  return { [`services/${service}/docker-compose.yml`]: composeFile([container], `${service}_net`) };
}

const idOf = (name: string) => lab.run(`docker image inspect -f '{{.Id}}' ${name}`);
const deployed = async () => (await lab.run("docker inspect -f '{{.Image}}' app")).trim();

/** As somebody else pushes it, from another machine: nothing of it stays here. */
async function publish(from: string, name: string): Promise<void> {
  await lab.run(
    `docker --config /tmp/other login -u ada -p ${password} ${registry} 2> /dev/null && docker tag ${from} ${name} && docker --config /tmp/other push -q ${name} && docker rmi ${name} && rm -rf /tmp/other`,
  );
}

beforeAll(async () => {
  lab = await startHomelab();
  await lab.vm.writeFile('/etc/test-registry.htpasswd', `${htpasswd}\n`);
  await lab.vm.writeFile('/etc/test-registry.yml', registryConfig);
  await lab.run('systemd-run --unit test-registry docker-registry serve /etc/test-registry.yml');
  await lab.run(`until curl -s -o /dev/null http://${registry}/v2/; do sleep 0.3; done`);
  await publish('lab/busybox:1', image);
  await lab.vm.writeFile(passwordFile, `${password}\n`, '600');
  const registries = `registries: { "${registry}": { username: ada, password: { file: ${passwordFile} } } }\n`;
  await lab.push({ 'lab.yaml': labYaml + registries, ...app(image) });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test('a private image is fetched, and the password is written nowhere', async () => {
  const { plan } = await lab.plan();
  const [change] = plan.changes.filter(({ id }) => id === 'compose-stack:app');
  expect(change?.steps.map(({ op }) => op)).toEqual(['image-pull', 'compose-up']);
  await lab.converge();
  expect((await lab.containers()).app?.status).toBe('running');
  const places = '/var/lib/steward /run/steward /root/.docker /etc/steward/steward.yaml /tmp';
  expect(await lab.run(`grep -rlF ${password} ${places} 2> /dev/null || true`)).toBe('');
});

test('two stacks on one tag that change in one plan keep the image that each has', async () => {
  const tag = 'local/moving:1';
  const released = (name: string) => lab.run(`docker exec ${name} cat /etc/lab-release`);
  for (const [index, name] of ['older', 'newer'].entries()) {
    await lab.run(`docker tag lab/busybox:${index + 1} ${tag}`);
    await lab.push(app(tag, 1, name));
    await lab.converge();
  }
  await lab.push({ ...app(tag, 2, 'older'), ...app(tag, 2, 'newer') });
  const { plan } = await lab.plan();
  for (const { steps } of plan.changes)
    expect(steps.map(({ op }) => op)).toEqual(['image-tag', 'compose-up']);
  expect(plan.changes).toHaveLength(2);
  await lab.converge();
  expect(await released('older')).toContain('busybox 1');
  expect(await released('newer')).toContain('busybox 2');
  expect((await lab.plan()).plan.changes).toEqual([]);
  // An image that is in use cannot be taken away, as the next ones do.
  for (const name of ['older', 'newer']) {
    await lab.push({ [`services/${name}`]: null });
    await lab.converge();
  }
});

test('a change of something else keeps the image, also where the tag stands for another one by then', async () => {
  const before = await deployed();
  await lab.run(`docker tag lab/busybox:2 ${image}`);
  await lab.push(app(image, 2));
  await lab.converge();
  expect(await deployed()).toBe(before);
  expect((await idOf(image)).trim()).toBe(before);
  expect(await lab.run('docker exec app cat /etc/lab-release')).toContain('busybox 1');
});

test('and where it is gone from the host, it is fetched by its digest', async () => {
  const before = await deployed();
  await publish('lab/busybox:2', image);
  await lab.run(`docker rm -f app && docker rmi -f ${before}`);
  await lab.converge();
  expect(await lab.run('docker exec app cat /etc/lab-release')).toContain('busybox 1');
});

test('another tag in Git is another image; one that cannot be had leaves the service as it was, and says who asked', async () => {
  const before = await deployed();
  await lab.vm.writeFile(passwordFile, 'wrong-words\n', '600');
  await publish('lab/busybox:2', `${registry}/app:2`);
  await lab.push(app(`${registry}/app:2`, 2));
  const { exitCode, cycle } = await lab.reconcile();
  expect(exitCode).toBe(1);
  expect(cycle.outcomes).toMatchObject([{ id: 'compose-stack:app', result: 'failed' }]);
  const error = cycle.outcomes?.[0]?.error ?? '';
  expect(error).toContain(`image ${registry}/app:2 was not pulled: Docker says:`);
  expect(error).toContain(`it was asked as ada with the password in ${passwordFile}`);
  expect(error).not.toContain('wrong-words');
  expect(await deployed()).toBe(before);
  await lab.vm.writeFile(passwordFile, `${password}\n`, '600');
  await lab.run('steward retry app');
  await lab.converge();
  expect(await lab.run('docker exec app cat /etc/lab-release')).toContain('busybox 2');
});
