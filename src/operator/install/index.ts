/** Putting an operator and its agents into a cluster, and taking them out again. */
export { applyObjects, whenGone, whenReady } from './apply.ts';
export { manifest } from './manifest.ts';
export { type InstallOptions, type KubernetesObject, usualInstall } from './options.ts';
export { retire } from './retire.ts';
export { uninstall } from './uninstall.ts';
