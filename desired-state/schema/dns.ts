import { z } from 'zod';
import { hostsFilePath } from './hosts-file.ts';
import { absolutePath, dnsName, ipAddress } from './names.ts';
import { mapping, text, whole, words } from './words.ts';

const passwordFile = mapping(
  {
    file: absolutePath(
      'File with the password, mode 0600: in a folder passwords, named as host and port of the address.',
      '/etc/steward/passwords/192.168.1.53',
    ),
  },
  'Where the password is, never the password itself.',
);

const url = text({
  expected: 'the address of its web interface',
  example: 'http://192.168.1.53',
  pattern: /^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._~/-]*)?$/,
  description: 'Address of its web interface.',
});

const rfc2136 = mapping(
  {
    provider: z.literal('rfc2136').describe('A server that takes dynamic updates, such as BIND.'),
    server: ipAddress('Address of the server.'),
    port: whole(1, 65_535, 'Port of the server.').default(53),
    zone: dnsName('Zone that the records go into.'),
    key: mapping(
      {
        file: absolutePath('Key file as tsig-keygen writes it, mode 0600.', '/etc/steward/dns.key'),
      },
      'Key that signs updates.',
    ).optional(),
    ttl: whole(1, 86_400, 'Seconds for which others may remember a record.').default(300),
  },
  'Records by dynamic updates.',
);

const hostsFile = mapping(
  {
    provider: z.literal('hosts-file').describe('A file that dnsmasq and the like read.'),
    file: hostsFilePath('File of names, all of it written by Steward.', '/etc/steward/hosts'),
    pidFile: absolutePath(
      'Process to be told (SIGHUP) when it changes.',
      '/run/dnsmasq/dnsmasq.pid',
    ).optional(),
  },
  'Records in a file.',
);

const adguard = mapping(
  {
    provider: z.literal('adguard').describe('DNS rewrites of AdGuard Home.'),
    url,
    username: text({
      expected: 'the name of a user',
      example: 'steward',
      pattern: /^[^\s:]+$/,
      description: 'Who Steward is there.',
    }),
    password: passwordFile,
  },
  'Records as DNS rewrites of AdGuard Home.',
);

const pihole = mapping(
  {
    provider: z.literal('pihole').describe('Local DNS records of Pi-hole 6.'),
    url,
    password: passwordFile,
  },
  'Records in the local DNS of Pi-hole 6.',
);

/** Where the names of routes become known. */
export const labDns = z
  .discriminatedUnion('provider', [rfc2136, hostsFile, adguard, pihole], {
    error: words(
      'a mapping with provider: rfc2136, hosts-file, adguard or pihole',
      'write { provider: hosts-file, file: /etc/steward/hosts }',
    ),
  })
  .describe('DNS server that is told where the names of routes lead.');

export type LabDns = z.output<typeof labDns>;
