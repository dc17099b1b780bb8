import { z } from 'zod';

/** Which containers of this machine: by id, as Kubernetes and the runtimes write it, or by the pod that holds them. */
export interface NodeContainerSelector {
  readonly id?: string | readonly string[] | undefined;
  readonly pod?: string | undefined;
}

const Id = z
  .string()
  .regex(
    /^(?:[a-z][a-z0-9+.-]*:\/\/)?[A-Za-z0-9][A-Za-z0-9_.-]{3,127}$/,
    'write the id of a container, like containerd://4f5a… or 4f5a…, in full',
  );
const Uid = z.string().regex(/^[0-9a-f][0-9a-f_-]{15,63}$/i, 'write the uid of a pod');

/** The `target: { node-container: … }` part of a document. Output is the same JSON as the input. */
export const NodeContainerSelector = z
  .strictObject({
    id: z
      .union([Id, z.array(Id).min(1, 'the list is empty')], { error: 'write the id of a container, or a list of them' })
      .optional()
      .describe('Id of the container in full, with or without its runtime: containerd://…, cri-o://…, docker://….'),
    pod: Uid.optional().describe(
      'uid of the Kubernetes pod that it belongs to. When the container does not run, the pod’s network is meant.',
    ),
  })
  .superRefine(({ id, pod }, context) => {
    if (id !== undefined || pod !== undefined || context.issues.length > 0) return;
    const message = 'says nothing: write for example `id: containerd://4f5a…`';
    context.addIssue({ code: 'custom', message });
  })
  .meta({ title: 'node-container selector', description: 'Which containers of this machine.' });
