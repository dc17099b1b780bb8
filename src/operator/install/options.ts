/** What an installation is like. */
export interface InstallOptions {
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
  /** Only these namespaces are watched and hit; absent: the whole cluster. */
  readonly watch?: readonly string[] | undefined;
  readonly optIn: boolean;
  /** Programs may be run in pods (the fault container-exec). */
  readonly allowExec: boolean;
  /** As the operator's flag has it: `20` or `30%`. */
  readonly blastRadius?: string | undefined;
  readonly pauseImage?: string | undefined;
}

/** What is taken unless something else is said. */
export const usualInstall: Omit<InstallOptions, 'image'> = {
  namespace: 'zashiki',
  replicas: 2,
  optIn: false,
  allowExec: false,
};

/** Its Deployment. */
export const operatorName = 'zashiki-operator';

/** An object of Kubernetes, as it is applied. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [more: string]: unknown;
}

/** On everything that belongs to an installation. */
export const labels = (component: string): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/name': 'zashiki',
  'app.kubernetes.io/component': component,
});
