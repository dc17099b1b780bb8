import type { AnyPlatform } from './platform.ts';

/** Every platform, loaded when first used. Keys are the folder names. */
export const platforms: Readonly<Record<string, () => Promise<AnyPlatform>>> = {
  host: async () => (await import('./host/platform.ts')).default,
  docker: async () => (await import('./docker/platform.ts')).default,
  kubernetes: async () => (await import('./kubernetes/platform.ts')).default,
  'node-container': async () => (await import('./node-container/platform.ts')).default,
  proxy: async () => (await import('./proxy/platform.ts')).default,
};
