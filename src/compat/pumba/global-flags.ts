import type { Flag } from './flag-set.ts';

/** Flags before the command: those of Pumba 1.1.7 in its order, those of older versions, ours. */
export function globalFlags(certificates: string): readonly Flag[] {
  return [
    {
      names: ['host', 'H'],
      kind: 'text',
      default: 'unix:///var/run/docker.sock',
      usage: 'socket of the engine',
      env: 'DOCKER_HOST',
    },
    { names: ['runtime'], kind: 'text', default: 'docker', usage: 'docker, containerd or podman' },
    {
      names: ['containerd-socket'],
      kind: 'text',
      default: '/run/containerd/containerd.sock',
      usage: 'socket of containerd',
    },
    { names: ['containerd-namespace'], kind: 'text', default: 'k8s.io', usage: 'namespace of containerd' },
    { names: ['podman-socket'], kind: 'text', usage: 'socket of Podman (found by itself when not given)' },
    { names: ['tls'], kind: 'bool', usage: 'use TLS; --tlsverify implies it' },
    {
      names: ['tlsverify'],
      kind: 'bool',
      usage: 'use TLS and check the certificate of the engine',
      env: 'DOCKER_TLS_VERIFY',
    },
    {
      names: ['tlscacert'],
      kind: 'text',
      default: `${certificates}/ca.pem`,
      usage: 'trust only certificates of this CA',
    },
    { names: ['tlscert'], kind: 'text', default: `${certificates}/cert.pem`, usage: 'our certificate' },
    { names: ['tlskey'], kind: 'text', default: `${certificates}/key.pem`, usage: 'the key of our certificate' },
    {
      names: ['log-level', 'l'],
      kind: 'text',
      default: 'warning',
      usage: 'debug, info, warning, error, fatal or panic; a dry run: info',
      env: 'LOG_LEVEL',
    },
    { names: ['json', 'j'], kind: 'bool', usage: 'log as JSON', env: 'LOG_JSON' },
    { names: ['slackhook'], kind: 'text', usage: 'incoming webhook of Slack that is told what is logged' },
    { names: ['slackchannel'], kind: 'text', default: '#pumba', usage: 'channel of Slack' },
    {
      names: ['interval', 'i'],
      kind: 'duration',
      usage: 'do it again and again, this often; needs a unit: ms, s, m or h',
    },
    {
      names: ['label'],
      kind: 'list',
      usage: 'only containers with this label, key or key=value (repeatable, or comma-separated; all must match)',
    },
    { names: ['random', 'r'], kind: 'bool', usage: 'one of the matching containers, drawn by lot' },
    { names: ['dry-run'], kind: 'bool', usage: 'log what would be hit, and touch nothing', env: 'DRY-RUN' },
    { names: ['skip-error'], kind: 'bool', usage: 'an error is logged as a warning, and the exit code is 0' },
    ...ours,
    { names: ['debug'], kind: 'bool', usage: 'older name of --log-level debug', hidden: true },
    { names: ['dry'], kind: 'bool', usage: 'older name of --dry-run', hidden: true },
  ];
}

/** What Pumba does not have. */
const ours: readonly Flag[] = [
  { names: ['fail-if-none', 'strict'], kind: 'bool', usage: 'exit with 1 when no container matches' },
  { names: ['allow-bad-pattern'], kind: 'bool', usage: 'a pattern that is not RE2 matches nothing, and is no error' },
  { names: ['seed'], kind: 'int', usage: 'the same seed makes the same choices (default: drawn)' },
  { names: ['state'], kind: 'text', usage: 'folder of the journals (default: that of zashiki)', env: 'ZASHIKI_STATE' },
];

export const helpFlag: Flag = { names: ['help', 'h'], kind: 'bool', usage: 'show help' };
export const versionFlag: Flag = { names: ['version', 'v'], kind: 'bool', usage: 'print the version' };
