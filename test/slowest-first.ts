import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes, the longest first. */
const slowest = [
  'src/faults/container-resources.docker',
  'test/matrix/matrix.docker',
  'src/compat/pumba/network.docker',
  'test/kill/runner.docker',
  'test/deploy/manifests.docker',
  'test/crash.docker',
  'test/kill/engine.docker',
  'src/compat/pumba/lifecycle.docker',
  'test/kill/stacked.docker',
  'examples/docker/examples.docker',
  'src/faults/containers.docker',
  'test/kill/helper-container.docker',
  'test/kill/container.docker',
  'test/kill/helper.docker',
  'test/kubernetes/schedules.k8s',
  'src/operator/runs.k8s',
  'src/operator/installation.k8s',
  'src/operator/faults.k8s',
  'lab/kubernetes/lab.k8s',
  'src/faults/pods.k8s',
  'examples/kubernetes/three-kills.k8s',
  'test/kubernetes/node-lost.k8s',
  'test/kubernetes/scale.k8s',
  'src/agent/agent.k8s',
  'examples/kubernetes/examples.k8s',
];

/** Starts with the files that take longest, so that no worker is left alone with one of them at the end. */
export default class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = slowest.findIndex((name) => moduleId.includes(`/${name}.`));
      return at < 0 ? slowest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
